//! The adapter from the contract to the rules.
//!
//! What: refuses what the contract refuses, runs the rules, maps what they say ([`messages`]), and asks
//! writing-analysis how deep a reflection goes ([`dependency`]). Long texts go to a thread of their own. When not:
//! sizes and ranges are checked by the contract's own layer before a handler runs.

mod dependency;
mod messages;

use lyceum::contracts::ai_validator::v1 as contract;
use lyceum::contracts::ai_validator::v1::educational_ai_validator_service_server::EducationalAiValidatorService;
use lyceum::contracts::writing_analysis::v1::writing_analysis_service_client::WritingAnalysisServiceClient;
use lyceum::error::Error;
use lyceum_prose::Prose;
use lyceum_prose::language::{self, Language};
use tonic::{Request, Response, Status};

use crate::domain::{access, assistance, bloom};
pub use dependency::Judge;

/// Texts of more bytes leave the runtime's threads.
const INLINE: usize = 20_000;

/// The service; it keeps nothing but the way to writing-analysis.
#[derive(Clone, Debug)]
pub struct AiValidator<J = WritingAnalysisServiceClient<lyceum::client::Channel>> {
    writing_analysis: J,
}

impl<J: Judge> AiValidator<J> {
    /// A service that asks this client.
    #[must_use]
    pub fn new(writing_analysis: J) -> Self {
        Self { writing_analysis }
    }
}

#[tonic::async_trait]
impl<J: Judge> EducationalAiValidatorService for AiValidator<J> {
    async fn classify_bloom(
        &self,
        request: Request<contract::ClassifyBloomRequest>,
    ) -> Result<Response<contract::ClassifyBloomResponse>, Status> {
        let request = request.into_inner();
        english("task", &request.task)?;
        let size = request.task.len();
        elsewhere(size, move || {
            messages::classification(bloom::classify(&Prose::parse(&request.task)))
        })
        .await
    }

    async fn validate_assistance(
        &self,
        request: Request<contract::ValidateAssistanceRequest>,
    ) -> Result<Response<contract::ValidateAssistanceResponse>, Status> {
        let request = request.into_inner();
        let stage = messages::stage(request.stage())?;
        english("reply", &request.reply)?;
        english("assignment", &request.assignment)?;
        english("student_text", &request.student_text)?;
        let size = request.reply.len() + request.assignment.len() + request.student_text.len();
        elsewhere(size, move || {
            let reply = Prose::parse(&request.reply);
            let assignment = Prose::parse(&request.assignment);
            let student = Prose::parse(&request.student_text);
            messages::verdict(assistance::validate(&reply, &assignment, &student, stage))
        })
        .await
    }

    async fn decide_access(
        &self,
        request: Request<contract::DecideAccessRequest>,
    ) -> Result<Response<contract::DecideAccessResponse>, Status> {
        let request = request.into_inner();
        let stage = messages::stage(request.stage())?;
        if request.replies_followed_by_own_work > request.replies_so_far {
            return Err(Error::invalid_argument(
                "INPUT_INVALID",
                "replies_followed_by_own_work must not be greater than replies_so_far",
            )
            .with_field(
                "replies_followed_by_own_work",
                "must not be greater than replies_so_far",
            )
            .into());
        }
        english("task", &request.task)?;
        let judged = dependency::evaluate(&self.writing_analysis, request.reflection).await?;
        let task = bloom::classify(&Prose::parse(&request.task)).level;
        let shown = access::Shown {
            reflection: dependency::level(&judged)?,
            depth: judged.depth,
            confidence: judged.confidence,
            replies: request.replies_so_far,
            followed: request.replies_followed_by_own_work,
            task,
            stage,
            questions: dependency::questions(judged.indicators),
        };
        Ok(Response::new(messages::decision(access::decide(&shown), &shown)))
    }
}

/// Refuses a text that is surely in another language; an empty one is for the contract to refuse.
fn english(field: &str, text: &str) -> Result<(), Status> {
    let Language::Other { code } = language::detect(text) else {
        return Ok(());
    };
    Err(Error::failed_precondition(
        "LANGUAGE_UNSUPPORTED",
        "the text is not in English, for which alone the rules are made",
    )
    .with_metadata("detected", code)
    .with_metadata("field", field)
    .into())
}

/// Runs a rule here when the text is short, and on a thread of its own when it is long.
async fn elsewhere<R: Send + 'static>(
    size: usize,
    rule: impl FnOnce() -> R + Send + 'static,
) -> Result<Response<R>, Status> {
    if size <= INLINE {
        return Ok(Response::new(rule()));
    }
    let done = tokio::task::spawn_blocking(rule).await;
    done.map(Response::new)
        .map_err(|_| Status::internal("the analysis stopped unexpectedly"))
}

#[cfg(test)]
mod tests;
