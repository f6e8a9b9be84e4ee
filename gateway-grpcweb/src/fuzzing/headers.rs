//! Everything that is read of a request's headers before a call is made.
//!
//! The input is text: `POST /path`, then `name: value` a line.

use std::sync::LazyLock;
use std::time::Duration;

use http::header::{CONNECTION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use lyceum::context::Context;
use lyceum::context::headers::{PRINCIPAL, STUDENT};
use lyceum::policy;
use tokio::time::Instant;

use super::services;
use crate::authentication;
use crate::compression::Coding;
use crate::connect::Kind;
use crate::cors::Cors;
use crate::host::Hosts;
use crate::protocol::Protocol;
use crate::versions::{Choices, Names};
use crate::{deadline, headers as crossing, hygiene, json};

const LIMIT: Duration = Duration::from_secs(3600);

static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(&services()));
static CHOICES: LazyLock<Choices> = LazyLock::new(|| Choices::of_policy(&policy::Versions::default()));

/// Headers of a request.
pub fn headers(data: &[u8]) {
    let Some(parts) = parts(data) else { return };
    let headers = &parts.headers;
    if let Ok(Some(granted)) = deadline::of(headers, LIMIT) {
        assert!(granted <= LIMIT);
    }
    let _ = json::timeout(headers);
    let _ = (Coding::of(headers), Coding::wanted(headers));
    let _ = ["text/event-stream", "application/json"].map(|kind| json::accepts(headers, kind));
    let _ = (Protocol::of(headers).map(Protocol::content_type), Kind::of(&parts));
    let _ = NAMES.find(
        "lyceum.writing_analysis.WritingAnalysisService",
        "AnalyzeWriting",
        headers,
        &CHOICES,
    );
    authentication::fuzzing::shown(&parts.method, &parts.uri, headers);
    cross(headers);
    admit(Request::from_parts(parts, ()));
}

/// What crosses to a service says nothing that only the gateway may say.
fn cross(headers: &HeaderMap) {
    let up = crossing::upstream(headers);
    for name in [COOKIE, CONNECTION, PRINCIPAL, STUDENT] {
        assert!(!up.contains_key(&name), "{name}");
    }
    let _ = crossing::downstream(headers.clone());
    let now = Instant::now();
    if let Ok(context) = Context::from_headers(headers, now) {
        let mut again = HeaderMap::new();
        context.write(&context.trace, &mut again);
        assert!(
            Context::from_headers(&again, now).is_ok(),
            "what is written can be read"
        );
    }
}

/// Whether and for whom it would be answered.
fn admit(request: Request<()>) {
    let hosts = Hosts::new(["school.example", "*.school.example"]);
    let _ = (hygiene::check(&request, &hosts), hygiene::is_last(&request));
    let cors = Cors::new(&["https://school.example".to_owned()], LIMIT);
    let admission = cors.admit(&request);
    let _ = cors.preflight(&request, &admission);
    let mut answer = request.into_parts().0.headers;
    admission.expose(&mut answer);
}

fn parts(data: &[u8]) -> Option<Parts> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::builder()
        .method(first.next()?)
        .uri(first.next()?)
        .body(())
        .ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request.into_parts().0)
}
