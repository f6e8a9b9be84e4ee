//! More than an instance can take: who waits, who is refused and what it is told, and that nobody is forgotten.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest, WatchProbeRequest};
use lyceum::identity::SpiffeId;
use lyceum::policy::Serving as Settings;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::wait_for;
use tokio::time::Instant;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::raw::{Raw, authority, issue};
use crate::scene::{PROBE, Scene, reason, start, unannounced};

type Probe = ProbeServiceClient<Raw>;

/// A probe that takes `limit` calls at a time.
async fn probe(folder: &Folder, limit: u32, change: impl FnOnce(&mut Settings)) -> Serving {
    let serving = Serving::start(&start(unannounced(folder), PROBE)).await;
    let mut settings = Settings {
        limit_min: limit,
        limit_initial: limit,
        limit_max: limit,
        queue_interval: Duration::from_secs(10),
        queue_target: Duration::from_secs(10),
        ..Settings::default()
    };
    change(&mut settings);
    serving.admission.apply(&settings);
    serving
}

/// A connection of a service's own.
async fn calling(folder: &Folder, address: SocketAddr, service: &str) -> Probe {
    let id = SpiffeId::service("lyceum.internal", "dc1", service).unwrap();
    let issued = issue(folder, &id, Duration::from_secs(600));
    let raw = Raw::connect(address, &authority(folder).roots_path(), Some(&issued)).await;
    ProbeServiceClient::new(raw.unwrap())
}

fn taking(delay_milliseconds: u32) -> GetProbeRequest {
    GetProbeRequest {
        delay_milliseconds,
        ..GetProbeRequest::default()
    }
}

/// Calls that run until they are dropped or have taken a minute.
async fn hold(probe: &Probe, serving: &Serving, calls: u32) -> Vec<tokio::task::JoinHandle<()>> {
    let before = serving.admission.reading();
    let held = (0..calls)
        .map(|_| {
            let mut probe = probe.clone();
            tokio::spawn(async move {
                let _ = probe.get_probe(taking(60_000)).await;
            })
        })
        .collect();
    wait_for("calls to be held", || async {
        let now = serving.admission.reading();
        now.running + now.waiting == before.running + before.waiting + calls
    })
    .await;
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_neither_place_nor_room_is_told_when_to_come_again() {
    let folder = Folder::new();
    let serving = probe(&folder, 2, |settings| settings.queue = 3).await;
    let probe = calling(&folder, serving.address, "gateway").await;
    let calls = join_all((0..9).map(|_| {
        let mut probe = probe.clone();
        async move { probe.get_probe(taking(200)).await }
    }))
    .await;
    let refused: Vec<&Status> = calls.iter().filter_map(|call| call.as_ref().err()).collect();
    assert_eq!(refused.len(), 4, "{refused:?}");
    for status in &refused {
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason(status), "OVERLOADED");
        let retry = status.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert!(retry >= Duration::from_millis(75), "{retry:?}");
        let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
        let pushback: u128 = pushback.to_str().unwrap().parse().unwrap();
        assert_eq!(pushback, retry.as_millis());
    }
    // They are not all told the same: they would come back together.
    let told: std::collections::BTreeSet<_> = refused
        .iter()
        .map(|status| status.get_details_retry_info().unwrap().retry_delay)
        .collect();
    assert!(told.len() > 1, "{told:?}");
    assert_eq!(serving.admission.reading().running, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_answered_however_busy_it_is() {
    let folder = Folder::new();
    let serving = probe(&folder, 1, |settings| settings.queue = 1).await;
    let mut probe = calling(&folder, serving.address, "gateway").await;
    let _held = hold(&probe, &serving, 2).await;
    let status = probe.get_probe(taking(0)).await.unwrap_err();
    assert_eq!(reason(&status), "OVERLOADED");
    let raw = Raw::operator(&folder, serving.address).await;
    HealthClient::new(raw.clone())
        .check(HealthCheckRequest::default())
        .await
        .unwrap();
    let answer = raw
        .send(http::Method::GET, "/metrics", &[], bytes::Bytes::new())
        .await
        .unwrap();
    let metrics = String::from_utf8(answer.body().0.to_vec()).unwrap();
    for line in [
        "lyceum_admission_limit 1\n",
        "lyceum_admission_running 1\n",
        "lyceum_admission_waiting 1\n",
        "lyceum_admission_utilization_ratio 2.0\n",
        "lyceum_admission_shed_total{reason=\"OVERLOADED\"} 1\n",
        "lyceum_admission_queue_delay_seconds_count 0\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_floods_takes_no_more_than_its_share() {
    let folder = Folder::new();
    let serving = probe(&folder, 4, |settings| settings.queue = 40).await;
    let stop = Arc::new(AtomicBool::new(false));
    let count = async |service: &str, callers: usize| {
        let answered = Arc::new(AtomicU32::new(0));
        let probe = calling(&folder, serving.address, service).await;
        for _ in 0..callers {
            let (mut probe, answered, stop) = (probe.clone(), Arc::clone(&answered), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    match probe.get_probe(taking(10)).await {
                        Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        // A caller that does not mind its manners: it asks again at once.
                        Err(status) => assert_eq!(status.code(), Code::ResourceExhausted),
                    }
                }
            });
        }
        answered
    };
    let flood = count("grader", 30).await;
    let modest = count("gateway", 6).await;
    wait_for("the modest caller's first answer", || async {
        modest.load(Ordering::Relaxed) > 0
    })
    .await;
    let before = flood.load(Ordering::Relaxed);
    wait_for("the modest caller's answers", || async {
        modest.load(Ordering::Relaxed) >= 200
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let (flood, modest) = (flood.load(Ordering::Relaxed) - before, modest.load(Ordering::Relaxed));
    println!("{flood} answers for 30 calls at a time of one service, {modest} for 6 of another");
    // First come, first served would be five to one.
    assert!(flood < modest * 2, "{flood} against {modest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_full_of_one_callers_calls_has_room_for_another() {
    let folder = Folder::new();
    let serving = probe(&folder, 1, |settings| settings.queue = 4).await;
    let flood = calling(&folder, serving.address, "grader").await;
    let _held = hold(&flood, &serving, 1).await;
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let mut flood = flood.clone();
            tokio::spawn(async move { flood.get_probe(taking(0)).await })
        })
        .collect();
    wait_for("the line to be full", || async {
        serving.admission.reading().waiting == 4
    })
    .await;
    let mut modest = calling(&folder, serving.address, "gateway").await;
    let waits = tokio::spawn(async move { modest.get_probe(taking(0)).await });
    let (first, ..) = futures_util::future::select_all(waiting).await;
    let status = first.unwrap().unwrap_err();
    assert_eq!(reason(&status), "CALLER_OVER_SHARE");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(!waits.is_finished());
}

#[tokio::test(flavor = "multi_thread")]
async fn interactive_calls_go_before_batch() {
    let folder = Folder::new();
    let serving = probe(&folder, 1, |_| ()).await;
    let probe = calling(&folder, serving.address, "gateway").await;
    let held = hold(&probe, &serving, 1).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut calls = Vec::new();
    for (waiting, priority) in [(1, "batch"), (2, "batch"), (3, "interactive")] {
        let (mut probe, order) = (probe.clone(), Arc::clone(&order));
        calls.push(tokio::spawn(async move {
            let mut request = Request::new(taking(20));
            request
                .metadata_mut()
                .insert("lyceum-priority", priority.parse().unwrap());
            probe.get_probe(request).await.unwrap();
            order.lock().unwrap().push(priority);
        }));
        wait_for("the call to wait", || async {
            serving.admission.reading().waiting == waiting
        })
        .await;
    }
    held.iter().for_each(tokio::task::JoinHandle::abort);
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), ["interactive", "batch", "batch"]);
    let mut wrong = Request::new(taking(0));
    wrong
        .metadata_mut()
        .insert("lyceum-priority", "urgent".parse().unwrap());
    let status = probe.clone().get_probe(wrong).await.unwrap_err();
    assert_eq!(reason(&status), "CONTEXT_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_deadline_passed_in_the_line_is_not_begun() {
    let folder = Folder::new();
    let serving = probe(&folder, 1, |_| ()).await;
    let probe = calling(&folder, serving.address, "gateway").await;
    let held = hold(&probe, &serving, 1).await;
    let late = join_all((0..5).map(|_| {
        let mut probe = probe.clone();
        let mut request = Request::new(RecordProbeRequest::default());
        request.set_timeout(Duration::from_millis(100));
        async move { probe.record_probe(request).await.unwrap_err() }
    }))
    .await;
    for status in late {
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    }
    held.iter().for_each(tokio::task::JoinHandle::abort);
    probe.clone().get_probe(taking(0)).await.unwrap();
    assert_eq!(serving.recorded(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_fills_its_bulkhead_and_no_more() {
    let folder = Folder::new();
    let serving = probe(&folder, 10, |settings| {
        settings.bulkheads.insert("GetProbe".to_owned(), 2);
    })
    .await;
    let mut probe = calling(&folder, serving.address, "gateway").await;
    let held = hold(&probe, &serving, 2).await;
    let status = probe.get_probe(taking(0)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "METHOD_FULL")
    );
    probe.record_probe(RecordProbeRequest::default()).await.unwrap();
    held.iter().for_each(tokio::task::JoinHandle::abort);
    wait_for("the places to be free again", || async {
        probe.clone().get_probe(taking(0)).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_a_bound_of_their_own() {
    let folder = Folder::new();
    let serving = probe(&folder, 1, |settings| settings.streams = 2).await;
    let mut probe = calling(&folder, serving.address, "gateway").await;
    let request = || WatchProbeRequest {
        interval_milliseconds: 5,
        ..WatchProbeRequest::default()
    };
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = probe.watch_probe(request()).await.unwrap().into_inner();
        stream.message().await.unwrap().unwrap();
        streams.push(stream);
    }
    let status = probe.watch_probe(request()).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "STREAMS_FULL")
    );
    probe.get_probe(taking(0)).await.unwrap();
    streams.pop();
    wait_for("the stream's place", || async {
        serving.admission.reading().streams == 1
    })
    .await;
    probe.watch_probe(request()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_leave_the_line_take_no_place_with_them() {
    let folder = Folder::new();
    let serving = probe(&folder, 2, |_| ()).await;
    let probe = calling(&folder, serving.address, "gateway").await;
    let mut random = fastrand::Rng::with_seed(5);
    let mut left = 0;
    for _ in 0..10 {
        let calls = join_all((0..40).map(|_| {
            let mut probe = probe.clone();
            let patience = Duration::from_millis(random.u64(1..60));
            async move { tokio::time::timeout(patience, probe.get_probe(taking(3))).await }
        }))
        .await;
        left += calls.iter().filter(|call| call.is_err()).count();
    }
    assert!(left > 50, "{left} left: too few to lose anything");
    wait_for("the server to let go of every call", || async {
        let reading = serving.admission.reading();
        (reading.running, reading.waiting) == (0, 0)
    })
    .await;
    probe.clone().get_probe(taking(0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_only_waits_inside_lowers_the_limit_and_what_is_answered_is_answered_soon() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let mut settings = Settings {
        queue_interval: Duration::from_millis(100),
        queue_target: Duration::from_millis(20),
        ..Settings::default()
    };
    serving.admission.apply(&settings);
    // 4 calls at a time take 20 ms each: 200 a second, and whoever comes beside them waits.
    serving.slow_down(Duration::from_millis(20));
    serving.work_with(4);
    let probe = calling(&folder, serving.address, "gateway").await;
    probe.clone().get_probe(taking(0)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let (mut probe, stop) = (probe.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut took = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    match probe.get_probe(taking(0)).await {
                        Ok(_) => took.push((begun, begun.elapsed())),
                        Err(status) => {
                            assert_eq!(status.code(), Code::ResourceExhausted);
                            // As a well-behaved caller does.
                            let delay = status.get_details_retry_info().unwrap().retry_delay;
                            tokio::time::sleep(delay.unwrap()).await;
                        }
                    }
                }
                took
            })
        })
        .collect();
    // Five windows at three quarters each are enough; a limit of 64 would answer after 320 ms, far from what is usual
    // even where the machine is busy.
    wait_for("the limit to fall", || async {
        serving.admission.reading().limit <= 45
    })
    .await;
    let settled = Instant::now();
    let received = serving.received();
    wait_for("400 more calls", || async { serving.received() >= received + 400 }).await;
    let rate = f64::from(u32::try_from(serving.received() - received).unwrap()) / settled.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let mut took: Vec<Duration> = Vec::new();
    for caller in callers {
        let answers = caller.await.unwrap().into_iter();
        took.extend(answers.filter(|(begun, _)| *begun >= settled).map(|(_, took)| took));
    }
    took.sort_unstable();
    let median = took[took.len() / 2];
    // Were nobody refused, 200 at a time would take that long (Little's law).
    let crowded = Duration::from_secs_f64(200.0 / rate);
    println!("{rate:.0} answers a second, the median after {median:?}; without a limit after {crowded:?}");
    assert!(median < crowded.mul_f64(0.7), "{median:?} of {crowded:?}");
    // A policy changes it while it runs.
    (settings.limit_min, settings.limit_max) = (100, 100);
    serving.admission.apply(&settings);
    assert_eq!(serving.admission.reading().limit, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_in_consul_holds_while_running() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    assert_eq!(serving.admission.reading().limit, 64);
    let document = "[serving]\nlimit_min = 7\nlimit_initial = 7\nlimit_max = 7\nstreams = 9\n";
    let key = lyceum::policy::key(PROBE);
    scene.consul.client().kv_put(&key, document).await.unwrap();
    wait_for("the policy to hold", || async {
        let reading = serving.admission.reading();
        (reading.limit, reading.stream_limit) == (7, 9)
    })
    .await;
}
