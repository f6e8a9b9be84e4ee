//! What a tool answers: the contract's JSON as structure and as text, or what went wrong.
//!
//! A failed call is a result that says so, not an error of the protocol, so that the model reads it and can mend its
//! arguments: code, reason, message, broken fields, when to try again. It has no structure, because a client holds that
//! against the schema of good answers.

use http::HeaderMap;
use lyceum::error::Told;
use lyceum::telemetry::code_name;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Map, Value, json};
use tonic::Status;

/// What of the answer's headers helps to find the call again.
const TOLD: [&str; 2] = ["x-correlation-id", "lyceum-instance"];

/// A good answer.
pub(super) fn good(json: String, structure: Value, headers: &HeaderMap) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(json)]);
    result.structured_content = Some(structure);
    result.meta = meta(headers);
    result
}

/// A failed one, with what came before it failed.
pub(super) fn failed(status: &Status, before: Option<String>, headers: &HeaderMap) -> CallToolResult {
    let error = json!({ "error": self::error(status) });
    let mut content = vec![ContentBlock::text(error.to_string())];
    content.extend(before.map(ContentBlock::text));
    let mut result = CallToolResult::error(content);
    result.meta = meta(headers);
    result
}

/// A status as an agent reads it.
pub(super) fn error(status: &Status) -> Value {
    let told = Told::of(status);
    let mut error = Map::new();
    error.insert("code".to_owned(), json!(code_name(status.code())));
    if !told.reason.is_empty() {
        error.insert("reason".to_owned(), json!(told.reason));
    }
    error.insert("message".to_owned(), json!(status.message()));
    if !told.violations.is_empty() {
        let violations: Vec<Value> = told
            .violations
            .iter()
            .map(|(field, rule)| json!({ "field": field, "description": rule }))
            .collect();
        error.insert("violations".to_owned(), json!(violations));
    }
    if !told.metadata.is_empty() {
        let metadata: Map<String, Value> = told
            .metadata
            .into_iter()
            .map(|(name, value)| (name, json!(value)))
            .collect();
        error.insert("metadata".to_owned(), Value::Object(metadata));
    }
    if let Some(delay) = told.retry_after {
        error.insert("retryAfterSeconds".to_owned(), json!(delay.as_secs_f64()));
    }
    Value::Object(error)
}

fn meta(headers: &HeaderMap) -> Option<MetaObject> {
    let told: Map<String, Value> = TOLD
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), json!(headers.get(*name)?.to_str().ok()?))))
        .collect();
    (!told.is_empty()).then_some(MetaObject(told))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lyceum::error::Error as Refusal;

    use super::*;

    #[test]
    fn a_model_reads_what_it_can_mend() {
        let refusal = Refusal::invalid_input(vec![("text".to_owned(), "must not be empty".to_owned())])
            .with_retry_after(Duration::from_millis(500));
        let mut headers = HeaderMap::new();
        headers.insert("x-correlation-id", "abc".parse().unwrap());
        headers.insert("x-other", "no".parse().unwrap());
        let result = failed(&refusal.into(), Some("[]".to_owned()), &headers);
        assert_eq!(result.is_error, Some(true));
        assert!(result.structured_content.is_none());
        assert_eq!(
            result.meta.unwrap().0,
            *json!({ "x-correlation-id": "abc" }).as_object().unwrap()
        );
        let text = &result.content[0].as_text().unwrap().text;
        let error: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            error,
            json!({ "error": {
                "code": "INVALID_ARGUMENT",
                "reason": "INPUT_INVALID",
                "message": "text must not be empty",
                "violations": [{ "field": "text", "description": "must not be empty" }],
                "retryAfterSeconds": 0.5
            } })
        );
    }
}
