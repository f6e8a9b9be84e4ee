#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::principal::token::{LIFETIME, seconds};
use crate::principal::{Role, Signer};
use crate::testing::probe::{Folder, configuration};

/// A gateway that signs, and another service's verifier.
struct Pair {
    _folder: Folder,
    _runtime: Runtime,
    signer: Signer,
    verifier: Verifier,
}

impl Pair {
    fn new() -> Self {
        let folder = Folder::new();
        let configuration = configuration(&folder, "127.0.0.1:1");
        let runtime = Runtime::new().unwrap();
        let (gateway, service) = {
            let _inside = runtime.enter();
            let source = |name| identity::Source::start(&configuration, name).unwrap();
            (source("gateway"), source("ai-validator"))
        };
        Self {
            _folder: folder,
            _runtime: runtime,
            signer: Signer::new(gateway),
            verifier: Verifier::new(service, vec!["gateway".to_owned()]),
        }
    }

    fn verified(&self, token: &HeaderValue, later: Duration) -> Result<Arc<Principal>, &'static str> {
        self.verifier
            .verify(token.as_bytes(), SystemTime::now() + later)
            .map_err(|error| error.reason())
    }
}

fn parent() -> Principal {
    Principal::try_new(
        "p-1",
        [Role::Parent, Role::Educator]
            .into_iter()
            .collect::<super::super::Roles>(),
    )
    .unwrap()
    .with_students(vec!["s-1".to_owned(), "s-2".to_owned()])
    .unwrap()
    .with_classes(vec!["c-1".to_owned()])
    .unwrap()
}

#[test]
fn a_principal_arrives_as_it_was_signed() {
    let pair = Pair::new();
    let token = pair.signer.sign(&parent()).unwrap();
    let read = pair.verified(&token, Duration::ZERO).unwrap();
    let ends = read.expires().unwrap();
    assert_eq!(*read, parent().until(ends));
    let left = ends.duration_since(SystemTime::now()).unwrap();
    assert!(
        left <= LIFETIME && left > LIFETIME - Duration::from_secs(10),
        "{left:?}"
    );
    // The same object the second time: nothing is verified again.
    assert!(Arc::ptr_eq(&read, &pair.verified(&token, Duration::ZERO).unwrap()));
    assert!(token.len() < 1400, "{} bytes a call", token.len());
    assert!(!format!("{token:?} {:?} {:?}", pair.signer, pair.verifier).contains("p1."));
}

#[test]
fn one_token_serves_all_calls_of_a_principal_and_ends_with_its_proof() {
    let pair = Pair::new();
    let token = pair.signer.sign(&parent()).unwrap();
    assert_eq!(pair.signer.sign(&parent()).unwrap(), token);
    let soon = UNIX_EPOCH + Duration::from_secs(seconds(SystemTime::now()) + 20);
    let brief = parent().until(soon);
    let token = pair.signer.sign(&brief).unwrap();
    assert_eq!(pair.verified(&token, Duration::ZERO).unwrap().expires(), Some(soon));
    let past = parent().until(SystemTime::now() - Duration::from_secs(1));
    assert_eq!(pair.signer.sign(&past).unwrap_err().reason(), "PRINCIPAL_EXPIRED");
}

#[test]
fn what_was_believed_is_not_believed_for_ever() {
    let pair = Pair::new();
    let token = pair.signer.sign(&parent()).unwrap();
    assert!(pair.verified(&token, Duration::ZERO).is_ok());
    assert!(pair.verified(&token, LIFETIME).is_ok(), "clocks differ");
    let late = LIFETIME + SKEW + Duration::from_secs(2);
    assert_eq!(pair.verified(&token, late), Err("PRINCIPAL_INVALID"));
    // Nor is a signer whose certificate has ended meanwhile.
    let day = Duration::from_secs(25 * 3600);
    assert_eq!(pair.verified(&token, day), Err("PRINCIPAL_INVALID"));
}

#[test]
fn nobody_needs_no_signature_and_the_gateway_speaks_for_nobody() {
    let pair = Pair::new();
    assert_eq!(pair.signer.sign(&Principal::anonymous()).unwrap(), ANONYMOUS);
    let id = |name| SpiffeId::service("lyceum.internal", "dc1", name).unwrap();
    assert!(pair.verifier.holder(&id("gateway")).is_anonymous());
    assert_eq!(pair.verifier.holder(&id("other")).roles(), Role::Service.into());
    let mut headers = HeaderMap::new();
    let caller = pair.verifier.holder(&id("other"));
    let principal = |headers: &HeaderMap| pair.verifier.principal(headers, &caller);
    assert_eq!(principal(&headers).unwrap(), (Arc::clone(&caller), None));
    headers.insert(PRINCIPAL, HeaderValue::from_static(ANONYMOUS));
    assert!(principal(&headers).unwrap().0.is_anonymous());
    headers.append(PRINCIPAL, HeaderValue::from_static(ANONYMOUS));
    assert_eq!(principal(&headers).unwrap_err().reason(), "PRINCIPAL_INVALID");
}

#[test]
fn a_principal_too_large_for_a_header_is_refused_where_it_is_made() {
    let pair = Pair::new();
    let long = |letter: char| (0..64).map(|at| format!("{letter}{at:0>120}")).collect::<Vec<_>>();
    let huge = parent()
        .with_students(long('s'))
        .unwrap()
        .with_classes(long('c'))
        .unwrap();
    assert_eq!(pair.signer.sign(&huge).unwrap_err().reason(), "PRINCIPAL_TOO_LARGE");
}

#[test]
fn no_byte_of_a_token_may_differ() {
    let pair = Pair::new();
    let token = pair.signer.sign(&parent()).unwrap();
    for at in 0..token.len() {
        let mut bytes = token.as_bytes().to_vec();
        // The last character of a part carries bits that base64 leaves unused; they must be zero.
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let verified = pair.verifier.verify(&bytes, SystemTime::now());
        assert!(verified.is_err(), "changed at {at}");
        assert!(
            pair.verifier
                .verify(&token.as_bytes()[..at], SystemTime::now())
                .is_err(),
            "cut at {at}"
        );
    }
    assert!(pair.verified(&token, Duration::ZERO).is_ok());
}

#[test]
fn no_bytes_make_a_panic_or_a_principal() {
    let pair = Pair::new();
    let good = pair.signer.sign(&parent()).unwrap();
    let good = good.to_str().unwrap().to_owned();
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..5000), text in "p1(\\.[A-Za-z0-9_-]{0,40}){0,8}", at in 0..good.len(), junk in "[A-Za-z0-9_.-]{1,8}")| {
        prop_assert!(pair.verifier.verify(&bytes, SystemTime::now()).is_err());
        prop_assert!(pair.verifier.verify(text.as_bytes(), SystemTime::now()).is_err());
        let mut spliced = good.clone();
        spliced.insert_str(at, &junk);
        prop_assert!(pair.verifier.verify(spliced.as_bytes(), SystemTime::now()).is_err());
    });
}
