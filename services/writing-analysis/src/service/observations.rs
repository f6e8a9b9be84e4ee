//! Findings and parts of an argument, as the contract has them.

use lyceum::contracts::writing_analysis::v1 as contract;
use lyceum_prose::Span;

use crate::domain::{
    findings::{Category, Finding, Kind},
    structure::{Element, Part},
};

pub(super) fn span(span: Span) -> contract::Span {
    contract::Span {
        start: span.start,
        end: span.end,
    }
}

pub(super) fn finding(finding: &Finding) -> contract::Finding {
    let category = match finding.kind.category() {
        Category::Clarity => contract::FindingCategory::Clarity,
        Category::Structure => contract::FindingCategory::Structure,
        Category::Reflection => contract::FindingCategory::Reflection,
    };
    contract::Finding {
        category: category.into(),
        kind: kind(finding.kind).into(),
        span: Some(span(finding.span)),
        related: finding.related.iter().copied().map(span).collect(),
        title: finding.kind.title().to_owned(),
        explanation: finding.explanation.clone(),
        question: finding.question.clone(),
        confidence: finding.kind.confidence(),
        source: finding.kind.source().to_owned(),
    }
}

fn kind(kind: Kind) -> contract::FindingKind {
    use contract::FindingKind as Sent;
    match kind {
        Kind::PassiveVoice => Sent::PassiveVoice,
        Kind::LongSentence => Sent::LongSentence,
        Kind::TenseShift => Sent::TenseShift,
        Kind::PersonShift => Sent::PersonShift,
        Kind::RepeatedPhrase => Sent::RepeatedPhrase,
        Kind::NearRepeat => Sent::NearRepeat,
        Kind::Nominalisation => Sent::Nominalisation,
        Kind::HedgeCluster => Sent::HedgeCluster,
        Kind::UnsupportedBooster => Sent::UnsupportedBooster,
        Kind::CohesionGap => Sent::CohesionGap,
        Kind::SameOpening => Sent::SameOpening,
        Kind::ClaimWithoutEvidence => Sent::ClaimWithoutEvidence,
        Kind::MissingElement => Sent::MissingElement,
        Kind::ExperienceWithoutReflection => Sent::ExperienceWithoutReflection,
    }
}

pub(super) fn part(part: &Part) -> contract::StructureElement {
    use contract::DiscourseElement as Sent;
    let element = match part.element {
        Element::Lead => Sent::Lead,
        Element::Position => Sent::Position,
        Element::Claim => Sent::Claim,
        Element::Evidence => Sent::Evidence,
        Element::Counterclaim => Sent::Counterclaim,
        Element::Rebuttal => Sent::Rebuttal,
        Element::Conclusion => Sent::Conclusion,
    };
    contract::StructureElement {
        element: element.into(),
        span: Some(span(part.span)),
        confidence: part.confidence,
        cue: part.cue.map(span),
    }
}
