#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::privacy::{Consent, Sensitive};

proptest! {
    #[test]
    fn a_timeout_never_grows_on_its_way(nanos in 0_u64..u64::MAX / 2) {
        let left = Duration::from_nanos(nanos);
        let read = parse_timeout(&format_timeout(left)).unwrap();
        prop_assert!(read <= left);
        // At most one part in a thousand is lost, or a microsecond.
        prop_assert!(left - read <= Duration::from_micros(1).max(left / 1000) || left > Duration::from_secs(90_000_000));
    }

    #[test]
    fn traces_survive_the_header(trace_id in 1_u128.., span_id in 1_u64.., sampled: bool) {
        let trace = Trace { trace_id, span_id, sampled };
        prop_assert_eq!(Trace::parse(trace.to_header().as_bytes()), Some(trace));
    }

    #[test]
    fn no_header_makes_a_panic(value in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Trace::parse(&value);
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut map = HeaderMap::new();
            for name in [headers::TIMEOUT, headers::CORRELATION, headers::PRINCIPAL, headers::PRINCIPAL_CERTIFICATE, headers::STUDENT, headers::CONSENT, headers::PURPOSE, headers::RETENTION, headers::PRIORITY] {
                map.clear();
                map.insert(name, value.clone());
                let _ = Context::from_headers(&map, Instant::now());
            }
        }
    }
}

#[test]
fn broken_traces_start_a_new_one() {
    for broken in [
        "",
        "00",
        "00-0-0-0",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
    ] {
        assert_eq!(Trace::parse(broken.as_bytes()), None, "{broken}");
    }
    assert!(Trace::parse(b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-future").is_some());
}

/// A token as somebody else made it.
fn signed() -> Token {
    let mut map = HeaderMap::new();
    map.insert(headers::PRINCIPAL, HeaderValue::from_static("signed"));
    map.insert(headers::PRINCIPAL_CERTIFICATE, HeaderValue::from_static("by"));
    Token::read(&map).unwrap()
}

#[test]
fn a_context_goes_into_headers_and_out_again() {
    let context = Context {
        deadline: None,
        trace: Trace::fresh(),
        correlation: "essay-7".to_owned(),
        principal: None,
        token: Some(signed()),
        privacy: Privacy {
            student: Some(Sensitive::new("s-1".to_owned())),
            consent: Consent::Learning,
            purpose: Some("instruction".to_owned()),
            retention: Duration::from_secs(60),
        },
        priority: Priority::Batch,
    };
    let mut map = HeaderMap::new();
    context.write(&context.trace.child(), &mut map);
    assert_eq!(map[headers::PRINCIPAL], "signed");
    assert_eq!(map[headers::PRINCIPAL_CERTIFICATE], "by");
    let read = Context::from_headers(&map, Instant::now()).unwrap();
    assert_eq!(read.trace.trace_id, context.trace.trace_id);
    assert_ne!(read.trace.span_id, context.trace.span_id, "the callee is a child");
    assert_eq!(
        (read.correlation, read.privacy, read.priority),
        (context.correlation, context.privacy, context.priority)
    );
}

#[tokio::test]
async fn a_context_is_there_inside_its_scope_only() {
    assert!(current().is_none());
    let context = Arc::new(Context::fresh());
    let seen = Arc::clone(&context).scope(async { current() }).await;
    assert_eq!(seen.unwrap().correlation, context.correlation);
    assert!(current().is_none());
}
