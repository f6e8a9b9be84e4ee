//! What the gateway says of itself, asked in Connect.

use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Asked;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::*;

const CHECK: &str = "/grpc.health.v1.Health/Check";

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_in_both_codecs_and_says_why_not() {
    let stage = stage().await;
    let browser = stage.browser();
    let answer = post(browser, CHECK, "application/json", &[], "{}").await;
    assert_eq!((answer.http, &answer.json()["status"]), (200, &json!("SERVING")));
    assert!(answer.headers.contains_key("x-correlation-id"));
    let answer = post(browser, CHECK, "application/proto", &[], "").await;
    assert_eq!((answer.http, &answer.body[..]), (200, &[8, 1][..]));

    let unknown = post(browser, CHECK, "application/json", &[], r#"{"service":"no.Such"}"#).await;
    assert_eq!((unknown.http, unknown.code().as_str()), (404, "not_found"));
    let broken = post(browser, CHECK, "application/json", &[], r#"{"servise":""}"#).await;
    assert_eq!((broken.http, broken.code().as_str()), (400, "invalid_argument"));
    let late = [("connect-timeout-ms", "soon")];
    let late = post(browser, CHECK, "application/json", &late, "{}").await;
    assert_eq!((late.http, late.reason().as_str()), (400, "TIMEOUT_INVALID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_questions_is_answered_each() {
    let stage = stage().await;
    let asked = |asked| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(asked),
    };
    let questions = [
        asked(Asked::ListServices(String::new())),
        asked(Asked::FileContainingSymbol("lyceum.testing.v1.ProbeService".to_owned())),
    ];
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let body = questions.iter().map(|question| frame(&question.encode_to_vec()));
        let body = body.collect::<Vec<_>>().concat();
        let answer = post(
            stage.browser().over_http2(),
            &path,
            "application/connect+proto",
            &[],
            body,
        )
        .await;
        let (messages, end) = answer.envelopes();
        assert_eq!(end, json!({}));
        let told: Vec<_> = messages
            .into_iter()
            .map(|message| ServerReflectionResponse::decode(message).unwrap().message_response)
            .collect();
        let [
            Some(Told::ListServicesResponse(listed)),
            Some(Told::FileDescriptorResponse(files)),
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        let mut names = listed.service.iter().map(|service| service.name.as_str());
        assert!(names.any(|name| name == "lyceum.testing.v1.ProbeService"));
        assert!(!files.file_descriptor_proto.is_empty());
    }
}
