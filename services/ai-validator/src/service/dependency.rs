//! Asking writing-analysis how deep a reflection goes.
//!
//! Access is never guessed: without an answer there is none from here either. What the caller can mend (language, a
//! text without words) comes back with this contract's field path; what it cannot becomes DEPENDENCY_UNAVAILABLE.
//! When not: retries, the deadline and the choice of an instance belong to the fabric's client.

use bytes::Bytes;
use http_body::Body as HttpBody;
use lyceum::contracts::writing_analysis::v1 as writing;
use lyceum::contracts::writing_analysis::v1::writing_analysis_service_client::WritingAnalysisServiceClient;
use lyceum::error::{Error, reason_of};
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::StdError;
use tonic::{Code, Status};

use crate::domain::access::Reflection;

/// Who judges a reflection: writing-analysis, over the fabric's channel or, in tests, inside the process.
pub trait Judge: Clone + Send + Sync + 'static {
    /// Asks for a judgement.
    fn judge(
        &self,
        request: writing::EvaluateReflectionRequest,
    ) -> impl Future<Output = Result<writing::EvaluateReflectionResponse, Status>> + Send;
}

impl<T> Judge for WritingAnalysisServiceClient<T>
where
    T: GrpcService<Body> + Clone + Send + Sync + 'static,
    T::Error: Into<StdError>,
    T::Future: Send,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    async fn judge(
        &self,
        request: writing::EvaluateReflectionRequest,
    ) -> Result<writing::EvaluateReflectionResponse, Status> {
        // A clone shares the channel; the generated client wants to be mutable.
        let mut client = self.clone();
        Ok(client.evaluate_reflection(request).await?.into_inner())
    }
}

/// The judgement of a reflection, or an error in this contract's words.
pub(super) async fn evaluate(
    judge: &impl Judge,
    reflection: String,
) -> Result<writing::EvaluateReflectionResponse, Status> {
    judge
        .judge(writing::EvaluateReflectionRequest { text: reflection })
        .await
        .map_err(|status| translated(&status))
}

fn translated(status: &Status) -> Status {
    let reason = reason_of(status);
    match (status.code(), reason.as_deref()) {
        (Code::FailedPrecondition, Some("LANGUAGE_UNSUPPORTED")) => {
            let error = Error::failed_precondition(
                "LANGUAGE_UNSUPPORTED",
                "the reflection is not in English, for which alone the measures are made",
            )
            .with_metadata("field", "reflection");
            match detected(status) {
                Some(code) => error.with_metadata("detected", code).into(),
                None => error.into(),
            }
        }
        (Code::InvalidArgument, Some("NO_WORDS")) => Error::invalid_argument("NO_WORDS", "the reflection has no words")
            .with_field("reflection", "must have a word")
            .into(),
        (Code::InvalidArgument, Some("TOO_MANY_WORDS")) => {
            Error::invalid_argument("TOO_MANY_WORDS", "the reflection has too many words")
                .with_field("reflection", "must have fewer words")
                .into()
        }
        (Code::InvalidArgument, _) => Error::invalid_argument("INPUT_INVALID", "the reflection was refused")
            .with_field("reflection", "must be a text that can be judged")
            .into(),
        (Code::DeadlineExceeded, _) => Error::deadline_exceeded().into(),
        (Code::Cancelled, _) => Status::cancelled("the call was cancelled"),
        (Code::PermissionDenied, _) => unavailable("ai-validator may not call writing-analysis"),
        _ => unavailable("the reflection cannot be judged now; access is never guessed"),
    }
}

fn unavailable(message: &'static str) -> Status {
    Error::unavailable("DEPENDENCY_UNAVAILABLE", message)
        .with_metadata("service", "writing-analysis")
        .into()
}

/// The ISO 639-3 code that writing-analysis found.
fn detected(status: &Status) -> Option<String> {
    use tonic_types::StatusExt as _;
    status.get_details_error_info()?.metadata.remove("detected")
}

/// The level; one that this version does not know is no answer.
pub(super) fn level(judged: &writing::EvaluateReflectionResponse) -> Result<Reflection, Status> {
    match judged.level() {
        writing::ReflectionLevel::Unspecified => Err(unavailable("the reflection's level is unknown")),
        writing::ReflectionLevel::Habitual => Ok(Reflection::Habitual),
        writing::ReflectionLevel::Understanding => Ok(Reflection::Understanding),
        writing::ReflectionLevel::Reflection => Ok(Reflection::Reflection),
        writing::ReflectionLevel::Critical => Ok(Reflection::Critical),
    }
}

/// The questions that deepen, the weakest indicator's first.
pub(super) fn questions(mut indicators: Vec<writing::IndicatorScore>) -> Vec<String> {
    indicators.sort_by(|a, b| a.score.total_cmp(&b.score));
    let asked = indicators.into_iter().map(|indicator| indicator.question);
    asked.filter(|question| !question.is_empty()).collect()
}
