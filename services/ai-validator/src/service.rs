//! The adapter from the contract to the rules.
//!
//! What: refuses what the contract refuses ([`refusals`]), runs the rules, maps what they say ([`messages`]), and asks
//! writing-analysis how deep a reflection goes ([`dependency`]). Long texts go to a thread of their own. When not:
//! sizes and ranges are checked by the contract's own layer before a handler runs.

mod dependency;
mod messages;
mod refusals;

use lyceum::contracts::ai_validator::v1 as contract;
use lyceum::contracts::ai_validator::v1::educational_ai_validator_service_server::EducationalAiValidatorService;
use lyceum::contracts::writing_analysis::v1::writing_analysis_service_client::WritingAnalysisServiceClient;
use lyceum::error::Error;
use lyceum::serving::compute;
use tonic::{Request, Response, Status};

use crate::domain::{access, assistance, bloom};
pub use dependency::Judge;

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
        compute(request.task.len(), move || {
            let task = refusals::with_words("task", &request.task)?;
            Ok(messages::classification(bloom::classify(&task)))
        })
        .await
        .map(Response::new)
    }

    async fn validate_assistance(
        &self,
        request: Request<contract::ValidateAssistanceRequest>,
    ) -> Result<Response<contract::ValidateAssistanceResponse>, Status> {
        let request = request.into_inner();
        let stage = messages::stage(request.stage())?;
        let size = request.reply.len() + request.assignment.len() + request.student_text.len();
        compute(size, move || {
            let reply = refusals::with_words("reply", &request.reply)?;
            let assignment = refusals::with_words("assignment", &request.assignment)?;
            let student = refusals::english("student_text", &request.student_text)?;
            Ok(messages::verdict(assistance::validate(
                &reply,
                &assignment,
                &student,
                stage,
            )))
        })
        .await
        .map(Response::new)
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
        let task = bloom::classify(&refusals::english("task", &request.task)?).level;
        let judged = dependency::evaluate(&self.writing_analysis, request.reflection).await?;
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

#[cfg(test)]
mod tests;
