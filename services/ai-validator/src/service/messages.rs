//! The rules' types as the contract's messages.
//!
//! Nothing is decided here. When not: errors are built where they arise.

use lyceum::contracts::ai_validator::v1 as contract;
use lyceum::error::Error;
use lyceum_prose::Span;
use tonic::Status;

use crate::domain::assistance::{Rule, Severity, Verdict};
use crate::domain::bloom::{Classification, Level};
use crate::domain::{Stage, access};

/// The stage; the contract's layer has refused what is none.
pub(super) fn stage(stage: contract::WritingStage) -> Result<Stage, Status> {
    match stage {
        contract::WritingStage::Unspecified => Err(Error::invalid_argument("INPUT_INVALID", "stage must be told")
            .with_field("stage", "must be told")
            .into()),
        contract::WritingStage::Brainstorm => Ok(Stage::Brainstorm),
        contract::WritingStage::Draft => Ok(Stage::Draft),
        contract::WritingStage::Revise => Ok(Stage::Revise),
        contract::WritingStage::Edit => Ok(Stage::Edit),
    }
}

pub(super) fn classification(found: Classification) -> contract::ClassifyBloomResponse {
    let parts = found.parts.into_iter().map(|part| contract::BloomPart {
        span: span(part.span),
        level: level(Some(part.level)),
        confidence: part.confidence,
        runner_up: level(part.runner_up),
        evidence: part
            .evidence
            .into_iter()
            .map(|evidence| contract::BloomEvidence {
                verb: span(evidence.verb),
                object: evidence.object.and_then(span),
                level: level(Some(evidence.level)),
                weight: evidence.weight,
                reason: evidence.reason,
            })
            .collect(),
    });
    contract::ClassifyBloomResponse {
        level: level(found.level),
        confidence: found.confidence,
        parts: parts.collect(),
    }
}

pub(super) fn verdict(verdict: Verdict) -> contract::ValidateAssistanceResponse {
    let breaches = verdict.breaches.into_iter().map(|breach| contract::AssistanceBreach {
        rule: rule(breach.rule).into(),
        severity: match breach.severity {
            Severity::Advice => contract::Severity::Advice,
            Severity::Breach => contract::Severity::Breach,
        }
        .into(),
        span: span(breach.span),
        explanation: breach.explanation.to_owned(),
        confidence: breach.confidence,
    });
    contract::ValidateAssistanceResponse {
        within_bounds: verdict.within_bounds,
        breaches: breaches.collect(),
        asking_share: verdict.asking_share,
        submittable_share: verdict.submittable_share,
    }
}

pub(super) fn decision(decision: access::Decision, shown: &access::Shown) -> contract::DecideAccessResponse {
    let reasons = decision.reasons.into_iter().map(|reason| contract::AccessReason {
        code: reason.code.to_owned(),
        explanation: reason.explanation.to_owned(),
        effect: reason.effect,
    });
    contract::DecideAccessResponse {
        level: match decision.access {
            access::Access::ReflectFirst => contract::AccessLevel::ReflectFirst,
            access::Access::Questions => contract::AccessLevel::Questions,
            access::Access::Hints => contract::AccessLevel::Hints,
            access::Access::Dialogue => contract::AccessLevel::Dialogue,
        }
        .into(),
        reasons: reasons.collect(),
        next_steps: decision.next_steps,
        reflection_depth: shown.depth,
        reflection_confidence: shown.confidence,
        task_level: level(shown.task),
        replies_until_reflection: decision.replies_until_reflection,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a message's field is optional")]
fn span(span: Span) -> Option<contract::Span> {
    Some(contract::Span {
        start: span.start,
        end: span.end,
    })
}

fn level(level: Option<Level>) -> i32 {
    match level {
        None => contract::BloomLevel::Unspecified,
        Some(Level::Remember) => contract::BloomLevel::Remember,
        Some(Level::Understand) => contract::BloomLevel::Understand,
        Some(Level::Apply) => contract::BloomLevel::Apply,
        Some(Level::Analyse) => contract::BloomLevel::Analyse,
        Some(Level::Evaluate) => contract::BloomLevel::Evaluate,
        Some(Level::Create) => contract::BloomLevel::Create,
    }
    .into()
}

fn rule(rule: Rule) -> contract::AssistanceRule {
    match rule {
        Rule::AsksBeforeTelling => contract::AssistanceRule::AsksBeforeTelling,
        Rule::NoSubmittableText => contract::AssistanceRule::NoSubmittableText,
        Rule::NoDictation => contract::AssistanceRule::NoDictation,
        Rule::NoRewriting => contract::AssistanceRule::NoRewriting,
        Rule::NoAnswer => contract::AssistanceRule::NoAnswer,
        Rule::FitsStage => contract::AssistanceRule::FitsStage,
        Rule::JudgesWorkNotPerson => contract::AssistanceRule::JudgesWorkNotPerson,
    }
}
