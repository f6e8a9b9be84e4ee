//! How each measure changed from draft to draft, in plain words.
//!
//! No verdict where more is not better: a longer text is not a better one. When not: the measures themselves are in
//! [`crate::domain::measures`].

use lyceum_prose::Prose;

use crate::domain::{measures::Measures, reading::Reading};

/// One measure in both drafts.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Its name.
    pub name: &'static str,
    /// In the earlier draft.
    pub earlier: f64,
    /// In the later draft.
    pub later: f64,
    /// What the change says.
    pub meaning: &'static str,
}

/// Name, what a rise says, what a fall says.
type Words = (&'static str, &'static str, &'static str);

/// Reads a measure.
type Value = fn(&Measures) -> f64;

/// Measures every draft has, and those only longer texts have; the latter only where both drafts do.
pub(super) fn between(earlier: &Prose<'_>, later: &Prose<'_>) -> Vec<Growth> {
    let before = Measures::of(&Reading::new(earlier.text));
    let after = Measures::of(&Reading::new(later.text));
    let always: [(Words, Value); 9] = [
        (
            ("Words", "The text has become longer.", "The text has become shorter."),
            |m| f64::from(m.statistics.words),
        ),
        (
            ("Sentences", "There are more sentences.", "There are fewer sentences."),
            |m| f64::from(m.statistics.sentences),
        ),
        (
            (
                "Paragraphs",
                "There are more paragraphs.",
                "There are fewer paragraphs.",
            ),
            |m| f64::from(m.statistics.paragraphs),
        ),
        (
            (
                "Words per sentence",
                "Sentences have become longer.",
                "Sentences have become shorter.",
            ),
            |m| m.statistics.sentence_length_mean,
        ),
        (
            (
                "Variation of sentence length",
                "Short and long sentences alternate more.",
                "Sentences have become more alike in length.",
            ),
            |m| m.statistics.sentence_length_deviation,
        ),
        (
            (
                "Overlap between sentences",
                "Sentences take up more of what the one before said.",
                "Sentences take up less of what the one before said.",
            ),
            |m| m.cohesion.sentence_overlap,
        ),
        (
            (
                "Connectives for each 100 words",
                "More words show how thoughts are linked.",
                "Fewer words show how thoughts are linked.",
            ),
            |m| m.cohesion.additive + m.cohesion.causal + m.cohesion.contrastive + m.cohesion.temporal,
        ),
        (
            (
                "Passive share",
                "More sentences leave open who acts.",
                "More sentences say who acts.",
            ),
            |m| m.style.passive_share,
        ),
        (
            (
                "Hedges for each 100 words",
                "Claims are put more carefully.",
                "Claims are put more directly.",
            ),
            |m| m.style.hedges,
        ),
    ];
    let mut growth: Vec<Growth> = always
        .into_iter()
        .map(|(words, value)| grown(words, value(&before), value(&after)))
        .collect();
    let mtld: Words = (
        "MTLD",
        "The vocabulary has become more varied.",
        "Words return more often than before.",
    );
    if let (Some(before), Some(after)) = (before.diversity.mtld, after.diversity.mtld) {
        growth.push(grown(mtld, before, after));
    }
    growth
}

fn grown((name, rise, fall): Words, earlier: f64, later: f64) -> Growth {
    // Less than a hundredth is no change that a reader would notice.
    let noticeable = 0.01 * earlier.abs().max(later.abs());
    let meaning = if (later - earlier).abs() <= noticeable {
        "This has stayed as it was."
    } else if later > earlier {
        rise
    } else {
        fall
    };
    Growth {
        name,
        earlier,
        later,
        meaning,
    }
}
