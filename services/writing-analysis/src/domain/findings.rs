//! A finding: one observation with its place, its reason and a question.
//!
//! What each kind is called, what it rests on and how often it is right stands here in one table, so that a reader can
//! see every claim that the service makes about its own rules. The shares are those that the tests in `tests/`
//! measure on the held-out half of the labelled sets; a test fails when a rule falls below its share. A finding asks;
//! it never rewrites. When not: measures of the whole text are in [`super::measures`].

mod wording;

use lyceum_prose::Span;

pub use wording::Wording;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// How easily a sentence is understood.
    Clarity,
    /// How the text is built.
    Structure,
    /// How the writer thinks about their learning.
    Reflection,
}

/// The rule that made a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// [`super::passive`].
    PassiveVoice,
    /// A sentence far longer than the others.
    LongSentence,
    /// [`super::tense`].
    TenseShift,
    /// [`super::person`].
    PersonShift,
    /// [`super::repetition`].
    RepeatedPhrase,
    /// [`super::resemblance`].
    NearRepeat,
    /// [`super::nominal`].
    Nominalisation,
    /// Three hedges or more in a sentence.
    HedgeCluster,
    /// A booster without evidence.
    UnsupportedBooster,
    /// Neighbours that share nothing.
    CohesionGap,
    /// Three sentences in a row that open alike.
    SameOpening,
    /// A claim that no evidence follows.
    ClaimWithoutEvidence,
    /// A part that an argument lacks.
    MissingElement,
    /// An experience without a thought about it.
    ExperienceWithoutReflection,
}

/// One observation.
#[derive(Clone, PartialEq)]
pub struct Finding {
    /// The rule that made it.
    pub kind: Kind,
    /// Its place; empty for something that is missing.
    pub span: Span,
    /// Further places, at most [`RELATED`].
    pub related: Vec<Span>,
    /// What was seen and why it matters.
    pub explanation: String,
    /// A question that the writer can answer.
    pub question: String,
}

/// At most this many further places are told.
pub const RELATED: usize = 20;

impl std::fmt::Debug for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Finding")
            .field("kind", &self.kind)
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

impl Kind {
    /// Every kind in the contract's order.
    pub const ALL: [Kind; 14] = [
        Kind::PassiveVoice,
        Kind::LongSentence,
        Kind::TenseShift,
        Kind::PersonShift,
        Kind::RepeatedPhrase,
        Kind::NearRepeat,
        Kind::Nominalisation,
        Kind::HedgeCluster,
        Kind::UnsupportedBooster,
        Kind::CohesionGap,
        Kind::SameOpening,
        Kind::ClaimWithoutEvidence,
        Kind::MissingElement,
        Kind::ExperienceWithoutReflection,
    ];

    /// What it is about.
    #[must_use]
    pub fn category(self) -> Category {
        match self {
            Kind::PassiveVoice
            | Kind::LongSentence
            | Kind::Nominalisation
            | Kind::HedgeCluster
            | Kind::TenseShift
            | Kind::PersonShift => Category::Clarity,
            Kind::ExperienceWithoutReflection => Category::Reflection,
            _ => Category::Structure,
        }
    }

    /// Its name for a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Kind::PassiveVoice => "Passive voice",
            Kind::LongSentence => "Long sentence",
            Kind::TenseShift => "Shift of tense",
            Kind::PersonShift => "Shift of person",
            Kind::RepeatedPhrase => "Phrase that returns",
            Kind::NearRepeat => "Nearly the same sentence",
            Kind::Nominalisation => "Verb hidden in a noun",
            Kind::HedgeCluster => "Many hedges",
            Kind::UnsupportedBooster => "Certainty without evidence",
            Kind::CohesionGap => "Gap between ideas",
            Kind::SameOpening => "Same opening",
            Kind::ClaimWithoutEvidence => "Claim without evidence",
            Kind::MissingElement => "Missing part",
            Kind::ExperienceWithoutReflection => "Experience without reflection",
        }
    }

    /// The publication it rests on.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Kind::PassiveVoice | Kind::TenseShift => "Quirk et al. 1985",
            Kind::LongSentence => "Flesch 1948",
            Kind::PersonShift | Kind::HedgeCluster | Kind::UnsupportedBooster => "Hyland 2005",
            Kind::RepeatedPhrase | Kind::SameOpening => "Strunk & White 1999",
            Kind::NearRepeat => "Broder 1997",
            Kind::Nominalisation => "Hyland & Jiang 2017",
            Kind::CohesionGap => "Crossley, Kyle & McNamara 2016",
            Kind::ClaimWithoutEvidence | Kind::MissingElement => "Crossley et al. 2022",
            Kind::ExperienceWithoutReflection => "Ullmann 2019",
        }
    }

    /// How often such a finding is right: a floor under the precision measured on the held-out half of the labelled
    /// set. Rules that only count (same opening, long sentence, a phrase that returns) are as right as the counting.
    #[must_use]
    pub fn confidence(self) -> f32 {
        match self {
            Kind::SameOpening | Kind::LongSentence | Kind::RepeatedPhrase => 0.95,
            Kind::PassiveVoice | Kind::NearRepeat => 0.9,
            Kind::Nominalisation | Kind::HedgeCluster => 0.85,
            Kind::UnsupportedBooster => 0.8,
            Kind::PersonShift | Kind::TenseShift | Kind::MissingElement => 0.75,
            Kind::ClaimWithoutEvidence => 0.7,
            Kind::ExperienceWithoutReflection => 0.6,
            Kind::CohesionGap => 0.5,
        }
    }
}

/// The findings that fit into a limit: the most confident of each kind in turn, then in order of the text.
#[must_use]
pub fn cut(mut findings: Vec<Finding>, limit: usize) -> Vec<Finding> {
    if findings.len() > limit {
        // Kinds take turns, the surest kind first, so that a hundred passives do not hide one missing conclusion.
        let mut turns = [0_usize; Kind::ALL.len()];
        let mut ranked: Vec<(usize, usize, Finding)> = findings
            .into_iter()
            .map(|finding| {
                let kind = finding.kind as usize;
                turns[kind] += 1;
                (turns[kind], kind, finding)
            })
            .collect();
        ranked.sort_by(|(turn, kind, one), (other_turn, other_kind, other)| {
            turn.cmp(other_turn)
                .then(other.kind.confidence().total_cmp(&one.kind.confidence()))
                .then(kind.cmp(other_kind))
        });
        ranked.truncate(limit);
        findings = ranked.into_iter().map(|(_, _, finding)| finding).collect();
    }
    sort(&mut findings);
    findings
}

/// Puts findings in order of the text.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| (finding.span, finding.kind));
}
