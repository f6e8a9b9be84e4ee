//! How deep a reflection goes: Kember's four levels from Ullmann's six indicators.
//!
//! What: cue phrases show where a text describes an experience, names feelings, speaks of the self, sees difficulties,
//! takes another's perspective and draws an outcome. Reasons and changes of view are looked for as well, because the
//! levels differ by them: *understanding* explains, *reflection* relates to oneself and learns, *critical reflection*
//! gives up a view for another one. Why rules: a student may ask why, and every sub-score has its places in the text.
//!
//! 1. Each sentence counts once, and repeated sentences not at all, so that saying a phrase ten times deepens nothing.
//! 2. Depth is a scale from 0 to 1 of which each level is a quarter.
//! 3. Confidence is words / (words + 60), less where the depth is close to another level: under 0.5 below 60 words.
//!
//! When not: this is no grade and no test of sincerity, and it reads English only.
//! Source: Kember, McKay, Sinclair & Wong 2008 (levels); Ullmann 2019 (indicators); Hatton & Smith 1995 (the line
//! between describing and reflecting).

mod lexicon;
mod questions;

use std::collections::HashSet;
use std::sync::LazyLock;

use lyceum_prose::phrases::Phrases;
use lyceum_prose::{Prose, Span, stem};

use lexicon::Sign;

/// Kember's levels, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Tells what happened.
    Habitual,
    /// Explains, without relating it to oneself.
    Understanding,
    /// Relates it to oneself and learns from it.
    Reflection,
    /// A perspective has changed, with reasons.
    Critical,
}

/// Ullmann's breadth indicators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Indicator {
    /// Describes an experience.
    Experience,
    /// Names feelings.
    Feelings,
    /// Speaks of one's own beliefs and self.
    Personal,
    /// Sees difficulties, questions what was done.
    CriticalStance,
    /// Takes another's perspective.
    Perspective,
    /// Draws an outcome.
    Outcome,
}

impl Indicator {
    /// Every indicator, in the contract's order.
    pub const ALL: [Self; 6] = [
        Self::Experience,
        Self::Feelings,
        Self::Personal,
        Self::CriticalStance,
        Self::Perspective,
        Self::Outcome,
    ];
}

/// How strongly an indicator shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Which.
    pub indicator: Indicator,
    /// 0 to 1.
    pub score: f64,
    /// The places, at most [`MAX_EVIDENCE`], in order.
    pub evidence: Vec<Span>,
    /// A question that would deepen it; empty when it is strong.
    pub question: &'static str,
}

/// The judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Reflection {
    /// The level.
    pub level: Level,
    /// 0 to 1; each level is a quarter of it.
    pub depth: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// Every indicator once, in order.
    pub indicators: Vec<Score>,
    /// Why, in plain words. Quotes nothing.
    pub rationale: String,
}

/// How many places an indicator names.
pub const MAX_EVIDENCE: usize = 20;
/// Words at which the confidence may first reach a half.
const WORDS_FOR_CONFIDENCE: f64 = 60.0;
/// Under this score an indicator is weak and gets a question.
const WEAK: f64 = 0.45;

static CUES: LazyLock<Phrases<Sign>> = LazyLock::new(|| Phrases::new(lexicon::TABLE, lexicon::CLASSES));

static INNER: LazyLock<HashSet<&'static str>> = LazyLock::new(|| lexicon::INNER.iter().copied().collect());

/// What the cues of a text add up to.
#[derive(Default)]
struct Tally {
    evidence: [Vec<Span>; 6],
    sentences_with: [u32; 6],
    explaining: u32,
    old_views: u32,
    new_views: u32,
    sentences: u32,
    words: u32,
    first_person: u32,
    /// Sentences about oneself with a word of an inner life.
    inner: u32,
}

/// Judges a reflection.
#[must_use]
pub fn evaluate(prose: &Prose<'_>) -> Reflection {
    let tally = tally(prose);
    let scores = Indicator::ALL.map(|indicator| tally.score(indicator));
    let depth = depth(&tally, &scores);
    let level = level(depth);
    Reflection {
        level,
        depth,
        confidence: confidence(tally.words, depth),
        indicators: Indicator::ALL
            .iter()
            .zip(scores)
            .zip(tally.evidence)
            .map(|((&indicator, score), mut evidence)| {
                evidence.truncate(MAX_EVIDENCE);
                Score {
                    indicator,
                    score,
                    evidence,
                    question: if score < WEAK {
                        questions::deepening(indicator)
                    } else {
                        ""
                    },
                }
            })
            .collect(),
        rationale: questions::rationale(level, &scores, tally.words),
    }
}

fn tally(prose: &Prose<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut seen = HashSet::new();
    for sentence in &prose.sentences {
        let words = prose.sentence_words(sentence);
        let key: Vec<_> = words.iter().map(|word| stem::lower_case(word.text)).collect();
        let first_person = key.iter().any(|word| is_first_person(word));
        let inner = first_person && key.iter().any(|word| INNER.contains(word.as_ref()));
        if !seen.insert(key) {
            continue;
        }
        tally.sentences += 1;
        tally.first_person += u32::from(first_person);
        tally.inner += u32::from(inner);
        tally.words += u32::try_from(words.len()).unwrap_or(u32::MAX);
        let mut hit = [false; 6];
        let (mut explains, mut old, mut new) = (false, false, false);
        for found in CUES.find(prose, sentence.words.clone()) {
            match found.kind {
                Sign::Indicator(indicator) => {
                    let index = indicator as usize;
                    hit[index] = true;
                    let places = &mut tally.evidence[index];
                    if places.last().is_none_or(|last| !last.overlaps(found.span)) {
                        places.push(found.span);
                    }
                }
                Sign::Explanation => explains = true,
                Sign::OldView => old = true,
                Sign::NewView => new = true,
            }
        }
        for (count, shown) in tally.sentences_with.iter_mut().zip(hit) {
            *count += u32::from(shown);
        }
        tally.explaining += u32::from(explains);
        tally.old_views += u32::from(old);
        tally.new_views += u32::from(new);
    }
    tally
}

fn is_first_person(word: &str) -> bool {
    matches!(
        word,
        "i" | "i'm" | "i've" | "i'd" | "i'll" | "me" | "my" | "myself" | "mine"
    )
}

impl Tally {
    /// Rises with the share of sentences that show it; two sentences of a long text still count for something.
    fn score(&self, indicator: Indicator) -> f64 {
        let shown = f64::from(self.sentences_with[indicator as usize]);
        let sentences = f64::from(self.sentences.max(1));
        let share = shown / sentences;
        // A third of the sentences is as much as good reflections show of most indicators.
        1.0 - (-(2.2 * share + 0.25 * shown.min(4.0))).exp()
    }

    fn share(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.sentences.max(1))
    }
}

/// 0 to 1 by steps that each have a meaning: does it explain, does it relate to the self, does a view change?
fn depth(tally: &Tally, scores: &[f64; 6]) -> f64 {
    let [_, feelings, personal, critical, perspective, outcome] = *scores;
    let explains = tally.share(tally.explaining);
    let own = tally.share(tally.first_person);
    // Critical: a view is given up for another one; both ends show, and somebody's eyes other than one's own.
    let change = f64::from(tally.old_views.min(3)) * 0.5 + f64::from(tally.new_views.min(3)) * 0.6;
    let both = if tally.old_views > 0 && tally.new_views > 0 {
        0.5
    } else {
        0.0
    };
    let turns = change + both + 0.3 * perspective + 0.2 * personal;
    // Reflection: oneself is in it, something was difficult or felt, and something follows from it. A view that
    // changed is something that follows; a sentence about oneself with a word of an inner life counts without a cue.
    let relates = own.min(0.6) / 0.6
        * (0.9 * outcome
            + 0.8 * critical
            + 0.5 * feelings
            + 0.4 * personal
            + 0.2 * perspective
            + 0.5 * change
            + 1.4 * tally.share(tally.inner));

    let understanding = step(explains, 0.18);
    let reflection = step(relates, 1.45);
    let critical_step = step(turns, 1.8);
    if reflection >= 0.5 {
        if critical_step >= 0.5 {
            return quarter(3.0, (critical_step - 0.5) * 2.0);
        }
        return quarter(2.0, 0.5 * (reflection - 0.5) * 2.0 + 0.5 * critical_step * 2.0);
    }
    if understanding >= 0.5 {
        return quarter(1.0, 0.5 * (understanding - 0.5) * 2.0 + 0.5 * reflection * 2.0);
    }
    quarter(0.0, 0.6 * understanding * 2.0 + 0.4 * reflection * 2.0)
}

/// 0 to 1, a half at the threshold.
fn step(value: f64, threshold: f64) -> f64 {
    value / (value + threshold)
}

fn quarter(level: f64, within: f64) -> f64 {
    // Just under the next level, so that the scale and the level always agree.
    (level + within.clamp(0.0, 0.999)) / 4.0
}

fn level(depth: f64) -> Level {
    match depth {
        depth if depth >= 0.75 => Level::Critical,
        depth if depth >= 0.5 => Level::Reflection,
        depth if depth >= 0.25 => Level::Understanding,
        _ => Level::Habitual,
    }
}

fn confidence(words: u32, depth: f64) -> f64 {
    let words = f64::from(words);
    let enough = words / (words + WORDS_FOR_CONFIDENCE);
    let border = [0.25, 0.5, 0.75]
        .iter()
        .map(|edge| (depth - edge).abs())
        .fold(1.0, f64::min);
    enough * (0.8 + 0.2 * (border / 0.1).min(1.0))
}

#[cfg(test)]
mod tests;
