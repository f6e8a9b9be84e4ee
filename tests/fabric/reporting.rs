//! What an instance tells of its load: callers in each answer, operators in Consul.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use bytes::Bytes;
use lyceum::contracts::testing::v1::{GetProbeRequest, WatchProbeRequest};
use lyceum::load_report::{LoadReport, utilization};
use lyceum::policy::Serving as Settings;
use lyceum::registration::Health;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::wait_for;
use prost::Message;

use crate::raw::{Raw, framed};
use crate::scene::{PROBE, Scene, start, unannounced};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "/lyceum.testing.v1.ProbeService/WatchProbe";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const GRPC: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];

fn fixed(limit: u32) -> Settings {
    Settings {
        limit_min: limit,
        limit_initial: limit,
        limit_max: limit,
        queue_interval: Duration::from_secs(20),
        queue_target: Duration::from_secs(20),
        ..Settings::default()
    }
}

fn taking(delay_milliseconds: u32) -> GetProbeRequest {
    GetProbeRequest {
        delay_milliseconds,
        ..GetProbeRequest::default()
    }
}

/// The load in an answer's trailers, or in its headers where it has no others.
async fn told(raw: &Raw, path: &str, message: &impl Message) -> Option<f32> {
    let body = Bytes::from(framed(&message.encode_to_vec()));
    let answer = raw.send(http::Method::POST, path, &GRPC, body).await.unwrap();
    let trailers = &answer.body().1;
    let ends = if trailers.is_empty() {
        answer.headers()
    } else {
        trailers
    };
    assert!(ends.contains_key("grpc-status"), "{ends:?}");
    utilization(ends)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_the_load() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    serving.admission.apply(&fixed(4));
    let raw = Raw::operator(&folder, serving.address).await;
    let fails = GetProbeRequest {
        fail_with: 13,
        ..GetProbeRequest::default()
    };
    let stream = WatchProbeRequest {
        count: 2,
        interval_milliseconds: 1,
        ..WatchProbeRequest::default()
    };
    let idle = |load: Option<f32>| load.is_some_and(|load| load < 0.01);
    assert!(idle(told(&raw, GET, &taking(0)).await), "an answer");
    assert!(idle(told(&raw, GET, &fails).await), "an error");
    assert!(idle(told(&raw, WATCH, &stream).await), "a stream's end");
    assert!(idle(told(&raw, CHECK, &()).await), "health");
    assert!(
        idle(told(&raw, "/lyceum.testing.v1.ProbeService/No", &()).await),
        "no such method"
    );

    let held: Vec<_> = (0..3)
        .map(|_| {
            let raw = raw.clone();
            tokio::spawn(async move {
                told(&raw, GET, &taking(60_000)).await;
            })
        })
        .collect();
    wait_for("three calls to run", || async {
        serving.admission.reading().running == 3
    })
    .await;
    assert_eq!(told(&raw, CHECK, &()).await, Some(0.75));
    serving.load.set("gpu", 0.9);
    assert_eq!(told(&raw, CHECK, &()).await, Some(0.9));
    let answer = raw
        .send(http::Method::POST, CHECK, &GRPC, Bytes::from(framed(&[])))
        .await
        .unwrap();
    let report = LoadReport::from_headers(&answer.body().1).unwrap();
    assert_eq!((report.application_utilization, report.utilization["gpu"]), (0.75, 0.9));
    // Refusals tell it too: that is when it matters most.
    let mut full = fixed(3);
    full.queue = 0;
    serving.admission.apply(&full);
    assert_eq!(told(&raw, GET, &taking(0)).await, Some(1.0));
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stays_overloaded_warns_in_consul_and_recovers() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    serving.admission.apply(&fixed(4));
    let consul = scene.consul.client();
    let state = async || {
        let entries = consul
            .health(PROBE, &lyceum::consul::Query::default())
            .await
            .unwrap()
            .value;
        let entry = entries.into_iter().find(|entry| entry.service.id == serving.id)?;
        let check = entry.checks.into_iter().find(|check| check.service_id == serving.id)?;
        Some((check.status, check.output))
    };
    let until = async |health: Health, part: &str| {
        wait_for(&format!("{health:?} with {part:?}"), || async {
            state()
                .await
                .is_some_and(|(status, output)| status == health.as_str() && output.contains(part))
        })
        .await;
    };
    until(Health::Passing, "").await;
    let raw = Raw::operator(&scene.folder, serving.address).await;
    let held: Vec<_> = (0..6)
        .map(|_| {
            let raw = raw.clone();
            tokio::spawn(async move {
                told(&raw, GET, &taking(60_000)).await;
            })
        })
        .collect();
    until(Health::Warning, "of 4 calls").await;
    // What the service says of itself is not lost: the worse counts.
    serving.health.set(Health::Critical, "no disk").await;
    until(Health::Critical, "no disk; overloaded").await;
    serving.health.set(Health::Passing, "well").await;
    until(Health::Warning, "overloaded").await;
    held.iter().for_each(tokio::task::JoinHandle::abort);
    until(Health::Passing, "well").await;
}
