//! A judged reflection, as the contract has it.

use lyceum::contracts::writing_analysis::v1 as contract;

use super::observations::span;
use crate::domain::reflection::{Indicator, Level, Reflection};

pub(super) fn response(reflection: &Reflection) -> contract::EvaluateReflectionResponse {
    contract::EvaluateReflectionResponse {
        level: level(reflection.level).into(),
        depth: reflection.depth,
        confidence: reflection.confidence,
        indicators: reflection
            .indicators
            .iter()
            .map(|score| contract::IndicatorScore {
                indicator: indicator(score.indicator).into(),
                score: score.score,
                evidence: score.evidence.iter().copied().map(span).collect(),
                question: score.question.to_owned(),
            })
            .collect(),
        rationale: reflection.rationale.clone(),
    }
}

fn level(level: Level) -> contract::ReflectionLevel {
    match level {
        Level::Habitual => contract::ReflectionLevel::Habitual,
        Level::Understanding => contract::ReflectionLevel::Understanding,
        Level::Reflection => contract::ReflectionLevel::Reflection,
        Level::Critical => contract::ReflectionLevel::Critical,
    }
}

fn indicator(indicator: Indicator) -> contract::ReflectionIndicator {
    use contract::ReflectionIndicator as Sent;
    match indicator {
        Indicator::Experience => Sent::Experience,
        Indicator::Feelings => Sent::Feelings,
        Indicator::Personal => Sent::Personal,
        Indicator::CriticalStance => Sent::CriticalStance,
        Indicator::Perspective => Sent::Perspective,
        Indicator::Outcome => Sent::Outcome,
    }
}
