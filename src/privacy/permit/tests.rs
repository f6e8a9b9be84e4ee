#![allow(clippy::unwrap_used, reason = "a test may panic")]

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::context::headers::{PERMIT, PERMIT_CERTIFICATE, PRINCIPAL, PRINCIPAL_CERTIFICATE};
use crate::identity::Source;
use crate::principal::{self, Role, SKEW};
use crate::testing::probe::{Folder, configuration};

/// A privacy service that signs, another that may not, and a verifier elsewhere.
struct Three {
    _folder: Folder,
    _runtime: Runtime,
    signer: Signer,
    pretender: Source,
    verifier: Verifier,
}

impl Three {
    fn new() -> Self {
        let folder = Folder::new();
        let configuration = configuration(&folder, "127.0.0.1:1");
        let runtime = Runtime::new().unwrap();
        let source = |name| {
            let _inside = runtime.enter();
            Source::start(&configuration, name).unwrap()
        };
        Self {
            signer: Signer::new(source("privacy")),
            pretender: source("student-profiling"),
            verifier: Verifier::new(source("educator-alerts"), vec!["privacy".to_owned()]),
            _folder: folder,
            _runtime: runtime,
        }
    }

    fn told(&self, token: &Token, principal: &Principal, now: SystemTime) -> &'static str {
        let (permit, certificate) = parts(token);
        let found = self.verifier.verify(&permit, &certificate, principal, now);
        found.map_or_else(|error| error.reason(), |_| "good")
    }

    fn believes(&self, permit: &[u8], certificate: &[u8]) -> bool {
        let now = SystemTime::now();
        self.verifier.verify(permit, certificate, &educator(), now).is_ok()
    }
}

fn parts(token: &Token) -> (Vec<u8>, Vec<u8>) {
    (
        token.permit().as_bytes().to_vec(),
        token.certificate().as_bytes().to_vec(),
    )
}

fn educator() -> Principal {
    Principal::try_new("e-5", Role::Educator).unwrap()
}

fn permit(now: SystemTime) -> Permit {
    let uses = [
        (Category::Profile, Basis::Consent),
        (Category::Result, Basis::GuardianConsent),
    ];
    let uses = uses.map(|(category, basis)| Use {
        category,
        level: Consent::Learning,
        basis,
    });
    Permit::try_new(&educator(), "7-qXbZ", Purpose::Support, uses.to_vec(), now)
        .unwrap()
        .of_version(12)
        .with_retention(Duration::from_secs(86_400))
}

#[test]
fn a_permit_arrives_as_it_was_signed_and_shows_nobody() {
    let three = Three::new();
    let now = SystemTime::now();
    let token = three.signer.sign(permit(now)).unwrap();
    let mut headers = HeaderMap::new();
    token.write(&mut headers);
    let (read, passed_on) = three.verifier.permit(&headers, &educator(), now).unwrap().unwrap();
    assert_eq!(
        (read.student(), read.purpose()),
        (permit(now).student(), Purpose::Support)
    );
    assert_eq!((read.uses(), read.consents()), (permit(now).uses(), 12));
    assert_eq!(read.privacy(Category::Result), permit(now).privacy(Category::Result));
    let left = read.expires().duration_since(now).unwrap();
    assert!(left > LIFETIME - Duration::from_secs(2) && left <= LIFETIME, "{left:?}");
    assert_eq!(passed_on, token);
    let again = three.verifier.permit(&headers, &educator(), now).unwrap().unwrap().0;
    assert!(std::sync::Arc::ptr_eq(&read, &again), "nothing is verified again");
    assert!(token.permit().is_sensitive() && !token.certificate().is_sensitive());
    assert!(token.permit().len() < 180, "{} bytes a call", token.permit().len());
    let printed = format!(
        "{token:?} {read:?} {:?} {:?} {:?}",
        three.signer, three.verifier, headers[PERMIT]
    );
    for secret in ["e-5", "7-qXbZ", "v1."] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(
        three
            .verifier
            .permit(&HeaderMap::new(), &educator(), now)
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_borrowed_permit_is_worth_nothing() {
    let three = Three::new();
    let now = SystemTime::now();
    let token = three.signer.sign(permit(now)).unwrap();
    let someone = |name, role: Role| Principal::try_new(name, role).unwrap();
    // Before it is remembered, and after.
    for _ in 0..2 {
        for other in [
            someone("e-6", Role::Educator),
            someone("e-5", Role::Service),
            someone("e-5", Role::Administrator),
            Principal::try_new("e-5", Roles::of(&[Role::Educator, Role::Parent])).unwrap(),
            Principal::anonymous(),
        ] {
            assert_eq!(three.told(&token, &other, now), "PRIVACY_CONTEXT_BORROWED", "{other:?}");
        }
        assert_eq!(three.told(&token, &educator(), now), "good");
    }
    // What is theirs may change without a new permit: it is about one student.
    let with_class = educator().with_classes(vec!["c-1".to_owned()]).unwrap();
    assert_eq!(three.told(&token, &with_class, now), "good");
}

#[test]
fn a_permit_ends_by_time_by_withdrawal_and_never_later_than_it_may() {
    let three = Three::new();
    let now = SystemTime::now();
    let token = three.signer.sign(permit(now)).unwrap();
    assert_eq!(three.told(&token, &educator(), now + LIFETIME), "good", "clocks differ");
    let late = now + LIFETIME + SKEW + Duration::from_secs(2);
    assert_eq!(three.told(&token, &educator(), late), "PRIVACY_CONTEXT_INVALID");
    let early = now - SKEW - Duration::from_secs(2);
    let fresh = Three::new();
    let ahead = fresh.signer.sign(permit(now)).unwrap();
    assert_eq!(fresh.told(&ahead, &educator(), early), "PRIVACY_CONTEXT_INVALID");
    let brief = three
        .signer
        .sign(permit(now).until(now + Duration::from_secs(10)))
        .unwrap();
    assert_eq!(
        three.told(&brief, &educator(), now + Duration::from_secs(45)),
        "PRIVACY_CONTEXT_INVALID"
    );

    three.verifier.withdraw("another", 99, now);
    three.verifier.withdraw("7-qXbZ", 12, now);
    assert_eq!(three.told(&token, &educator(), now), "good", "decided on that version");
    three.verifier.withdraw("7-qXbZ", 13, now);
    three.verifier.withdraw("7-qXbZ", 5, now);
    assert_eq!(three.told(&token, &educator(), now), "CONSENT_WITHDRAWN");
    let renewed = three.signer.sign(permit(now).of_version(13)).unwrap();
    assert_eq!(three.told(&renewed, &educator(), now), "good");
}

#[test]
fn more_withdrawals_than_are_kept_apart_end_everything() {
    let three = Three::new();
    let now = SystemTime::now();
    let token = three.signer.sign(permit(now - Duration::from_secs(5))).unwrap();
    for number in 0..16 * 1024 {
        three.verifier.withdraw(&number.to_string(), 1, now);
    }
    assert_eq!(three.told(&token, &educator(), now), "good");
    three.verifier.withdraw("one-more", 1, now);
    assert_eq!(three.told(&token, &educator(), now), "CONSENT_WITHDRAWN");
    let later = now + Duration::from_secs(2);
    let fresh = three.signer.sign(permit(later)).unwrap();
    assert_eq!(three.told(&fresh, &educator(), later), "good");
}

#[test]
fn no_other_service_no_other_domain_and_no_principal_makes_a_permit() {
    let (three, elsewhere) = (Three::new(), Three::new());
    let now = SystemTime::now();
    let pretended = Signer::new(three.pretender.clone()).sign(permit(now)).unwrap();
    let foreign = elsewhere.signer.sign(permit(now)).unwrap();
    for forged in [&pretended, &foreign] {
        assert_eq!(three.told(forged, &educator(), now), "PRIVACY_CONTEXT_INVALID");
    }
    // A good one with another's certificate, and another kind of statement by the same key.
    let (good, certificate) = parts(&three.signer.sign(permit(now)).unwrap());
    let (_, other) = parts(&foreign);
    assert!(three.believes(&good, &certificate) && !three.believes(&good, &other));
    let source = three.pretender.clone();
    let principals = principal::Signer::new(source).sign(&educator()).unwrap();
    let certificate = principals.certificate().unwrap().as_bytes();
    let renamed = [b"v1", &principals.principal().as_bytes()[2..]].concat();
    let itself = Verifier::new(three.pretender.clone(), vec!["student-profiling".to_owned()]);
    for text in [principals.principal().as_bytes(), &renamed] {
        let found = itself.verify(text, certificate, &educator(), now);
        assert_eq!(found.unwrap_err().reason(), "PRIVACY_CONTEXT_INVALID");
    }
    // Nor is a permit a principal.
    let (permit, certificate) = parts(&pretended);
    let mut headers = HeaderMap::new();
    headers.insert(
        PRINCIPAL,
        HeaderValue::from_bytes(&[b"p2", &permit[2..]].concat()).unwrap(),
    );
    headers.insert(PRINCIPAL_CERTIFICATE, HeaderValue::from_bytes(&certificate).unwrap());
    let verifier = principal::Verifier::new(three.pretender.clone(), vec!["student-profiling".to_owned()]);
    let nobody = std::sync::Arc::new(Principal::anonymous());
    assert_eq!(
        verifier.principal(&headers, &nobody).unwrap_err().reason(),
        "PRINCIPAL_INVALID"
    );
}

#[test]
fn no_byte_of_a_permit_may_differ_and_both_headers_come_once() {
    let three = Three::new();
    let now = SystemTime::now();
    let (good, certificate) = parts(&three.signer.sign(permit(now)).unwrap());
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(!three.believes(&bytes, &certificate), "changed at {at}");
        assert!(!three.believes(&good[..at], &certificate), "cut at {at}");
    }
    assert!(three.believes(&good, &certificate));
    let (first, second) = ((&PERMIT, &good), (&PERMIT_CERTIFICATE, &certificate));
    for wrong in [
        &[first][..],
        &[second],
        &[first, first, second],
        &[first, second, second],
    ] {
        let mut headers = HeaderMap::new();
        for (name, value) in wrong {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let refused = three.verifier.permit(&headers, &educator(), now).unwrap_err();
        assert_eq!(refused.reason(), "PRIVACY_CONTEXT_INVALID", "{} headers", wrong.len());
    }
}

#[test]
fn a_permit_is_for_its_purpose_its_categories_and_as_far_as_it_goes() {
    let permit = permit(SystemTime::now());
    let need = |purpose, category, level| permit.require(purpose, category, level).map_err(|error| error.reason());
    use Consent::{Learning, Processing, Research};
    assert_eq!(need(Purpose::Support, Category::Profile, Learning), Ok(Basis::Consent));
    assert_eq!(
        need(Purpose::Support, Category::Result, Processing),
        Ok(Basis::GuardianConsent)
    );
    assert_eq!(
        need(Purpose::Support, Category::Result, Research),
        Err("CONSENT_REQUIRED")
    );
    assert_eq!(
        need(Purpose::Support, Category::Work, Processing),
        Err("CATEGORY_MISSING")
    );
    assert_eq!(
        need(Purpose::Research, Category::Result, Processing),
        Err("PURPOSE_MISSING")
    );
}

#[test]
fn permits_that_cannot_be_are_not_made() {
    let now = SystemTime::now();
    let one = |category| Use {
        category,
        level: Consent::Learning,
        basis: Basis::Consent,
    };
    let make = |holder: &Principal, student: &str, uses: Vec<Use>| {
        Permit::try_new(holder, student, Purpose::Support, uses, now).unwrap_err()
    };
    let work = || vec![one(Category::Work)];
    assert_eq!(make(&Principal::anonymous(), "s", work()), Error::Nobody);
    assert_eq!(make(&educator(), "Ada Lovelace", work()), Error::Student);
    assert_eq!(make(&educator(), "s", Vec::new()), Error::Categories);
    assert_eq!(make(&educator(), "s", [work(), work()].concat()), Error::Categories);
    let long = permit(now)
        .with_retention(Duration::MAX)
        .until(now + Duration::from_secs(86_400));
    assert_eq!(long.expires(), now + LIFETIME);
    assert_eq!(long.privacy(Category::Result).unwrap().retention, RETENTION_LIMIT);
}

#[test]
fn no_bytes_make_a_panic_or_a_permit() {
    let three = Three::new();
    let (good, certificate) = parts(&three.signer.sign(permit(SystemTime::now())).unwrap());
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..5000), text in "v1(\\.[A-Za-z0-9_-]{0,40}){0,8}", at in 0..good.len(), junk in "[A-Za-z0-9_.-]{1,8}")| {
        for nonsense in [&bytes, text.as_bytes()] {
            prop_assert!(!three.believes(nonsense, &certificate));
            prop_assert!(!three.believes(&good, nonsense));
        }
        let mut spliced = good.clone();
        spliced.splice(at..at, junk.bytes());
        prop_assert!(!three.believes(&spliced, &certificate));
    });
}
