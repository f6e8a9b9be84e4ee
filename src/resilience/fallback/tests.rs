#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;
use crate::context::headers::PRINCIPAL;
use crate::principal::{Principal, Role, Token};
use crate::privacy::Privacy;

const SECOND: u64 = 1_000_000;
const STALE: Duration = Duration::from_secs(60);

fn index() -> Option<usize> {
    METHODS.iter().position(is_fit)
}

fn settings() -> Call {
    Call {
        stale: STALE,
        ..Call::default()
    }
}

fn teacher(subject: &str) -> Option<Arc<Principal>> {
    Some(Arc::new(Principal::try_new(subject, Role::Educator).unwrap()))
}

fn context(student: &str) -> Context {
    Context {
        principal: teacher("teacher-1"),
        privacy: Privacy {
            student: Some(Sensitive::new(student.to_owned())),
            consent: Consent::Learning,
            purpose: Some("instruction".to_owned()),
            retention: Duration::from_secs(3600),
        },
        ..Context::default()
    }
}

/// A fallback that holds one answer to one call of this context, given at zero.
fn holding(context: &Context) -> (Fallback, Key) {
    let fallback = Fallback::default();
    let key = key(index(), b"request", &settings(), context).unwrap();
    let frames = [Bytes::from_static(b"\0\0\0\0\x03"), Bytes::from_static(b"abc")];
    fallback.keep(key, &frames, &settings(), context, Micros(0));
    (fallback, key)
}

#[test]
fn the_last_good_answer_stands_in_with_its_age() {
    let context = context("ada");
    let (fallback, key) = holding(&context);
    let answer = fallback
        .instead(index(), Some(&key), &settings(), &context, Micros(42 * SECOND + 7))
        .unwrap();
    assert_eq!(&answer.frames[..], b"\0\0\0\0\x03abc");
    let mut headers = HeaderMap::new();
    answer.mark(&mut headers);
    assert_eq!(
        (&headers[ANSWER], &headers[AGE]),
        (&"cached".parse().unwrap(), &"42".parse().unwrap())
    );
    assert!(!format!("{answer:?}").contains("abc"));
}

#[test]
fn too_old_is_none_and_is_removed() {
    let context = context("ada");
    let (fallback, key) = holding(&context);
    let at = |seconds: u64, settings: &Call, context: &Context| {
        fallback.instead(index(), Some(&key), settings, context, Micros(seconds * SECOND))
    };
    assert!(at(59, &settings(), &context).is_some());
    assert_eq!(at(60, &settings(), &context), None);
    // What holds now counts, not what held when it was kept.
    let shorter = Call {
        stale: Duration::from_secs(10),
        ..Call::default()
    };
    assert_eq!(at(20, &shorter, &context), None);
    let mut less = context.clone();
    less.privacy.retention = Duration::from_secs(5);
    assert_eq!(at(20, &settings(), &less), None);
    fallback.maintain(Micros(59 * SECOND));
    assert_eq!(fallback.size().0, 1);
    fallback.maintain(Micros(60 * SECOND));
    assert_eq!(fallback.size(), (0, 0));
}

#[test]
fn nothing_is_kept_without_leave() {
    let may = |change: fn(&mut Context)| {
        let mut context = context("ada");
        change(&mut context);
        key(index(), b"request", &settings(), &context).is_some()
    };
    assert!(may(|_| {}));
    assert!(may(|context| context.privacy.student = None));
    assert!(!may(|context| context.privacy.consent = Consent::Processing));
    assert!(!may(|context| context.privacy.consent = Consent::None));
    assert!(!may(|context| context.privacy.retention = Duration::ZERO));
    assert!(
        !may(|context| context.privacy = Privacy::default()),
        "a call without a word"
    );
    assert_eq!(key(index(), b"request", &Call::default(), &context("ada")), None, "off");
    assert_eq!(key(None, b"request", &settings(), &context("ada")), None);
}

#[test]
fn no_part_of_the_call_may_differ() {
    let base = key(index(), b"request", &settings(), &context("ada")).unwrap();
    let of = |change: fn(&mut Context)| {
        let mut context = context("ada");
        change(&mut context);
        key(index(), b"request", &settings(), &context).unwrap()
    };
    let others = [
        of(|context| context.principal = None),
        of(|context| {
            context.principal = None;
            let mut headers = HeaderMap::new();
            headers.insert(PRINCIPAL, HeaderValue::from_static("signed"));
            context.token = Token::read(&headers);
        }),
        of(|context| context.principal = teacher("teacher-2")),
        of(|context| context.principal = Some(Arc::new(Principal::try_new("teacher-1", Role::Parent).unwrap()))),
        of(|context| {
            let more = Principal::try_new("teacher-1", Role::Educator).unwrap();
            context.principal = Some(Arc::new(more.with_classes(vec!["c-1".to_owned()]).unwrap()));
        }),
        of(|context| context.privacy.student = None),
        of(|context| context.privacy.student = Some(Sensitive::new("bob".to_owned()))),
        of(|context| context.privacy.consent = Consent::Research),
        of(|context| context.privacy.purpose = None),
        of(|context| context.privacy.purpose = Some("research".to_owned())),
        key(index(), b"reques", &settings(), &context("ada")).unwrap(),
    ];
    for (place, other) in others.iter().enumerate() {
        assert_ne!(*other, base, "{place}");
        assert!(!others[..place].contains(other), "{place}");
    }
    assert_eq!(of(|context| context.correlation = "another".to_owned()), base);
}

#[test]
fn parts_do_not_run_together() {
    let of = |principal: &str, student: &str| {
        let mut context = context(student);
        context.principal = teacher(principal);
        key(index(), b"", &settings(), &context)
    };
    assert_ne!(of("ab", "c"), of("a", "bc"));
}

#[test]
fn a_static_answer_is_last_and_only_of_methods_that_change_nothing() {
    let fallback = Fallback::default();
    let path = METHODS[index().unwrap()].path;
    let message = message();
    fallback.supply(path, &message).unwrap();
    let context = context("ada");
    let answer = fallback
        .instead(index(), None, &Call::default(), &context, Micros(0))
        .unwrap();
    assert_eq!(answer.tier, Tier::Static);
    assert_eq!(&answer.frames[5..], message.encode_to_vec());
    assert_eq!(answer.frames[..5], [0, 0, 0, 0, answer.frames.len() as u8 - 5]);
    let mut headers = HeaderMap::new();
    answer.mark(&mut headers);
    assert!(headers[ANSWER] == "static" && !headers.contains_key(AGE));
    assert_eq!(
        fallback.supply("/no.Service/Method", &message),
        Err(Error::UnknownMethod("/no.Service/Method".to_owned()))
    );
    if let Some(unfit) = METHODS.iter().find(|method| !is_fit(method)) {
        assert_eq!(fallback.supply(unfit.path, &message), Err(Error::Unfit(unfit.path)));
    }
    // A good answer of the callee's own comes before it.
    let key = key(index(), b"request", &settings(), &context).unwrap();
    fallback.keep(key, &[Bytes::from_static(b"x")], &settings(), &context, Micros(0));
    let answer = fallback
        .instead(index(), Some(&key), &settings(), &context, Micros(1))
        .unwrap();
    assert!(matches!(answer.tier, Tier::Cached { .. }));
}

fn message() -> impl Message {
    crate::contracts::writing_analysis::v1::AnalyzeWritingRequest {
        text: "any message".to_owned(),
        max_findings: 1,
    }
}

#[test]
fn memory_is_bounded_in_bytes_and_in_number() {
    let (fallback, context) = (Fallback::default(), context("ada"));
    let keep = |number: u32, frame: &Bytes| {
        let key = key(index(), &number.to_be_bytes(), &settings(), &context).unwrap();
        fallback.keep(key, [frame], &settings(), &context, Micros(0));
    };
    let tiny = Bytes::from_static(b"x");
    (0..20_000).for_each(|number| keep(number, &tiny));
    assert!(
        fallback.size().0 <= 16_384 && fallback.size().0 > 1000,
        "{:?}",
        fallback.size()
    );
    let large = Bytes::from(vec![0; 100_000]);
    (0..1000).for_each(|number| keep(number, &large));
    assert!(fallback.size().1 <= MEMORY, "{:?}", fallback.size());
    let before = fallback.size();
    keep(30_000, &Bytes::from(vec![0; LARGEST + 1]));
    assert_eq!(fallback.size(), before, "too large to keep");
}

#[test]
fn answers_are_not_replaced() {
    for code in [
        Code::Ok,
        Code::NotFound,
        Code::PermissionDenied,
        Code::InvalidArgument,
        Code::Cancelled,
    ] {
        assert!(!applies(code), "{code:?}");
    }
    assert!(applies(Code::Unavailable) && applies(Code::DeadlineExceeded));
}

proptest! {
    /// Never another student's answer, whatever the names.
    #[test]
    fn no_student_gets_anothers_answer(one in "[a-z0-9]{1,6}", other in "[a-z0-9]{1,6}") {
        let (fallback, _) = holding(&context(&one));
        let key = key(index(), b"request", &settings(), &context(&other));
        let found = fallback.instead(index(), key.as_ref(), &settings(), &context(&other), Micros(1));
        prop_assert_eq!(found.is_some(), one == other);
    }
}
