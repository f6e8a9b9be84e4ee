//! What a student reads about the judgement: why this level, and questions that lead on.
//!
//! Plain and warm; quotes nothing of the text, and asks instead of telling. When not: findings inside a text belong to
//! the analysis of writing.

use super::{Indicator, Level};

/// A question that would deepen an indicator.
pub(super) fn deepening(indicator: Indicator) -> &'static str {
    match indicator {
        Indicator::Experience => "Which moment do you remember best, and what exactly happened there?",
        Indicator::Feelings => "How did you feel while it happened, and what might that feeling tell you?",
        Indicator::Personal => "What does this have to do with you: with what you believe, or how you usually work?",
        Indicator::CriticalStance => "What was harder than you expected, and what was your own part in it?",
        Indicator::Perspective => "How might someone else who was there tell the same story?",
        Indicator::Outcome => "What will you try differently next time, and how will you notice that it works?",
    }
}

/// Why this level. `scores` are in the order of [`Indicator::ALL`].
pub(super) fn rationale(level: Level, scores: &[f64; 6], words: u32) -> String {
    let mut text = String::from(match level {
        Level::Habitual => "You tell what happened. What you thought about it does not show much yet.",
        Level::Understanding => "You explain how things work or why they happened. How they relate to you shows less.",
        Level::Reflection => "You relate what happened to yourself and draw something from it.",
        Level::Critical => "You show how a view of yours has changed, and what made it change.",
    });
    let strongest = Indicator::ALL
        .into_iter()
        .zip(scores)
        .filter(|(_, score)| **score >= super::WEAK)
        .max_by(|a, b| a.1.total_cmp(b.1));
    if let Some((indicator, _)) = strongest {
        text.push_str(" What shows most is ");
        text.push_str(name(indicator));
        text.push('.');
    }
    if f64::from(words) < super::WORDS_FOR_CONFIDENCE {
        text.push_str(" The text is short, so this is only a first impression.");
    }
    text
}

fn name(indicator: Indicator) -> &'static str {
    match indicator {
        Indicator::Experience => "what you experienced",
        Indicator::Feelings => "how you felt",
        Indicator::Personal => "what you yourself believe and how you work",
        Indicator::CriticalStance => "a careful look at what was difficult",
        Indicator::Perspective => "how others see it",
        Indicator::Outcome => "what you take with you",
    }
}
