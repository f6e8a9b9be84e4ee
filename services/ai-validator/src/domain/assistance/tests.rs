#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lyceum_prose::Prose;
use proptest::prelude::*;

use super::*;

struct Labelled {
    broken: Vec<Rule>,
    stage: Stage,
    assignment: &'static str,
    student: &'static str,
    reply: &'static str,
}

/// The labelled replies: every other line for development, the rest held out. One author wrote replies and phrases,
/// so both halves flatter; the figure to quote is that of `fresh.tsv`, written when the phrases were finished. Its first
/// run (recall 0.57) showed two faults of the mechanism, which were mended, and no phrase was added for it.
fn labelled(held_out: bool) -> Vec<Labelled> {
    let cases = replies(include_str!("labelled.tsv")).into_iter().enumerate();
    cases
        .filter(|(index, _)| (index % 2 == 1) == held_out)
        .map(|(_, case)| case)
        .collect()
}

fn replies(file: &'static str) -> Vec<Labelled> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [broken, stage, assignment, student, reply] = columns[..] else {
                panic!("five columns: {line}")
            };
            Labelled {
                broken: broken
                    .split(',')
                    .filter_map(|number| number.parse::<usize>().ok())
                    .map(|number| Rule::ALL[number - 1])
                    .collect(),
                stage: match stage {
                    "brainstorm" => Stage::Brainstorm,
                    "draft" => Stage::Draft,
                    "revise" => Stage::Revise,
                    "edit" => Stage::Edit,
                    other => panic!("no stage is called {other}"),
                },
                assignment,
                student,
                reply,
            }
        })
        .collect()
}

fn checked(case: &Labelled) -> Verdict {
    let (reply, assignment, student) = (
        Prose::parse(case.reply),
        Prose::parse(case.assignment),
        Prose::parse(case.student),
    );
    validate(&reply, &assignment, &student, case.stage)
}

/// Precision and recall over all rules; prints those of each.
fn measured(title: &str, cases: &[Labelled]) -> (f64, f64) {
    println!("{title}: rule, right, wrong, missed");
    let mut sum = [0_usize; 3];
    let found: Vec<(HashSet<Rule>, &Labelled)> = cases
        .iter()
        .map(|case| (checked(case).breaches.iter().map(|breach| breach.rule).collect(), case))
        .collect();
    for rule in Rule::ALL {
        let mut row = [0_usize; 3];
        for (rules, case) in &found {
            match (rules.contains(&rule), case.broken.contains(&rule)) {
                (true, true) => row[0] += 1,
                (true, false) => row[1] += 1,
                (false, true) => row[2] += 1,
                (false, false) => {}
            }
            if title == "development" && rules.contains(&rule) != case.broken.contains(&rule) {
                println!("    {rule:?} in: {}", case.reply);
            }
        }
        println!("  {rule:?} {row:?}");
        for (total, count) in sum.iter_mut().zip(row) {
            *total += count;
        }
    }
    let (precision, recall) = (share(sum[0], sum[0] + sum[1]), share(sum[0], sum[0] + sum[2]));
    println!("  precision {precision:.2}, recall {recall:.2}");
    (precision, recall)
}

#[test]
fn rules_agree_with_the_labels() {
    let (precision, recall) = measured("development", &labelled(false));
    assert!(precision >= 0.85 && recall >= 0.85, "{precision} {recall}");
    let (precision, recall) = measured("held out", &labelled(true));
    assert!(precision >= 0.8, "held out, precision {precision}");
    assert!(recall >= 0.8, "held out, recall {recall}");
    let (precision, recall) = measured("fresh", &replies(include_str!("fresh.tsv")));
    assert!(precision >= 0.85, "fresh, precision {precision}");
    assert!(recall >= 0.65, "fresh, recall {recall}");
}

#[test]
fn every_phrase_can_be_found() {
    assert_eq!(submittable::PHRASES.unreachable(), 0);
}

#[test]
fn praise_is_advice_and_a_passage_is_a_breach() {
    let case = |reply| Labelled {
        broken: Vec::new(),
        stage: Stage::Draft,
        assignment: "Write about bees.",
        student: "",
        reply,
    };
    assert!(checked(&case("You are so clever! What do bees eat?")).within_bounds);
    let offer = checked(&case(
        "Is this good? Here is a paragraph: Bees visit flowers all summer long and carry pollen.",
    ));
    assert!(!offer.within_bounds);
    assert!(offer.submittable_share > 0.4);
    assert!(offer.asking_share > 0.0);
}

proptest! {
    #[test]
    fn any_reply_is_checked_within_bounds(
        reply in "(\\PC| write that |you are clever|\\?|\\. |\"|\n|```|here is a draft: ){0,50}",
        assignment in "\\PC{0,40}",
        student in "\\PC{0,40}",
    ) {
        let (reply, assignment, student) = (Prose::parse(&reply), Prose::parse(&assignment), Prose::parse(&student));
        let verdict = validate(&reply, &assignment, &student, Stage::Draft);
        prop_assert!((0.0..=1.0).contains(&verdict.asking_share));
        prop_assert!((0.0..=1.0).contains(&verdict.submittable_share));
        for breach in &verdict.breaches {
            prop_assert!((0.0..=1.0).contains(&breach.confidence));
            prop_assert!(breach.span.start <= breach.span.end && breach.span.end <= reply.characters());
        }
        for pair in verdict.breaches.windows(2) {
            prop_assert!(pair[0].span.start <= pair[1].span.start);
        }
    }
}
