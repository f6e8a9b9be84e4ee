//! Connections that end in every way but the good one, with calls and streams on them.

use std::time::Duration;

use lyceum::contracts::testing::v1::WatchProbeRequest;
use lyceum::testing::proxy::{Direction, Shape};
use lyceum::testing::wait_for;

use super::stage::{DEADLINE, Stage};

const RATE: u32 = 100;
/// One call in so many, at most, is lost in the half-open one of two.
const HALF: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn goaway_lets_open_streams_end_and_costs_no_call() {
    let stage = Stage::with(1, |settings| settings.serving.connection_age = Duration::from_secs(1)).await;
    let (gets, records) = (stage.gets(RATE), stage.records(RATE / 2));
    let streams: Vec<_> = (0..20)
        .map(|_| {
            let mut client = stage.client.clone();
            tokio::spawn(async move {
                let request = WatchProbeRequest {
                    count: 75,
                    interval_milliseconds: 40,
                    ..WatchProbeRequest::default()
                };
                let mut stream = client.watch_probe(request).await?.into_inner();
                let mut seen = 0;
                while let Some(message) = stream.message().await? {
                    assert_eq!(message.sequence, seen, "a gap");
                    seen += 1;
                }
                Ok::<u64, tonic::Status>(seen)
            })
        })
        .collect();
    wait_for("an old connection with its streams beside a new one", || async {
        stage.placed[0].proxy.open() >= 2
    })
    .await;
    for stream in streams {
        assert_eq!(
            stream.await.unwrap().unwrap(),
            75,
            "a stream outlives its connection's GOAWAY"
        );
    }
    let (gets, records) = (gets.end().await, records.end().await);
    println!("GOAWAY with 20 streams open: {gets}\n  not idempotent: {records}");
    let _ = gets.flawless();
    let executed = stage.placed[0].serving.recorded();
    assert_eq!(records.flawless(), executed, "each executed once");
    assert!(stage.placed[0].proxy.accepted() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_costs_few_calls_either_way() {
    for direction in [Direction::Up, Direction::Down] {
        let stage = Stage::of(2).await;
        let load = stage.gets(RATE);
        load.answers(50).await;
        stage.placed[0].proxy.swallow(direction);
        let since = load.now();
        load.sends(200).await;
        stage.placed[0].proxy.mend();
        let mended = load.now();
        wait_for("answers over a new connection", || async {
            load.so_far().during(mended..load.now()).share(stage.placed[0].id()) > 0.0
        })
        .await;
        let report = load.end().await;
        let half = report.during(since..mended);
        println!("half-open, nothing goes {direction:?}: {half}");
        assert!(half.failed() <= half.sent / HALF + 3, "too many are lost: {half}");
        assert!(
            report.samples.iter().all(|sample| sample.took < 2 * DEADLINE),
            "{report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_and_narrow_way_is_slow_and_whole() {
    let stage = Stage::of(2).await;
    let shape = Shape {
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(20),
        bandwidth: 200_000,
    };
    stage.placed[0].proxy.shape(shape);
    let load = stage.gets(RATE);
    load.sends(250).await;
    let report = load.end().await;
    println!("one behind a slow and narrow way: {report}");
    let _ = report.flawless();
    assert!(report.share(stage.placed[0].id()) < 0.4, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_comes_late_costs_no_idempotent_call() {
    let stage = Stage::of(2).await;
    let load = stage.gets(RATE);
    load.answers(50).await;
    let Stage { mut placed, .. } = stage;
    let gone = placed.remove(0);
    gone.proxy.close_late(Duration::from_millis(500));
    // Its task and its sockets are gone; the caller hears of it half a second later.
    drop(gone.serving);
    load.sends(200).await;
    let report = load.end().await;
    println!("one gone, its close half a second late: {report}");
    let _ = report.flawless();
}
