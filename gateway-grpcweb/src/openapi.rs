//! What can be called, as OpenAPI 3.1 and as a page to read.
//!
//! **What.** `/openapi.json` for generators and tools, `/openapi` for people: every method below `/api/` and every
//! binding of `google.api.http`, with comments, limits and failures as the contracts say them. **Why.** Made from what
//! services reflect, so that it is never behind them; once a generation, and a reader that has it already is told so.
//! **When not.** Files of a contract are in `proto/`. **Source.** OpenAPI Specification 3.1.1.

mod document;
mod page;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request};
use lyceum::client::ResponseBody;
use ring::digest::{SHA256, digest};

use crate::edge::Edge;
use crate::json::Table;
use crate::response::Reply;

const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Its own style and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const STYLE: &str = include_str!("openapi/page.css");

/// What is told of one generation.
#[derive(Debug)]
pub(crate) struct Documents {
    json: Told,
    page: Told,
}

#[derive(Debug)]
struct Told {
    body: Bytes,
    tag: HeaderValue,
}

impl Documents {
    /// Of everything that a table has.
    pub(crate) fn new(table: &Table) -> Self {
        let document = document::of(table);
        Self {
            page: Told::new(page::of(&document).into()),
            json: Told::new(document.to_string().into()),
        }
    }
}

impl Told {
    fn new(body: Bytes) -> Self {
        let hash = digest(&SHA256, &body);
        let hex: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            // Hexadecimal digits in quotes are a header.
            tag: HeaderValue::try_from(format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\"")),
            body,
        }
    }

    fn answer(&self, kind: &'static str, headers: &HeaderMap) -> Response<Bytes> {
        let known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| {
            tags.as_bytes()
                .split(|byte| *byte == b',')
                .map(|tag| tag.trim_ascii())
                .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == self.tag.as_bytes())
        });
        let mut response = if known {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(self.body.clone())
        };
        let answer = response.headers_mut();
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer.insert(ETAG, self.tag.clone());
        answer.insert(CACHE_CONTROL, ASK_AGAIN);
        answer.insert(CONTENT_SECURITY_POLICY, POLICY);
        response
    }
}

impl Edge {
    /// The document at a path; none where it is not one of these.
    pub(crate) async fn openapi(&self, parts: &request::Parts) -> Option<Response<Reply<ResponseBody>>> {
        let path = parts.uri.path();
        let mut response = match path {
            "/openapi.css" => {
                Told::new(Bytes::from_static(STYLE.as_bytes())).answer("text/css; charset=utf-8", &parts.headers)
            }
            "/openapi" | "/openapi.json" => {
                let table = self.rest.load_full();
                // Made once a generation, and not while others wait for this thread.
                let making = Arc::clone(&table);
                let made = tokio::task::spawn_blocking(move || {
                    making.documents();
                });
                // Should it fail there, it fails here.
                let _ = made.await;
                let documents = table.documents();
                match path {
                    "/openapi" => documents.page.answer("text/html; charset=utf-8", &parts.headers),
                    _ => documents.json.answer("application/json", &parts.headers),
                }
            }
            _ => return None,
        };
        if parts.method == Method::HEAD {
            response.body_mut().clear();
        }
        Some(response.map(Reply::from))
    }
}

#[cfg(test)]
mod tests;
