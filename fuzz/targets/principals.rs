//! Signed principals, as a service reads them: the gateway's word passes, whatever was done to it does not.
#![no_main]

use std::sync::LazyLock;
use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use lyceum::identity::Source;
use lyceum::principal::{Principal, Role, Signer, Token, Verifier};
use lyceum::testing::probe::{Folder, configuration};
use tokio::runtime::Runtime;

/// A gateway that signs, and another service's verifier.
struct Pair {
    signer: Signer,
    verifier: Verifier,
    /// Two that are good, and the certificate of both.
    good: [Vec<u8>; 2],
    certificate: Vec<u8>,
}

const NAMES: [&str; 2] = ["s-1", "s-2"];

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let folder = Folder::new();
    let configuration = configuration(&folder, "127.0.0.1:1");
    // Certificates are renewed on it, for as long as this runs.
    let runtime = Box::leak(Box::new(Runtime::new().unwrap()));
    let _inside = runtime.enter();
    let source = |name| Source::start(&configuration, name).unwrap();
    let signer = Signer::new(source("gateway"));
    let verifier = Verifier::new(source("ai-validator"), vec!["gateway".to_owned()]);
    let tokens = NAMES.map(|name| {
        let principal = Principal::try_new(name, Role::Student).unwrap();
        signer.sign(&principal).unwrap()
    });
    let certificate = certificate(&tokens[0]);
    let good = tokens.map(|token| token.principal().as_bytes().to_vec());
    Pair {
        signer,
        verifier,
        good,
        certificate,
    }
});

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let verified = |token: &[u8], certificate: &[u8]| PAIR.verifier.verify(token, certificate, SystemTime::now());
    let certificate_of_both = &PAIR.certificate;
    let [one, other] = &PAIR.good;
    match how % 5 {
        0 => {
            let mut parts = data.splitn(2, |byte| *byte == b'\n');
            let (token, certificate) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            assert!(verified(token, certificate).is_err(), "nobody signed this");
            assert!(verified(token, certificate_of_both).is_err(), "nobody signed this");
        }
        // Some bytes of a good one are others.
        1 => {
            let token = edited(one, data);
            let is_good = token == *one || verified(&token, certificate_of_both).is_err();
            assert!(is_good, "it was not signed like this");
        }
        // The beginning of one, something between, the end of the other.
        2 => {
            let [a, b, c, d, between @ ..] = data else { return };
            let head = usize::from(u16::from_be_bytes([*a, *b])) % (one.len() + 1);
            let tail = usize::from(u16::from_be_bytes([*c, *d])) % (other.len() + 1);
            let token = [&one[..head], between, &other[tail..]].concat();
            let is_good = PAIR.good.contains(&token) || verified(&token, certificate_of_both).is_err();
            assert!(is_good, "it was not signed like this");
        }
        // Another certificate makes nobody somebody else.
        3 => {
            if let Ok(read) = verified(one, &edited(certificate_of_both, data)) {
                assert_eq!(read.subject().expose(), NAMES[0]);
            }
        }
        // Whoever can be named arrives as they were.
        _ => {
            let text = String::from_utf8_lossy(data);
            let mut words = text.split(' ').map(str::to_owned);
            let Ok(principal) = Principal::try_new(words.next().unwrap_or_default(), Role::Parent) else {
                return;
            };
            let (students, classes) = words.partition(|word| word.len() % 2 == 0);
            let principal = principal
                .with_students(students)
                .and_then(|all| all.with_classes(classes));
            if let Ok(principal) = principal
                && let Ok(token) = PAIR.signer.sign(&principal)
                && !principal.is_anonymous()
            {
                let read = verified(token.principal().as_bytes(), &certificate(&token));
                let read = read.expect("the gateway's word is good");
                assert_eq!(read.subject().expose(), principal.subject().expose());
                assert_eq!(read.students().expose(), principal.students().expose());
                assert_eq!(read.classes().expose(), principal.classes().expose());
            }
        }
    }
});

fn certificate(token: &Token) -> Vec<u8> {
    let certificate = token.certificate().expect("a signer has one");
    certificate.as_bytes().to_vec()
}

/// The same bytes but for those that each three bytes of `edits` name: a place, and what is there.
fn edited(bytes: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut edited = bytes.to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % edited.len();
        edited[at] = edit[2];
    }
    edited
}
