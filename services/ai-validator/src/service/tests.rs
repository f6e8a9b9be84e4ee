#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::pin::Pin;
use std::sync::Arc;

use lyceum::contracts::writing_analysis::v1 as writing;
use lyceum::contracts::writing_analysis::v1::writing_analysis_service_server::{
    WritingAnalysisService, WritingAnalysisServiceServer,
};
use lyceum::error::reason_of;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;

/// Answers every reflection with the same judgement or error; the real generated client and server lie between.
struct Scripted(Result<writing::EvaluateReflectionResponse, Status>);

#[tonic::async_trait]
impl WritingAnalysisService for Scripted {
    async fn evaluate_reflection(
        &self,
        request: Request<writing::EvaluateReflectionRequest>,
    ) -> Result<Response<writing::EvaluateReflectionResponse>, Status> {
        assert_eq!(request.get_ref().text, "I realised something.");
        self.0.clone().map(Response::new)
    }

    async fn analyze_writing(
        &self,
        _: Request<writing::AnalyzeWritingRequest>,
    ) -> Result<Response<writing::AnalyzeWritingResponse>, Status> {
        Err(Status::internal("not part of this test"))
    }

    async fn compare_drafts(
        &self,
        _: Request<writing::CompareDraftsRequest>,
    ) -> Result<Response<writing::CompareDraftsResponse>, Status> {
        Err(Status::internal("not part of this test"))
    }

    type AnalyzeDraftStream =
        Pin<Box<dyn tonic::codegen::tokio_stream::Stream<Item = Result<writing::AnalyzeDraftResponse, Status>> + Send>>;

    async fn analyze_draft(
        &self,
        _: Request<writing::AnalyzeDraftRequest>,
    ) -> Result<Response<Self::AnalyzeDraftStream>, Status> {
        Err(Status::internal("not part of this test"))
    }
}

type Inside = WritingAnalysisServiceClient<WritingAnalysisServiceServer<Scripted>>;

fn asking(answer: Result<writing::EvaluateReflectionResponse, Status>) -> AiValidator<Inside> {
    let server = WritingAnalysisServiceServer::from_arc(Arc::new(Scripted(answer)));
    AiValidator::new(WritingAnalysisServiceClient::new(server))
}

fn judged(level: writing::ReflectionLevel, depth: f64) -> writing::EvaluateReflectionResponse {
    writing::EvaluateReflectionResponse {
        level: level.into(),
        depth,
        confidence: 0.8,
        indicators: vec![
            writing::IndicatorScore {
                score: 0.4,
                question: "What will you try?".to_owned(),
                ..Default::default()
            },
            writing::IndicatorScore {
                score: 0.1,
                question: "How did you feel?".to_owned(),
                ..Default::default()
            },
        ],
        rationale: String::new(),
    }
}

fn access_request() -> contract::DecideAccessRequest {
    contract::DecideAccessRequest {
        reflection: "I realised something.".to_owned(),
        task: "Why do leaves fall?".to_owned(),
        stage: contract::WritingStage::Revise.into(),
        replies_so_far: 1,
        replies_followed_by_own_work: 1,
    }
}

#[tokio::test]
async fn access_follows_the_judgement() {
    let service = asking(Ok(judged(writing::ReflectionLevel::Reflection, 0.6)));
    let decided = service
        .decide_access(Request::new(access_request()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(decided.level(), contract::AccessLevel::Hints);
    assert_eq!(decided.task_level(), contract::BloomLevel::Understand);
    assert_eq!(decided.reasons[0].code, "REFLECTION_REFLECTIVE");
    assert_eq!(decided.next_steps, ["How did you feel?", "What will you try?"]);
    assert_eq!((decided.reflection_depth, decided.reflection_confidence), (0.6, 0.8));
}

#[tokio::test]
async fn what_writing_analysis_refuses_is_told_in_this_contracts_words() {
    let refused = |error: Error| async move {
        asking(Err(error.into()))
            .decide_access(Request::new(access_request()))
            .await
            .unwrap_err()
    };
    let down = refused(Error::unavailable("NO_INSTANCES", "none")).await;
    assert_eq!(
        (down.code(), reason_of(&down).as_deref()),
        (Code::Unavailable, Some("DEPENDENCY_UNAVAILABLE"))
    );

    let late = refused(Error::deadline_exceeded()).await;
    assert_eq!(late.code(), Code::DeadlineExceeded);

    let error = Error::failed_precondition("LANGUAGE_UNSUPPORTED", "x").with_metadata("detected", "deu");
    let foreign = refused(error).await;
    assert_eq!(foreign.code(), Code::FailedPrecondition);
    let info = foreign.get_details_error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.metadata["detected"].as_str()),
        ("LANGUAGE_UNSUPPORTED", "deu")
    );

    let empty = refused(Error::invalid_argument("NO_WORDS", "x").with_field("text", "must have a word")).await;
    assert_eq!(
        (empty.code(), reason_of(&empty).as_deref()),
        (Code::InvalidArgument, Some("NO_WORDS"))
    );
    assert_eq!(
        empty.get_details_bad_request().unwrap().field_violations[0].field,
        "reflection"
    );

    let broken = refused(Error::new(Code::Internal, "BROKEN", "x")).await;
    assert_eq!(broken.code(), Code::Unavailable);
}

#[tokio::test]
async fn more_followed_than_had_is_refused() {
    let service = asking(Ok(judged(writing::ReflectionLevel::Critical, 0.9)));
    let request = contract::DecideAccessRequest {
        replies_followed_by_own_work: 2,
        ..access_request()
    };
    let refused = service.decide_access(Request::new(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_details_bad_request().unwrap();
    assert_eq!(details.field_violations[0].field, "replies_followed_by_own_work");
}

#[tokio::test]
async fn an_unknown_level_gives_no_access() {
    let service = asking(Ok(judged(writing::ReflectionLevel::Unspecified, 0.9)));
    let refused = service.decide_access(Request::new(access_request())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
}

#[tokio::test]
async fn tasks_are_classified_and_other_languages_refused() {
    let service = asking(Ok(judged(writing::ReflectionLevel::Critical, 0.9)));
    let request = |task: &str| Request::new(contract::ClassifyBloomRequest { task: task.to_owned() });
    let task = "Define osmosis and design an experiment that shows it.";
    let found = service.classify_bloom(request(task)).await.unwrap().into_inner();
    assert_eq!(found.level(), contract::BloomLevel::Create);
    let german = "Erkläre mit eigenen Worten, warum die Blätter der Bäume im Herbst ihre Farbe wechseln und abfallen.";
    let refused = service.classify_bloom(request(german)).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("LANGUAGE_UNSUPPORTED"));
    assert_eq!(refused.get_details_error_info().unwrap().metadata["detected"], "deu");
}

#[tokio::test]
async fn long_replies_are_checked_too() {
    let service = asking(Ok(judged(writing::ReflectionLevel::Critical, 0.9)));
    let request = contract::ValidateAssistanceRequest {
        reply: "What do you think? Write that bees are important. ".repeat(900),
        assignment: "Write about bees.".to_owned(),
        student_text: String::new(),
        stage: contract::WritingStage::Draft.into(),
    };
    let checked = service
        .validate_assistance(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    assert!(!checked.within_bounds);
    assert!(
        checked
            .breaches
            .iter()
            .any(|breach| breach.rule() == contract::AssistanceRule::NoDictation)
    );
}

/// The reason, and the field that it names.
fn refusal(refused: &Status) -> (Code, Option<String>, String) {
    let details = refused.get_details_bad_request().unwrap();
    let field = details.field_violations[0].field.clone();
    (refused.code(), reason_of(refused), field)
}

#[tokio::test]
async fn texts_without_words_are_refused_by_field() {
    let service = asking(Ok(judged(writing::ReflectionLevel::Critical, 0.9)));
    let no_words = |field: &str| (Code::InvalidArgument, Some("NO_WORDS".to_owned()), field.to_owned());
    for task in [" ", "?!", "🦉 …", "\n\n---\n"] {
        let request = contract::ClassifyBloomRequest { task: task.to_owned() };
        let refused = service.classify_bloom(Request::new(request)).await.unwrap_err();
        assert_eq!(refusal(&refused), no_words("task"), "{task:?}");
    }
    let request = |reply: &str, assignment: &str, student_text: &str| {
        Request::new(contract::ValidateAssistanceRequest {
            reply: reply.to_owned(),
            assignment: assignment.to_owned(),
            student_text: student_text.to_owned(),
            stage: contract::WritingStage::Draft.into(),
        })
    };
    let refused = service.validate_assistance(request("…", "Write about bees.", "")).await;
    assert_eq!(refusal(&refused.unwrap_err()), no_words("reply"));
    let refused = service.validate_assistance(request("What is new?", "?", "")).await;
    assert_eq!(refusal(&refused.unwrap_err()), no_words("assignment"));
    // Long ones too, which are read on another thread.
    let long = "? ".repeat(15_000);
    let refused = service
        .validate_assistance(request(&long, "Write about bees.", ""))
        .await;
    assert_eq!(refusal(&refused.unwrap_err()), no_words("reply"));
    // What may be empty may be without words.
    let checked = service.validate_assistance(request("What is new?", "Write about bees.", " \n"));
    assert!(checked.await.unwrap().into_inner().within_bounds);
    let request = contract::DecideAccessRequest {
        task: "?".to_owned(),
        ..access_request()
    };
    let decided = service.decide_access(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(decided.task_level(), contract::BloomLevel::Unspecified);
}
