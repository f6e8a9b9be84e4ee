//! A status as REST callers read it: `google.rpc.Status` in JSON, or a problem of RFC 9457 where the caller asks for one.
//!
//! **Why.** The HTTP status says what sort of failure it is, the reason in the details says which, and a form finds its
//! field there. Details of types that nobody here knows are passed on as bytes, so that nothing is lost.
//! **Source.** AIP-193, `google/rpc/status.proto`, RFC 9457.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};
use lyceum::error::Told;
use lyceum::telemetry::code_name;
use prost_reflect::{DescriptorPool, DynamicMessage, Value as Set};
use serde_json::{Map, Value, json};
use tonic::Status;

use crate::response::Reply;
use crate::schema::codec;
use crate::status;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The types of details.
static DETAILS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut pool = DescriptorPool::global();
    // It is a constant of a crate; without it details would be passed on as bytes.
    let _ = pool.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
    pool
});

/// How a caller wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Status,
    Problem,
}

impl Form {
    /// What an `accept` header asks for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if super::accepts(headers, "application/problem+json") {
            Self::Problem
        } else {
            Self::Status
        }
    }
}

/// The whole answer; `headers` are those that the call already has.
pub(crate) fn response<B>(failed: &Status, mut headers: HeaderMap, form: Form) -> Response<Reply<B>> {
    let http = status::http(failed.code());
    let (kind, body) = match form {
        Form::Status => (JSON, object(failed)),
        Form::Problem => (PROBLEM, problem(failed, http.as_u16())),
    };
    headers.insert(CONTENT_TYPE, kind);
    if let Some(delay) = Told::of(failed).retry_after {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, seconds.into());
    }
    let mut response = Response::new(Reply::Whole(body.to_string().into()));
    *response.status_mut() = http;
    *response.headers_mut() = headers;
    response
}

/// `google.rpc.Status` in JSON.
pub(crate) fn object(status: &Status) -> Value {
    json!({
        "code": status.code() as i32,
        "message": status.message(),
        "details": details(status),
    })
}

fn problem(status: &Status, http: u16) -> Value {
    let told = Told::of(status);
    let mut problem = Map::new();
    let kind = match told.reason.as_str() {
        "" => "about:blank".to_owned(),
        reason => format!("urn:lyceum:error:{reason}"),
    };
    problem.insert("type".to_owned(), kind.into());
    problem.insert("title".to_owned(), code_name(status.code()).into());
    problem.insert("status".to_owned(), http.into());
    problem.insert("detail".to_owned(), status.message().into());
    if !told.reason.is_empty() {
        problem.insert("reason".to_owned(), told.reason.into());
    }
    if !told.violations.is_empty() {
        let errors = told.violations.into_iter();
        let errors: Vec<Value> = errors
            .map(|(field, rule)| json!({ "field": field, "detail": rule }))
            .collect();
        problem.insert("errors".to_owned(), errors.into());
    }
    if !told.metadata.is_empty() {
        let metadata: Map<String, Value> = told
            .metadata
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        problem.insert("metadata".to_owned(), metadata.into());
    }
    Value::Object(problem)
}

fn details(status: &Status) -> Vec<Value> {
    if status.details().is_empty() {
        return Vec::new();
    }
    let Some(kind) = DETAILS.get_message_by_name("google.rpc.Status") else {
        return Vec::new();
    };
    let Ok(whole) = DynamicMessage::decode(kind, status.details()) else {
        return Vec::new();
    };
    let details = whole.get_field_by_name("details");
    let details = details.as_deref().and_then(Set::as_list).unwrap_or_default();
    details.iter().filter_map(Set::as_message).map(detail).collect()
}

fn detail(any: &DynamicMessage) -> Value {
    let mut written = Vec::new();
    if codec::write(any, &mut written).is_ok()
        && let Ok(value) = serde_json::from_slice(&written)
    {
        return value;
    }
    let address = any.get_field_by_name("type_url");
    let bytes = any.get_field_by_name("value");
    json!({
        "@type": address.as_deref().and_then(Set::as_str).unwrap_or_default(),
        "value": STANDARD.encode(bytes.as_deref().and_then(Set::as_bytes).map(|bytes| &**bytes).unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lyceum::error::Error;
    use tonic::Code;

    use super::*;

    fn refused() -> Status {
        Error::invalid_input(vec![("draft.text".to_owned(), "is too long".to_owned())])
            .with_metadata("limit", "7")
            .with_retry_after(Duration::from_millis(1500))
            .into()
    }

    #[test]
    fn a_status_has_its_details_as_json() {
        let status = object(&refused());
        assert_eq!(status["code"], 3);
        assert_eq!(status["message"], "draft.text is too long");
        let find = |kind: &str| {
            let address = format!("type.googleapis.com/google.rpc.{kind}");
            let details = status["details"].as_array().unwrap();
            details
                .iter()
                .find(|detail| detail["@type"] == address)
                .unwrap()
                .clone()
        };
        assert_eq!(find("ErrorInfo")["reason"], "INPUT_INVALID");
        assert_eq!(find("ErrorInfo")["metadata"]["limit"], "7");
        assert_eq!(find("BadRequest")["fieldViolations"][0]["field"], "draft.text");
        assert_eq!(find("RetryInfo")["retryDelay"], "1.500s");
        assert_eq!(
            object(&Status::not_found("x")),
            json!({ "code": 5, "message": "x", "details": [] })
        );
    }

    #[test]
    fn details_of_nobodys_types_are_passed_on() {
        // google.rpc.Status with an Any of type `a/b.C`, whose bytes are 1, 2.
        let details: &[u8] = b"\x08\x05\x1a\x0b\x0a\x05a/b.C\x12\x02\x01\x02";
        let status = Status::with_details(Code::NotFound, "x", details.into());
        assert_eq!(
            object(&status)["details"],
            json!([{ "@type": "a/b.C", "value": "AQI=" }])
        );
        let status = Status::with_details(Code::NotFound, "x", b"\xff\xff"[..].into());
        assert_eq!(object(&status)["details"], json!([]));
    }

    #[test]
    fn a_problem_is_one() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "accept",
            HeaderValue::from_static("application/json, application/problem+json;q=0.9"),
        );
        assert_eq!(Form::of(&headers), Form::Problem);
        let response = response::<()>(&refused(), HeaderMap::new(), Form::Problem);
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let Reply::Whole(body) = response.into_body() else {
            panic!("a failure is whole")
        };
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["type"], "urn:lyceum:error:INPUT_INVALID");
        assert_eq!(
            (&problem["title"], &problem["status"]),
            (&json!("INVALID_ARGUMENT"), &json!(400))
        );
        assert_eq!(
            problem["errors"][0],
            json!({ "field": "draft.text", "detail": "is too long" })
        );
    }
}
