#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lyceum_prose::Prose;
use proptest::prelude::*;

use super::*;

fn classified(task: &str) -> Classification {
    classify(&Prose::parse(task))
}

/// The labelled tasks: the first, third, ... for development, the second, fourth, ... held out. Their author also wrote
/// the rows and knew both halves, so the held-out half flatters. Tasks written afterwards came out right in 52 of 100;
/// they widened the rows and are development since (`widening.tsv`), as are those of a second round (75 of 100). The
/// figure to quote is that of `fresh.tsv`, written when the rows were finished and never adjusted on.
fn labelled(held_out: bool) -> Vec<(Level, &'static str)> {
    tasks(include_str!("labelled.tsv"))
        .into_iter()
        .enumerate()
        .filter(|(index, _)| (index % 2 == 1) == held_out)
        .map(|(_, case)| case)
        .collect()
}

fn tasks(file: &'static str) -> Vec<(Level, &'static str)> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, task) = line.split_once('\t').unwrap();
            let level = Level::ALL
                .into_iter()
                .find(|level| format!("{level:?}").eq_ignore_ascii_case(name));
            (level.unwrap(), task)
        })
        .collect()
}

/// The share of right levels, and of those at most one away; prints the confusion table.
fn accuracy(title: &str, cases: &[(Level, &str)]) -> (f64, f64) {
    let mut table = [[0_u32; 7]; 6];
    let (mut right, mut near) = (0_u32, 0_u32);
    for (expected, task) in cases {
        let found = classified(task).level;
        table[*expected as usize][found.map_or(6, |level| level as usize)] += 1;
        right += u32::from(found == Some(*expected));
        near += u32::from(found.is_some_and(|found| (found as usize).abs_diff(*expected as usize) <= 1));
        if found != Some(*expected) && title == "development" {
            println!("  {expected:?} taken for {found:?}: {task}");
        }
    }
    println!("{title}: rows are labels, columns Remember to Create and none");
    for (level, row) in Level::ALL.into_iter().zip(table) {
        println!("  {:>10} {row:?}", format!("{level:?}"));
    }
    let total = f64::from(u32::try_from(cases.len()).unwrap());
    let (right, near) = (f64::from(right) / total, f64::from(near) / total);
    println!("  right {right:.3}, at most one level away {near:.3}");
    (right, near)
}

#[test]
fn agrees_with_the_labels() {
    let mut cases = labelled(false);
    cases.extend(tasks(include_str!("widening.tsv")));
    let (development, _) = accuracy("development", &cases);
    let (held_out, near) = accuracy("held out", &labelled(true));
    assert!(development >= 0.9, "development {development}");
    assert!(held_out >= 0.85, "held out {held_out}");
    assert!(near >= 0.9, "at most one level away {near}");
    let (fresh, near) = accuracy("fresh", &tasks(include_str!("fresh.tsv")));
    assert!(fresh >= 0.75, "fresh {fresh}");
    assert!(near >= 0.8, "fresh, at most one level away {near}");
}

#[test]
fn every_row_can_be_found() {
    assert_eq!(ROWS.unreachable(), 0);
}

#[test]
fn the_object_decides_and_not_the_verb() {
    let of = |task| classified(task).level.unwrap();
    assert_eq!(of("Identify the capital of Peru."), Level::Remember);
    assert_eq!(of("Identify the assumptions in the speech."), Level::Analyse);
    assert_eq!(of("Evaluate the expression 3 + 4."), Level::Apply);
    assert_eq!(of("Evaluate the speech."), Level::Evaluate);
    assert_eq!(of("Discuss what the word means."), Level::Understand);
    assert_eq!(of("Discuss the extent to which he was right."), Level::Evaluate);
}

#[test]
fn a_task_of_several_parts_has_several_levels() {
    let task = "Define the term osmosis, explain how it works in a cell and design an experiment that shows it.";
    let found = classified(task);
    let levels: Vec<Level> = found.parts.iter().map(|part| part.level).collect();
    assert_eq!(levels, [Level::Remember, Level::Understand, Level::Create]);
    assert_eq!(found.level, Some(Level::Create));
}

#[test]
fn what_asks_for_nothing_has_no_level() {
    assert_eq!(classified("The table below shows the rainfall in Leeds.").level, None);
    assert_eq!(classified("42").level, None);
}

#[test]
fn verb_object_and_runner_up_are_shown() {
    let found = classified("Identify the assumptions in the text.");
    let evidence = &found.parts[0].evidence[0];
    assert_eq!(evidence.verb, Span::new(0, 8));
    assert!(evidence.object.unwrap().end >= 24);
    let compare = classified("Compare frogs with toads.");
    assert!(compare.parts[0].runner_up.is_some());
    assert!(compare.confidence < 0.8);
}

proptest! {
    #[test]
    fn any_text_is_classified_within_bounds(text in "(\\PC| why | and |explain|evaluate|, |\\? |the )", more in "(\\PC| why |list|design|\\. |\n|; ){0,40}") {
        let text = format!("{text}{more}");
        let prose = Prose::parse(&text);
        let found = classify(&prose);
        prop_assert!((0.0..=1.0).contains(&found.confidence));
        prop_assert_eq!(found.level, found.parts.iter().map(|part| part.level).max());
        for pair in found.parts.windows(2) {
            prop_assert!(pair[0].span.end <= pair[1].span.start);
        }
        for part in &found.parts {
            prop_assert!(!part.evidence.is_empty());
            prop_assert!(part.runner_up != Some(part.level));
            for evidence in &part.evidence {
                prop_assert!((0.0..=1.0).contains(&evidence.weight));
                let places = [Some(evidence.verb), evidence.object];
                for span in places.into_iter().flatten() {
                    prop_assert!(part.span.start <= span.start && span.end <= part.span.end);
                }
            }
        }
    }
}
