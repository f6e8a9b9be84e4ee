//! A request that is no call: the page, a document, a front that makes calls of its own.
//!
//! **Why.** Every request leaves one line in the access log. A call's is its record's; here is the rest's, one that was
//! refused before anybody read it included. The line names what it was for by a word of ours, never by the path that was
//! asked for, which may name somebody. **When not.** Counting: documents are counted where they are made.

use http::{HeaderValue, Method, Request, Response};
use lyceum::context::Trace;
use lyceum::context::headers::{CORRELATION, correlation};
use std::sync::Arc;
use tokio::time::Instant;

use crate::authentication::SESSION;
use crate::journal::{Journal, Visited};
use crate::response::Reply;
use crate::{batch, graphql, mcp};

/// Answers to browsers that ask whether they may ask.
pub(crate) const PREFLIGHT: &str = "preflight";
/// What nothing was made of.
pub(crate) const REFUSED: &str = "refused";
/// Opening a socket; its calls are lines of their own.
pub(crate) const WEBSOCKET: &str = "websocket";
/// A caller that left before there was an answer.
const LEFT: u16 = 499;

/// Paths that are told as they are.
const KNOWN: [&str; 13] = [
    mcp::PATH,
    batch::PATH,
    graphql::PATH,
    SESSION,
    "/openapi",
    "/openapi.json",
    "/openapi.css",
    "/gateway/health",
    "/gateway/schema",
    "/gateway/services",
    "/gateway/metrics",
    "/gateway/calls",
    "/gateway/calls/live",
];

/// A request under way.
#[derive(Debug)]
pub(crate) struct Visit {
    journal: Arc<Journal>,
    document: &'static str,
    verb: &'static str,
    began: Instant,
    given: Option<HeaderValue>,
    ended: bool,
}

// === impl Visit ===

impl Visit {
    /// A request for what its path says.
    pub(crate) fn begin<B>(journal: &Arc<Journal>, request: &Request<B>) -> Self {
        Self::of(journal, document(request.uri().path()), request)
    }

    /// A request for something else.
    pub(crate) fn of<B>(journal: &Arc<Journal>, document: &'static str, request: &Request<B>) -> Self {
        let given = request.headers().get(CORRELATION);
        Self {
            journal: Arc::clone(journal),
            document,
            verb: verb(request.method()),
            began: Instant::now(),
            given: given.filter(|given| correlation(given).is_some()).cloned(),
            ended: false,
        }
    }

    /// It is answered, with an id that its line has too. What streams is answered when it begins.
    pub(crate) fn end<B>(mut self, mut response: Response<Reply<B>>) -> Response<Reply<B>>
    where
        Reply<B>: Sized,
        B: http_body::Body<Data = bytes::Bytes, Error = tonic::Status> + Unpin,
    {
        let given = self.given.take();
        let made = || HeaderValue::try_from(Trace::fresh().short()).ok();
        let headers = response.headers_mut();
        if !headers.contains_key(CORRELATION) {
            headers.extend(given.or_else(made).map(|id| (CORRELATION, id)));
        }
        let (status, sent) = (response.status().as_u16(), response.body().expected());
        self.note(status, sent, response.headers().get(CORRELATION));
        response
    }

    fn note(&mut self, http: u16, sent: Option<u64>, correlation: Option<&HeaderValue>) {
        self.ended = true;
        self.journal.visited(&Visited {
            document: self.document,
            verb: self.verb,
            http,
            sent,
            took: self.began.elapsed(),
            correlation,
        });
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.ended {
            let given = self.given.take();
            self.note(LEFT, None, given.as_ref());
        }
    }
}

/// What a path is for; of those that strangers may make up, that is all.
fn document(path: &str) -> &'static str {
    if let Some(known) = KNOWN.iter().find(|known| **known == path) {
        return known;
    }
    match path.strip_prefix("/gateway/") {
        Some(rest) if rest.starts_with("health/") => "/gateway/health/*",
        Some(_) => "/gateway/*",
        None => "page",
    }
}

/// An HTTP method by its name, if it has one that is not made up.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::CONNECT => "CONNECT",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_path_is_told_that_may_name_somebody() {
        for (path, told) in [
            ("/", "page"),
            ("/pupils/ada", "page"),
            ("/graphql", "/graphql"),
            ("/graphql/ada", "page"),
            ("/gateway/health/ada", "/gateway/health/*"),
            ("/gateway/ada", "/gateway/*"),
            ("/gateway/session", "/gateway/session"),
        ] {
            assert_eq!(document(path), told);
        }
        assert_eq!(verb(&Method::from_bytes(b"ADA").unwrap()), "OTHER");
    }
}
