#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;

use super::*;
use crate::configuration::Configuration;
use crate::context::headers::{TIMEOUT, TRACEPARENT};
use crate::context::{Trace, format_timeout};
use crate::identity::statement::LONGEST;
use crate::principal::token::{LIFETIME, seconds};
use crate::principal::{Role, Signer};
use crate::testing::probe::{Folder, configuration};

/// A gateway that signs, and another service's verifier.
struct Pair {
    _folder: Folder,
    configuration: Configuration,
    runtime: Runtime,
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
            configuration,
            runtime,
            signer: Signer::new(gateway),
            verifier: Verifier::new(service, vec!["gateway".to_owned()]),
        }
    }

    fn verified(&self, token: &Token, later: Duration) -> Result<Arc<Principal>, &'static str> {
        let (principal, certificate) = parts(token);
        self.verifier
            .verify(&principal, &certificate, SystemTime::now() + later)
            .map_err(|error| error.reason())
    }

    /// Whether two headers of this sort are believed now.
    fn believes(&self, principal: &[u8], certificate: &[u8]) -> bool {
        self.verifier.verify(principal, certificate, SystemTime::now()).is_ok()
    }
}

/// What travels of a token.
fn parts(token: &Token) -> (Vec<u8>, Vec<u8>) {
    let certificate = token.certificate().unwrap();
    (token.principal().as_bytes().to_vec(), certificate.as_bytes().to_vec())
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
    let (principal, certificate) = parts(&token);
    assert!(principal.len() < 180, "{} bytes a call", principal.len());
    assert!(certificate.len() < 1000, "{} bytes a connection", certificate.len());
    let printed = format!(
        "{token:?} {:?} {:?} {:?}",
        token.principal(),
        pair.signer,
        pair.verifier
    );
    assert!(!printed.contains("p2."), "{printed}");
}

#[test]
fn http2_may_remember_the_certificate_and_never_the_principal() {
    let pair = Pair::new();
    let token = pair.signer.sign(&parent()).unwrap();
    assert!(token.principal().is_sensitive() && !token.certificate().unwrap().is_sensitive());
    // The same for all, or nothing would be saved.
    let other = Principal::try_new("p-2", Role::Parent).unwrap();
    assert_eq!(pair.signer.sign(&other).unwrap().certificate(), token.certificate());
    // As a service passes it on, which gets it without the marks.
    let (mut headers, mut passed_on) = (HeaderMap::new(), HeaderMap::new());
    let (principal, certificate) = parts(&token);
    headers.insert(PRINCIPAL, HeaderValue::from_bytes(&principal).unwrap());
    headers.insert(PRINCIPAL_CERTIFICATE, HeaderValue::from_bytes(&certificate).unwrap());
    let nobody = Arc::new(Principal::anonymous());
    let (_, received) = pair.verifier.principal(&headers, &nobody).unwrap();
    received.unwrap().write(&mut passed_on);
    assert!(passed_on[PRINCIPAL].is_sensitive() && !passed_on[PRINCIPAL_CERTIFICATE].is_sensitive());
    assert_eq!(passed_on, headers);
    // Whoever is nobody after them brings no certificate along.
    Token::anonymous().write(&mut passed_on);
    assert!(!passed_on.contains_key(PRINCIPAL_CERTIFICATE));
}

#[test]
fn a_principal_is_good_with_its_own_certificate_alone() {
    let (pair, elsewhere) = (Pair::new(), Pair::new());
    let token = pair.signer.sign(&parent()).unwrap();
    let (principal, certificate) = parts(&token);
    // Another one of the same gateway's, which the service knows and trusts.
    let renewed = {
        let _inside = pair.runtime.enter();
        Signer::new(identity::Source::start(&pair.configuration, "gateway").unwrap())
    };
    let renewed = renewed.sign(&parent()).unwrap();
    assert!(pair.verified(&renewed, Duration::ZERO).is_ok());
    let (_, foreign) = parts(&elsewhere.signer.sign(&parent()).unwrap());
    let (_, other) = parts(&renewed);
    assert_ne!(other, certificate);
    let twice = [certificate.as_slice(), b".", &certificate].concat();
    let ending = [certificate.as_slice(), b"."].concat();
    let long = vec![b'A'; LONGEST];
    let wrong: [&[u8]; 9] = [
        &other,
        &foreign,
        &twice,
        &ending,
        b"",
        b"AAAA",
        b"....",
        &[0xff; 40],
        &long,
    ];
    // Before it was ever seen, and when it is remembered.
    for _ in 0..2 {
        for wrong in wrong {
            assert!(!pair.believes(&principal, wrong), "{}", wrong.escape_ascii());
        }
        assert!(pair.believes(&principal, &certificate));
    }
    for at in 0..certificate.len() {
        let mut bytes = certificate.clone();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(!pair.believes(&principal, &bytes), "changed at {at}");
        assert!(!pair.believes(&principal, &certificate[..at]), "cut at {at}");
    }
    // What separates them cannot be moved.
    let (claims, signature) = principal.split_at(principal.iter().rposition(|byte| *byte == b'.').unwrap());
    let moved = [claims, b".", &certificate[..8], signature].concat();
    assert!(!pair.believes(&moved, &certificate[8..]));
    assert!(pair.believes(&principal, &certificate));
}

#[test]
fn both_headers_come_once_each_or_none() {
    let pair = Pair::new();
    let nobody = Arc::new(Principal::anonymous());
    let (principal, certificate) = parts(&pair.signer.sign(&parent()).unwrap());
    let with = |given: &[(&HeaderName, &[u8])]| {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let found = pair.verifier.principal(&headers, &nobody);
        found.map_or_else(|error| error.reason(), |_| "good")
    };
    let (first, second) = (
        (&PRINCIPAL, principal.as_slice()),
        (&PRINCIPAL_CERTIFICATE, certificate.as_slice()),
    );
    let anonymous = (&PRINCIPAL, ANONYMOUS.as_bytes());
    assert_eq!(with(&[first, second]), "good");
    for wrong in [
        &[first][..],
        &[second],
        &[anonymous, second],
        &[first, first, second],
        &[first, anonymous, second],
        &[first, second, second],
    ] {
        assert_eq!(with(wrong), "PRINCIPAL_INVALID", "{} headers", wrong.len());
    }
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
    assert_eq!(pair.signer.sign(&Principal::anonymous()).unwrap(), Token::anonymous());
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
    let (principal, certificate) = parts(&token);
    for at in 0..principal.len() {
        let mut bytes = principal.clone();
        // The last character of a part carries bits that base64 leaves unused; they must be zero.
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(!pair.believes(&bytes, &certificate), "changed at {at}");
        assert!(!pair.believes(&principal[..at], &certificate), "cut at {at}");
    }
    assert!(pair.verified(&token, Duration::ZERO).is_ok());
}

#[test]
fn no_bytes_make_a_panic_or_a_principal() {
    let pair = Pair::new();
    let (good, certificate) = parts(&pair.signer.sign(&parent()).unwrap());
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..5000), text in "p2(\\.[A-Za-z0-9_-]{0,40}){0,8}", at in 0..good.len(), junk in "[A-Za-z0-9_.-]{1,8}")| {
        for nonsense in [&bytes, text.as_bytes()] {
            prop_assert!(!pair.believes(nonsense, &certificate));
            prop_assert!(!pair.believes(&good, nonsense));
        }
        let mut spliced = good.clone();
        spliced.splice(at..at, junk.bytes());
        prop_assert!(!pair.believes(&spliced, &certificate));
    });
}

#[tokio::test]
async fn a_connection_carries_the_certificate_once() {
    let pair = tokio::task::spawn_blocking(Pair::new).await.unwrap();
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    // A peer's settings, all as they are by default.
    far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(near).await.unwrap();
    let connection = tokio::spawn(connection);
    far.read_exact(&mut [0; b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len()])
        .await
        .unwrap();
    let mut sizes = Vec::new();
    for (number, name) in ["p-1", "p-2", "p-1"].into_iter().enumerate() {
        let principal = Principal::try_new(name, Role::Parent).unwrap();
        let mut request = http::Request::new(());
        *request.uri_mut() = http::Uri::from_static("https://testing/p.S/Get");
        pair.signer.sign(&principal).unwrap().write(request.headers_mut());
        request
            .headers_mut()
            .insert(TIMEOUT, format_timeout(Duration::from_millis(number as u64)));
        request.headers_mut().insert(TRACEPARENT, Trace::fresh().to_header());
        let _sent = requests.send_request(request, true).unwrap();
        sizes.push(loop {
            let mut head = [0; 9];
            far.read_exact(&mut head).await.unwrap();
            let mut frame = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            far.read_exact(&mut frame).await.unwrap();
            // HEADERS
            if head[3] == 1 {
                break frame.len();
            }
        });
    }
    connection.abort();
    assert!(sizes[0] > 700, "{sizes:?}");
    assert!(sizes[1..].iter().all(|size| *size < 240), "{sizes:?}");
    tokio::task::spawn_blocking(|| drop(pair)).await.unwrap();
}
