//! A status as Connect writes it: JSON with the code's name, the message and the details.
//!
//! **Why.** Connect's clients read a unary failure from an HTTP status and a body of JSON, a stream's from its last
//! envelope: both hold this. **Source.** "Connect Protocol Reference" (Error-Codes), google/rpc/status.proto.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use lyceum::error::Told;
use prost::Message as _;
use prost_types::Any;
use serde_json::{Map, Value, json};
use tonic::{Code, Status};

/// `google.rpc.Status`, as far as it is not in the status itself.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// The failure as an object.
pub(crate) fn of(status: &Status) -> Value {
    let mut error = Map::new();
    error.insert("code".to_owned(), name(status.code()).into());
    if !status.message().is_empty() {
        error.insert("message".to_owned(), status.message().into());
    }
    let details = Details::decode(status.details()).unwrap_or_default().details;
    if !details.is_empty() {
        let told = Told::of(status);
        let details = details.iter().map(|any| detail(any, &told)).collect();
        error.insert("details".to_owned(), Value::Array(details));
    }
    Value::Object(error)
}

fn detail(detail: &Any, told: &Told) -> Value {
    // The name alone: type.googleapis.com/ says nothing.
    let name = detail
        .type_url
        .rsplit_once('/')
        .map_or(&*detail.type_url, |(_, name)| name);
    let mut object = json!({ "type": name, "value": STANDARD_NO_PAD.encode(&detail.value) });
    if let Some(debug) = debug(name, told) {
        object["debug"] = debug;
    }
    object
}

/// A detail for people, where it is one that they can act on: clients read the value.
fn debug(name: &str, told: &Told) -> Option<Value> {
    match name {
        "google.rpc.ErrorInfo" => {
            let metadata: Map<String, Value> = told
                .metadata
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect();
            Some(json!({ "reason": told.reason, "metadata": metadata }))
        }
        "google.rpc.BadRequest" => {
            let violations: Vec<Value> = told
                .violations
                .iter()
                .map(|(field, rule)| json!({ "field": field, "description": rule }))
                .collect();
            Some(json!({ "fieldViolations": violations }))
        }
        "google.rpc.RetryInfo" => told
            .retry_after
            .map(|delay| json!({ "retryDelay": format!("{}s", delay.as_secs_f64()) })),
        _ => None,
    }
}

/// A code's name.
fn name(code: Code) -> &'static str {
    match code {
        // A failure without a code of its own is one all the same.
        Code::Ok | Code::Unknown => "unknown",
        Code::Cancelled => "canceled",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use lyceum::error::Error;

    use super::*;

    #[test]
    fn a_failure_has_its_code_message_and_details() {
        let status = Status::from(Error::invalid_argument("INPUT_INVALID", "draft.text is too long"));
        let failure = of(&status);
        assert_eq!(failure["code"], "invalid_argument");
        assert_eq!(failure["message"], "draft.text is too long");
        assert_eq!(failure["details"][0]["type"], "google.rpc.ErrorInfo");
        let value = failure["details"][0]["value"].as_str().unwrap();
        let value = STANDARD_NO_PAD.decode(value).unwrap();
        assert!(value.windows(13).any(|part| part == b"INPUT_INVALID"));
        assert_eq!(failure["details"][0]["debug"]["reason"], "INPUT_INVALID");
    }

    #[test]
    fn a_bare_failure_is_a_code() {
        assert_eq!(of(&Status::cancelled("")), json!({ "code": "canceled" }));
        let garbage = Status::with_details(Code::DataLoss, "x", bytes::Bytes::from_static(b"\xff\xff"));
        assert_eq!(of(&garbage), json!({ "code": "data_loss", "message": "x" }));
    }
}
