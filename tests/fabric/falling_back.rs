//! What stands in for an answer: the last good one, the author's own, nothing else; and never for somebody else.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use lyceum::client::Answered;
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse};
use lyceum::principal::{Principal, Role};
use lyceum::testing::wait_for;
use tonic::{Code, Request, Response, Status};

use crate::faults::stage::Stage;
use crate::scene::{on_behalf, reason};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";
/// What is asked about one student, by somebody, for a purpose, and may be kept for an hour.
const PRIVATE: [(&str, &str); 5] = [
    ("lyceum-principal", "teacher-1"),
    ("lyceum-student", "student-1"),
    ("lyceum-consent", "learning"),
    ("lyceum-purpose", "instruction"),
    ("lyceum-retention", "3600"),
];

async fn stage(call: &str) -> Stage {
    let stage = Stage::of(1).await;
    stage.obey(&format!("[call]\nattempts = 1\n{call}\n")).await;
    stage
}

async fn ask(
    stage: &Stage,
    headers: &[(&str, &str)],
    payload: &'static [u8],
) -> Result<Response<GetProbeResponse>, Status> {
    let message = GetProbeRequest {
        payload: payload.into(),
        ..GetProbeRequest::default()
    };
    let subject = headers.iter().find(|(name, _)| *name == "lyceum-principal");
    let mut request = match subject {
        Some((_, subject)) => {
            let principal = Principal::try_new(*subject, Role::Educator).unwrap();
            // A new token each time: it is the principal that counts.
            on_behalf(message, &principal, &stage.scene.signer())
        }
        None => Request::new(message),
    };
    for (name, value) in headers.iter().filter(|(name, _)| *name != "lyceum-principal") {
        let name: tonic::metadata::AsciiMetadataKey = name.parse().unwrap();
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    stage.client.clone().get_probe(request).await
}

/// Which tier answered; none: the callee itself.
fn tier(answer: &Response<GetProbeResponse>) -> Option<&str> {
    answer
        .metadata()
        .get("lyceum-answer")
        .map(|tier| tier.to_str().unwrap())
}

fn age(answer: &Response<GetProbeResponse>) -> Option<u64> {
    let age = answer.metadata().get("lyceum-answer-age")?;
    Some(age.to_str().unwrap().parse().unwrap())
}

/// The headers with one of another value; an empty one leaves it out.
fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let changed = PRIVATE
        .into_iter()
        .map(|(key, known)| (key, if key == name { value } else { known }));
    changed.filter(|(_, value)| !value.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_answer_stands_in_and_says_so_and_how_old_it_is() {
    let stage = stage("stale = \"1h\"\nbreaker_failures = 0").await;
    let good = ask(&stage, &PRIVATE, b"essay").await.unwrap();
    assert_eq!((tier(&good), age(&good)), (None, None));
    assert!(good.extensions().get::<Answered>().is_some());
    let good = good.into_inner();
    for code in [
        Code::Unavailable,
        Code::Internal,
        Code::Unknown,
        Code::DataLoss,
        Code::ResourceExhausted,
        Code::DeadlineExceeded,
    ] {
        stage.placed[0].serving.fail(code);
        let answer = ask(&stage, &PRIVATE, b"essay").await.unwrap();
        assert_eq!(tier(&answer), Some("cached"), "{code:?}");
        assert!(age(&answer).is_some(), "{code:?}");
        assert!(answer.extensions().get::<Answered>().is_none(), "nobody answered");
        assert_eq!(answer.into_inner(), good, "the callee's own bytes");
    }
    assert_eq!(stage.counted("answers_cached"), 6);
    assert_eq!(stage.received(), 7, "the callee is always asked first");
    wait_for("the answer to age", || async {
        age(&ask(&stage, &PRIVATE, b"essay").await.unwrap()) >= Some(1)
    })
    .await;
    // The callee is well again: its own answer, and that is kept from now on.
    stage.placed[0].serving.fail(Code::Ok);
    let answer = ask(&stage, &PRIVATE, b"essay").await.unwrap();
    assert_eq!(tier(&answer), None);
    stage.placed[0].serving.fail(Code::Unavailable);
    let kept = ask(&stage, &PRIVATE, b"essay").await.unwrap();
    assert_eq!(kept.get_ref().trace_id, answer.get_ref().trace_id);
    assert_ne!(kept.get_ref().trace_id, good.trace_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stands_in_for_the_same_question_of_the_same_people_alone() {
    let stage = stage("stale = \"1h\"\nbreaker_failures = 0").await;
    ask(&stage, &PRIVATE, b"essay").await.unwrap();
    stage.placed[0].serving.fail(Code::Unavailable);
    for (name, value) in [
        ("lyceum-principal", "teacher-2"),
        ("lyceum-principal", ""),
        ("lyceum-student", "student-2"),
        ("lyceum-student", ""),
        ("lyceum-consent", "research"),
        ("lyceum-consent", "processing"),
        ("lyceum-consent", ""),
        ("lyceum-purpose", "assessment"),
        ("lyceum-purpose", ""),
        ("lyceum-retention", "0"),
        ("lyceum-retention", ""),
    ] {
        let answer = ask(&stage, &with(name, value), b"essay").await;
        assert_eq!(answer.unwrap_err().code(), Code::Unavailable, "{name}: {value:?}");
    }
    let answer = ask(&stage, &PRIVATE, b"another").await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    // Whom it is for still gets it.
    assert_eq!(tier(&ask(&stage, &PRIVATE, b"essay").await.unwrap()), Some("cached"));
    assert_eq!(stage.counted("answers_cached"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_kept_is_not_kept() {
    let stage = stage("stale = \"1h\"\nbreaker_failures = 0").await;
    let forbidden = [
        with("lyceum-consent", "processing"),
        with("lyceum-consent", ""),
        with("lyceum-retention", "0"),
        with("lyceum-retention", ""),
    ];
    for headers in &forbidden {
        ask(&stage, headers, b"essay").await.unwrap();
    }
    let brief = with("lyceum-retention", "1");
    ask(&stage, &brief, b"brief").await.unwrap();
    stage.placed[0].serving.fail(Code::Unavailable);
    for headers in forbidden.iter().map(Vec::as_slice).chain([&PRIVATE[..]]) {
        assert_eq!(
            ask(&stage, headers, b"essay").await.unwrap_err().code(),
            Code::Unavailable
        );
    }
    // What may be kept for a second is gone after it, whatever the policy would allow.
    wait_for("the retention to end", || async {
        ask(&stage, &brief, b"brief").await.is_err()
    })
    .await;
    assert!(stage.counted("answers_cached") <= 200, "for a second at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stands_in_for_an_answer_that_is_one() {
    let stage = stage("stale = \"1h\"\nbreaker_failures = 0").await;
    ask(&stage, &PRIVATE, b"essay").await.unwrap();
    let supplied = GetProbeResponse::default();
    stage.caller.supply_answer(GET, &supplied).unwrap();
    for code in [
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::Unauthenticated,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Cancelled,
    ] {
        stage.placed[0].serving.fail(code);
        let status = ask(&stage, &PRIVATE, b"essay").await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, "PROBE_TOLD_TO_FAIL"));
    }
    assert_eq!(
        (stage.counted("answers_cached"), stage.counted("answers_static")),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authors_answer_comes_after_the_cached_one_and_before_the_error() {
    let stage = stage("stale = \"1h\"\nbreaker_failures = 3").await;
    let supplied = GetProbeResponse {
        payload: (&b"nobody is there to look at it now"[..]).into(),
        ..GetProbeResponse::default()
    };
    stage.caller.supply_answer(GET, &supplied).unwrap();
    for unfit in ["RecordProbe", "WatchProbe", "ExchangeProbe", "NoProbe"] {
        let path = GET.replace("GetProbe", unfit);
        assert!(stage.caller.supply_answer(&path, &supplied).is_err(), "{unfit}");
    }
    let good = ask(&stage, &PRIVATE, b"essay").await.unwrap();
    assert_eq!(tier(&good), None, "a supplied answer is no substitute for a real one");
    stage.placed[0].serving.fail(Code::Unavailable);
    assert_eq!(tier(&ask(&stage, &PRIVATE, b"essay").await.unwrap()), Some("cached"));
    // Nobody's data is in it, so it needs no consent.
    let answer = ask(&stage, &[], b"essay").await.unwrap();
    assert_eq!((tier(&answer), age(&answer)), (Some("static"), None));
    assert_eq!(answer.into_inner(), supplied);
    // Also with the breaker open,
    wait_for("the breaker to open", || async {
        ask(&stage, &[], b"essay").await.unwrap();
        stage.counted("breaker_refused") > 0
    })
    .await;
    // and with nobody there.
    let Stage {
        placed,
        caller,
        client,
        scene,
    } = stage;
    drop(placed);
    let stage = Stage {
        placed: Vec::new(),
        caller,
        client,
        scene,
    };
    assert_eq!(tier(&ask(&stage, &PRIVATE, b"essay").await.unwrap()), Some("cached"));
    assert_eq!(tier(&ask(&stage, &[], b"essay").await.unwrap()), Some("static"));
    assert!(stage.counted("answers_static") >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_nothing_is_kept_and_turned_off_nothing_is_found() {
    let stage = stage("breaker_failures = 0").await;
    ask(&stage, &PRIVATE, b"essay").await.unwrap();
    stage.placed[0].serving.fail(Code::Unavailable);
    ask(&stage, &PRIVATE, b"essay").await.unwrap_err();
    stage
        .obey("[call]\nattempts = 1\nbreaker_failures = 0\nstale = \"1h\"")
        .await;
    stage.placed[0].serving.fail(Code::Ok);
    ask(&stage, &PRIVATE, b"essay").await.unwrap();
    stage.placed[0].serving.fail(Code::Unavailable);
    assert_eq!(tier(&ask(&stage, &PRIVATE, b"essay").await.unwrap()), Some("cached"));
    stage.obey("[call]\nattempts = 1\nbreaker_failures = 0").await;
    ask(&stage, &PRIVATE, b"essay").await.unwrap_err();
}
