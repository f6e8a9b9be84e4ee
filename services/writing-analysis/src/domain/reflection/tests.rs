#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lyceum_prose::Prose;
use proptest::prelude::*;

use super::*;

/// The labelled texts: the first, third, ... for development, the second, fourth, ... held out. The cues were adjusted
/// on the development half alone; but their author had written both halves before, so the held-out half flatters. The
/// figure to quote is that of `fresh.tsv`, written when the cues were finished. Two earlier such sets came out with a
/// kappa of 0.30 and 0.24; they widened the rules and are development since (`widening.tsv`).
fn labelled(held_out: bool) -> Vec<(Level, &'static str)> {
    texts(include_str!("labelled.tsv"))
        .into_iter()
        .enumerate()
        .filter(|(index, _)| (index % 2 == 1) == held_out)
        .map(|(_, case)| case)
        .collect()
}

fn texts(file: &'static str) -> Vec<(Level, &'static str)> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (level, text) = line.split_once('\t').unwrap();
            let level = match level {
                "habitual" => Level::Habitual,
                "understanding" => Level::Understanding,
                "reflection" => Level::Reflection,
                "critical" => Level::Critical,
                other => panic!("no level is called {other}"),
            };
            (level, text)
        })
        .collect()
}

struct Agreement {
    exact: f64,
    adjacent: f64,
    kappa: f64,
}

/// Agreement with the labels; kappa is weighted by squares (Cohen 1968).
fn agreement(cases: &[(Level, &str)], title: &str) -> Agreement {
    let mut table = [[0_u32; 4]; 4];
    for (expected, text) in cases {
        let found = evaluate(&Prose::parse(text));
        table[*expected as usize][found.level as usize] += 1;
        if found.level != *expected && title == "development" {
            println!(
                "  {expected:?} judged {:?} {:.2}: {}",
                found.level,
                found.depth,
                &text[..60]
            );
        }
    }
    println!("{title}: rows are labels, columns judgements");
    for row in table {
        println!("  {row:?}");
    }
    let total: u32 = table.iter().flatten().sum();
    let at = |test: fn(usize) -> bool| {
        let hits: u32 = (0..4)
            .flat_map(|i| (0..4).map(move |j| (i, j)))
            .filter(|(i, j): &(usize, usize)| test(i.abs_diff(*j)))
            .map(|(i, j)| table[i][j])
            .sum();
        f64::from(hits) / f64::from(total)
    };
    let (mut observed, mut expected) = (0.0, 0.0);
    for i in 0..4_usize {
        for j in 0..4_usize {
            let weight = f64::from(u32::try_from(i.abs_diff(j).pow(2)).unwrap());
            let row: u32 = table[i].iter().sum();
            let column: u32 = table.iter().map(|row| row[j]).sum();
            observed += weight * f64::from(table[i][j]);
            expected += weight * f64::from(row) * f64::from(column) / f64::from(total);
        }
    }
    let result = Agreement {
        exact: at(|distance| distance == 0),
        adjacent: at(|distance| distance <= 1),
        kappa: 1.0 - observed / expected,
    };
    println!(
        "  exact {:.2}, adjacent {:.2}, weighted kappa {:.2}",
        result.exact, result.adjacent, result.kappa
    );
    result
}

#[test]
fn agrees_with_the_labels() {
    let mut cases = labelled(false);
    cases.extend(texts(include_str!("widening.tsv")));
    let development = agreement(&cases, "development");
    let held_out = agreement(&labelled(true), "held out");
    let fresh = agreement(&texts(include_str!("fresh.tsv")), "fresh");
    assert!(development.kappa >= 0.8);
    assert!(fresh.adjacent >= 0.9, "fresh, adjacent agreement {}", fresh.adjacent);
    assert!(fresh.kappa >= 0.7, "fresh, weighted kappa {}", fresh.kappa);
    assert!(held_out.exact >= 0.75, "exact agreement {}", held_out.exact);
    assert!(held_out.adjacent >= 0.95, "adjacent agreement {}", held_out.adjacent);
    assert!(held_out.kappa >= 0.8, "weighted kappa {}", held_out.kappa);
}

#[test]
fn every_cue_can_be_found() {
    assert_eq!(CUES.unreachable(), 0);
}

#[test]
fn short_texts_are_never_sure() {
    for (_, text) in labelled(false).into_iter().chain(labelled(true)) {
        let short: Vec<&str> = text.split(' ').take(59).collect();
        let prose = &short.join(" ");
        assert!(evaluate(&Prose::parse(prose)).confidence < 0.5);
    }
}

#[test]
fn more_text_of_the_same_kind_is_surer() {
    let (_, text) = labelled(false)[0];
    let short = evaluate(&Prose::parse(text)).confidence;
    let longer: String = labelled(false)[..8]
        .iter()
        .map(|(_, text)| format!("{text}\n"))
        .collect();
    assert!(evaluate(&Prose::parse(&longer)).confidence > short);
}

#[test]
fn saying_it_again_deepens_nothing() {
    let once = "I realised that I had been wrong. Next time I will ask.";
    let often = format!("{once} ").repeat(40);
    let (once, often) = (evaluate(&Prose::parse(once)), evaluate(&Prose::parse(&often)));
    assert_eq!(once.depth, often.depth);
    assert_eq!(once.confidence, often.confidence);
}

#[test]
fn weak_indicators_ask_and_strong_ones_do_not() {
    let told = evaluate(&Prose::parse(
        "We went by bus. We ate our sandwiches. We came home at six.",
    ));
    assert_eq!(told.level, Level::Habitual);
    let by = |indicator: Indicator| {
        told.indicators
            .iter()
            .find(|score| score.indicator == indicator)
            .unwrap()
    };
    assert!(by(Indicator::Experience).question.is_empty());
    assert!(by(Indicator::Outcome).question.ends_with('?'));
    assert!(told.rationale.contains("short"));
}

#[test]
fn a_text_without_words_has_no_depth() {
    let nothing = evaluate(&Prose::parse("…"));
    assert_eq!(
        (nothing.level, nothing.depth, nothing.confidence),
        (Level::Habitual, 0.0, 0.0)
    );
}

proptest! {
    #[test]
    fn any_text_is_judged_within_bounds(text in "(\\PC| i | felt |because|\\. |realised|no longer|\n){0,60}") {
        let prose = Prose::parse(&text);
        let judged = evaluate(&prose);
        prop_assert!((0.0..=1.0).contains(&judged.depth));
        prop_assert!((0.0..=1.0).contains(&judged.confidence));
        prop_assert_eq!(judged.indicators.len(), 6);
        for score in &judged.indicators {
            prop_assert!((0.0..=1.0).contains(&score.score));
            prop_assert!(score.evidence.len() <= MAX_EVIDENCE);
            for pair in score.evidence.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
            for span in &score.evidence {
                prop_assert!(span.start < span.end && span.end <= prose.characters());
            }
        }
    }
}
