//! Deadlines: each hop has less time than the one before, and what cannot be answered in time is not begun.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use lyceum::client::BreakerState;
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse, RecordProbeRequest};
use lyceum::testing::wait_for;
use tokio::time::Instant;
use tonic::{Code, Request, Status};

use crate::faults::stage::Stage;
use crate::raw::{Raw, framed};
use crate::scene::{PROBE, get, reason};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";
const RECORD: &str = "/lyceum.testing.v1.ProbeService/RecordProbe";

async fn within(stage: &Stage, time: Duration, forward_to: &str) -> Result<GetProbeResponse, Status> {
    let mut request = Request::new(GetProbeRequest {
        forward_to: forward_to.to_owned(),
        ..GetProbeRequest::default()
    });
    request.set_timeout(time);
    Ok(stage.client.clone().get_probe(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hop_is_given_less_than_the_one_before() {
    const TIME: Duration = Duration::from_secs(9);
    let stage = Stage::of(2).await;
    let left = async |forward_to: &str| {
        let answer = within(&stage, TIME, forward_to).await.unwrap();
        Duration::from_millis(answer.deadline_remaining_milliseconds)
    };
    assert!(left("").await < TIME);
    stage.obey("[call]\nhop = \"1s\"").await;
    let one = left("").await;
    assert!(one <= Duration::from_secs(8) && one > Duration::from_secs(2), "{one:?}");
    // The probe calls on as soon as it goes by the same policy; until then its hop costs a millisecond.
    wait_for("two hops to cost two seconds", || async {
        let two = left(PROBE).await;
        assert!(two <= Duration::from_secs(8) && two > Duration::from_secs(2), "{two:?}");
        two <= Duration::from_secs(7)
    })
    .await;
    // A call without a deadline has its policy's.
    stage.obey("[call]\nhop = \"1s\"\ndeadline = \"20s\"").await;
    let usual = get(&stage.client).await.unwrap().deadline_remaining_milliseconds;
    assert!(usual <= 19_000 && usual > 10_000, "{usual} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_deadline_is_past_is_not_started() {
    let stage = Stage::of(1).await;
    let serving = &stage.placed[0].serving;
    let raw = Raw::operator(&stage.scene.folder, serving.address).await;
    for time in ["0n", "1n", "0m"] {
        for path in [GET, RECORD] {
            let (_, status) = raw.call(path, &[("grpc-timeout", time)], framed(&[])).await.unwrap();
            assert_eq!(
                (status.code(), reason(&status).as_str()),
                (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
                "{time}"
            );
        }
    }
    assert_eq!((serving.received(), serving.recorded()), (0, 0));
    raw.call(GET, &[("grpc-timeout", "10S")], framed(&[])).await.unwrap();
    assert_eq!(serving.received(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn less_time_than_a_call_takes_is_not_sent() {
    let stage = Stage::of(2).await;
    stage.obey("[call]\nbreaker_failures = 3\nbreaker_pause = \"1m\"").await;
    for one in &stage.placed {
        one.serving.slow_down(Duration::from_millis(300));
    }
    // Until the first answer nobody knows: it is sent, and cut off.
    let status = within(&stage, Duration::from_millis(100), "").await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    get(&stage.client).await.unwrap();
    let received = stage.received();
    let begun = Instant::now();
    for _ in 0..20 {
        let status = within(&stage, Duration::from_millis(200), "").await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
        );
    }
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "told at once, not after 20 × 200 ms: {took:?}"
    );
    assert_eq!(stage.received(), received, "nobody works for nothing");
    // That callers are in a hurry is no fault of the method's.
    let standing = stage.channel().standing();
    assert!(
        standing
            .breakers
            .iter()
            .all(|breaker| breaker.state == BreakerState::Closed)
    );
    within(&stage, Duration::from_secs(5), "").await.unwrap();
    assert_eq!(stage.received(), received + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn less_time_than_the_hop_costs_is_not_sent() {
    let stage = Stage::of(1).await;
    stage.obey("[call]\nhop = \"1s\"").await;
    let mut client = stage.client.clone();
    let mut record = Request::new(RecordProbeRequest::default());
    record.set_timeout(Duration::from_millis(900));
    let status = client.record_probe(record).await.unwrap_err();
    assert_eq!(reason(&status), "DEADLINE_EXCEEDED");
    let status = within(&stage, Duration::from_millis(900), "").await.unwrap_err();
    assert_eq!(reason(&status), "DEADLINE_EXCEEDED");
    assert_eq!((stage.received(), stage.placed[0].serving.recorded()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_served_late_passes_on_what_is_left_and_no_more() {
    let stage = Stage::of(2).await;
    // Two hops take 1.2 s, and there is one.
    for one in &stage.placed {
        one.serving.slow_down(Duration::from_millis(600));
    }
    let begun = Instant::now();
    let status = within(&stage, Duration::from_secs(1), PROBE).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Nobody works on when nobody waits.
    wait_for("the handlers to be dropped", || async {
        let calls: u32 = stage
            .placed
            .iter()
            .map(|one| one.serving.admission.reading().running)
            .sum();
        calls == 0
    })
    .await;
    assert!(stage.received() <= 2, "{}", stage.received());
}
