//! What a request asks for: one operation or a few, each scanned, parsed and weighed before it may run.
//!
//! **Why.** A POST must be JSON, which a page of another site cannot send without asking; so it cannot borrow the
//! cookies of whoever looks at it. A GET changes nothing, so it takes queries only. **Source.** "GraphQL over HTTP".

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_graphql::{Request, ServerError};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::Body;
use lyceum::error::Error as Refusal;
use percent_encoding::percent_decode_str;
use serde::Deserialize as _;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::resolve::Caller;
use super::{error, scan, weight};
use crate::request::Inbound;

/// The most operations in one request.
const OPERATIONS: usize = 10;

/// The operations of a request.
#[derive(Debug)]
pub(super) enum Asked {
    One(Box<Request>),
    Many(Vec<Request>),
}

/// One that may run.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: OperationType,
    request: Request,
}

// === impl Operation ===

impl Operation {
    /// To run for somebody.
    pub(super) fn with(self, caller: &Arc<Caller>) -> Request {
        self.request.data(Arc::clone(caller))
    }
}

/// Reads the body of a POST.
pub(super) async fn post<B>(headers: &HeaderMap, body: &mut Inbound<B>, patience: Duration) -> Result<Asked, Refusal>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if !is_json {
        let text = "the body must be application/json: {\"query\": …, \"variables\": …, \"operationName\": …}";
        return Err(Refusal::invalid_argument("BODY_NOT_JSON", text));
    }
    body.heed(headers)?;
    let body = timeout(patience, body.whole())
        .await
        .map_err(|_| Refusal::deadline_exceeded())??;
    read(&body)
}

fn read(body: &[u8]) -> Result<Asked, Refusal> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return serde_json::from_slice(body)
            .map(|request| Asked::One(Box::new(request)))
            .map_err(|error| not_json(&error));
    }
    let requests: Vec<Request> = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    if requests.is_empty() || requests.len() > OPERATIONS {
        let text = format!("a list of operations has 1 to {OPERATIONS} of them");
        return Err(Refusal::invalid_argument("OPERATIONS_TOO_MANY", text));
    }
    Ok(Asked::Many(requests))
}

/// Reads the query of a GET.
pub(super) fn get(query: &str) -> Result<Asked, Refusal> {
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(Refusal::invalid_argument("QUERY_INVALID", "the query is not UTF-8"));
    }
    let (mut document, mut name, mut variables) = (None, None, None);
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "query" => document = Some(value.into_owned()),
            "operationName" if !value.is_empty() => name = Some(value.into_owned()),
            "variables" if !value.is_empty() => {
                let mut json = serde_json::Deserializer::from_str(&value);
                let read = async_graphql::Variables::deserialize(&mut json).and_then(|read| json.end().map(|()| read));
                variables = Some(read.map_err(|error| not_json(&error))?);
            }
            _ => {}
        }
    }
    let document = document.ok_or_else(|| Refusal::invalid_argument("QUERY_MISSING", "query= is missing"))?;
    let mut request = Request::new(document).variables(variables.unwrap_or_default());
    request.operation_name = name;
    Ok(Asked::One(Box::new(request)))
}

/// Whether an operation may run, and what it is.
pub(super) fn prepare(mut request: Request) -> Result<Operation, Vec<ServerError>> {
    scan::scan(&request.query).map_err(|error| too_much(&error))?;
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|mut parsed| {
        parsed.extensions = error(&invalid("the document is not GraphQL")).extensions;
        vec![parsed]
    })?;
    weight::weigh(document).map_err(|error| too_much(&error))?;
    let chosen = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1)
        }
    };
    let Some(chosen) = chosen else {
        return Err(vec![error(&invalid(
            "operationName must name one of the document's operations",
        ))]);
    };
    Ok(Operation {
        kind: chosen.node.ty,
        request,
    })
}

fn invalid(message: &str) -> Status {
    Refusal::invalid_argument("GRAPHQL_INVALID", message).into()
}

fn too_much(why: &dyn std::error::Error) -> Vec<ServerError> {
    vec![error(
        &Refusal::invalid_argument("GRAPHQL_TOO_COMPLEX", why.to_string()).into(),
    )]
}

fn not_json(error: &serde_json::Error) -> Refusal {
    // Only the place: the error itself may quote what stood there.
    let text = format!(
        "line {}, column {}: not JSON of this form",
        error.line(),
        error.column()
    );
    Refusal::invalid_argument("JSON_INVALID", text)
}

/// A mutation that came by GET.
pub(super) fn not_by_get() -> Refusal {
    Refusal::new(Code::InvalidArgument, "METHOD_NOT_GET", "a mutation is sent with POST")
}

/// A subscription whose caller reads no events.
pub(super) fn only_events() -> Refusal {
    Refusal::invalid_argument(
        "ACCEPT_EVENTS",
        "a subscription is answered with accept: text/event-stream",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(query: &str, name: Option<&str>) -> Result<OperationType, String> {
        let mut request = Request::new(query);
        request.operation_name = name.map(str::to_owned);
        prepare(request)
            .map(|operation| operation.kind)
            .map_err(|errors| errors[0].message.clone())
    }

    #[test]
    fn the_operation_that_is_named_is_chosen() {
        let two = "query Q { a } mutation M { b }";
        assert_eq!(kind("{ a }", None), Ok(OperationType::Query));
        assert_eq!(kind(two, Some("M")), Ok(OperationType::Mutation));
        assert!(kind(two, None).unwrap_err().contains("operationName"));
        assert!(kind(two, Some("X")).unwrap_err().contains("operationName"));
        assert!(kind("{ a", None).is_err());
        assert!(kind(&"{".repeat(1_000_000), None).unwrap_err().contains("longer"));
        assert!(kind(&"{a".repeat(1000), None).unwrap_err().contains("deeper"));
    }

    #[test]
    fn requests_are_read_from_queries_and_bodies() {
        let Ok(Asked::One(request)) = get("query=%7B+a+%7D&variables=%7B%22n%22%3A1%7D&operationName=") else {
            panic!("one operation");
        };
        assert_eq!(request.query, "{ a }");
        assert_eq!(request.operation_name, None);
        assert!(get("variables=%7B%7D").is_err());
        assert!(get("query=a&variables=%7B").is_err());
        assert!(
            get("query=a&variables=%7B%22a%22:%22%ff%22%7D").is_err(),
            "broken UTF-8"
        );
        assert!(matches!(read(b" [{\"query\":\"{a}\"}]"), Ok(Asked::Many(many)) if many.len() == 1));
        assert!(read(b"[]").is_err());
        assert!(read(b"{\"query\":").is_err());
        let deep = format!(
            "{{\"query\":\"\",\"variables\":{{\"a\":{}{}}}}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert!(read(deep.as_bytes()).is_err());
    }
}
