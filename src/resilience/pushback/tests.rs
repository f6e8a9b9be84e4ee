#![allow(clippy::unwrap_used, reason = "a test may panic")]

use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::error::Error;

fn header(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(HEADER.parse().unwrap(), HeaderValue::from_str(value).unwrap())])
}

#[test]
fn the_header_says_when_or_never() {
    assert_eq!(read(&HeaderMap::new()), None);
    assert_eq!(read(&header("250")), Some(Pushback::After(Duration::from_millis(250))));
    assert_eq!(read(&header("0")), Some(Pushback::After(Duration::ZERO)));
    for never in ["-1", "soon", "", "2147483648", "1.5"] {
        assert_eq!(read(&header(never)), Some(Pushback::Never), "{never}");
    }
}

#[test]
fn details_say_when_and_the_header_comes_first() {
    let status = Status::from(Error::exhausted("BUSY", "busy").with_retry_after(Duration::from_millis(70)));
    let mut headers = HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    assert_eq!(read(&headers), Some(Pushback::After(Duration::from_millis(70))));
    headers.extend(header("-1"));
    assert_eq!(read(&headers), Some(Pushback::Never));
    let mut without = HeaderMap::new();
    Status::from(Error::unavailable("GONE", "gone"))
        .add_header(&mut without)
        .unwrap();
    assert_eq!(read(&without), None);
}

#[test]
fn only_what_may_help_is_tried_again() {
    let after = Some(Pushback::After(Duration::ZERO));
    assert!(allows(Code::Unavailable, None) && allows(Code::Unavailable, after));
    assert!(!allows(Code::Unavailable, Some(Pushback::Never)));
    assert!(allows(Code::ResourceExhausted, after) && !allows(Code::ResourceExhausted, None));
    for code in [Code::Internal, Code::DeadlineExceeded, Code::InvalidArgument, Code::Ok] {
        assert!(!allows(code, None) && !allows(code, after), "{code:?}");
    }
}

proptest! {
    #[test]
    fn a_pause_keeps_its_limits(attempts in 1_u32..8, seed: u64, milliseconds in 0_u64..3000) {
        let settings = Call { attempts: 5, ..Call::default() };
        let rng = &mut fastrand::Rng::with_seed(seed);
        let own = pause(attempts, None, &settings, rng);
        prop_assert_eq!(own.is_some(), attempts < 5);
        let limit = settings.backoff * 2_u32.pow(attempts - 1);
        prop_assert!(own.unwrap_or_default() <= limit.min(settings.backoff_limit));
        let asked = Duration::from_millis(milliseconds);
        let given = pause(attempts, Some(Pushback::After(asked)), &settings, rng);
        prop_assert_eq!(given.is_some(), attempts < 5 && asked <= settings.backoff_limit);
        prop_assert!(given.is_none_or(|given| given >= asked && given <= asked.mul_f64(1.2)));
        prop_assert_eq!(pause(attempts, Some(Pushback::Never), &settings, rng), None);
    }

    #[test]
    fn no_header_panics(value in prop::collection::vec(0x20_u8..0x7f, 0..30)) {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(&value).unwrap());
        headers.insert("grpc-status", HeaderValue::from_bytes(&value).unwrap());
        headers.insert("grpc-status-details-bin", HeaderValue::from_bytes(&value).unwrap());
        let _ = read(&headers);
        headers.remove(HEADER);
        let _ = read(&headers);
    }
}
