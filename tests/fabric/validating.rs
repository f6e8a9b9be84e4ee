//! Input rules: every one of every request, at its very edge; and messages that are none.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;

use lyceum::contracts::testing::v1::{GetProbeRequest, ListRecordsRequest};
use lyceum::contracts::{MESSAGE_LIMIT, METHODS, Violations, violations};
use lyceum::testing::probe::{Folder, Serving};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::contract::Contracts;
use crate::raw::{Raw, framed};
use crate::scene::{PROBE, Scene, client, get, reason, start, unannounced};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";

#[test]
fn every_rule_of_every_request_holds_at_its_edge() {
    let contracts = Contracts::read();
    let cases = contracts.cases();
    for case in &cases {
        let found = violations(&case.path, &case.message).unwrap();
        let what = format!("{}: {} with {}: {found:?}", case.request, case.field, case.what);
        if case.broken {
            assert_eq!(found.len(), 1, "{what}");
            assert_eq!(found[0].0, case.field, "{what}");
            assert!(found[0].1.starts_with("must "), "{what}");
        } else {
            assert!(found.is_empty(), "{what}");
        }
    }
    // Every method whose request has rules at all took part.
    let without_rules = contracts.without_rules();
    let paths: BTreeSet<&str> = cases.iter().map(|case| case.path.as_str()).collect();
    for method in METHODS {
        let free = without_rules.iter().any(|path| path == method.path);
        assert_eq!(paths.contains(method.path), !free, "{}", method.path);
    }
    println!(
        "{} cases, {} of them broken; without rules: {without_rules:#?}",
        cases.len(),
        cases.iter().filter(|case| case.broken).count()
    );
}

#[test]
fn nothing_in_a_request_is_without_a_limit() {
    let unbounded = Contracts::read().unbounded();
    assert!(unbounded.is_empty(), "{unbounded:#?}");
}

#[test]
fn many_items_that_break_one_rule_are_one_violation() {
    let request = ListRecordsRequest {
        classes: vec![String::new(); 64],
    };
    assert_eq!(
        Violations::of(&request),
        [("classes".to_owned(), "must have at least 1 character".to_owned())]
    );
    assert_eq!(violations(GET, &[0]), None, "no message");
    assert_eq!(violations("/lyceum.testing.v1.ProbeService/None", &[]), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rule_is_refused_with_its_field_and_nothing_of_its_value() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let raw = Raw::operator(&scene.folder, serving.address).await;
    for case in Contracts::read()
        .cases()
        .iter()
        .filter(|case| case.broken && case.path.contains("ProbeService"))
    {
        let (_, status) = raw.call(&case.path, &[], framed(&case.message)).await.unwrap();
        let what = format!("{} with {}: {status:?}", case.field, case.what);
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "INPUT_INVALID"),
            "{what}"
        );
        let fields = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(fields.len(), 1, "{what}");
        assert_eq!(fields[0].field, case.field, "{what}");
        assert!(status.message().len() < 200, "{what}");
    }

    // Several at once are all named.
    let mut client = client(&scene.caller(), 1).await;
    let request = GetProbeRequest {
        fail_with: 17,
        delay_milliseconds: 60_001,
        forward_to: "x".repeat(65),
        ..GetProbeRequest::default()
    };
    let status = client.get_probe(request).await.unwrap_err();
    let fields: Vec<String> = status
        .get_details_bad_request()
        .unwrap()
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    assert_eq!(fields, ["delay_milliseconds", "fail_with", "forward_to"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_refused_and_break_nothing() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let raw = Raw::operator(&folder, serving.address).await;
    let call = async |body: Vec<u8>| {
        let (_, status) = raw.call(GET, &[], body).await.unwrap();
        println!("{:?} {} {}", status.code(), reason(&status), status.message());
        status
    };
    // forward_to, two bytes that are no UTF-8.
    let status = call(framed(&[0x22, 2, 0xff, 0xfe])).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "MESSAGE_UNREADABLE")
    );
    // A length beyond the message's end; a field number of 0; a group that never ends.
    for message in [&[0x22, 100, b'x'][..], &[0x00], &[0x0b]] {
        let status = call(framed(message)).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "MESSAGE_UNREADABLE"),
            "{message:?}"
        );
    }
    // Frames: cut off, empty, compressed without a word, of an unknown kind.
    for frame in [
        &[0, 0, 0, 0, 100, 1, 2, 3][..],
        &[0, 0, 0],
        &[],
        &[1, 0, 0, 0, 0],
        &[7, 0, 0, 0, 0],
    ] {
        let status = call(frame.to_vec()).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "MESSAGE_UNREADABLE"),
            "{frame:?}"
        );
    }
    // More than any message may have, announced and sent.
    for frame in [vec![0, 0xff, 0xff, 0xff, 0xff], framed(&vec![0; MESSAGE_LIMIT + 1])] {
        let status = call(frame).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::ResourceExhausted, "MESSAGE_TOO_LARGE")
        );
    }

    let (answer, status) = raw.call(GET, &[], framed(&[])).await.unwrap();
    assert_eq!(status.code(), Code::Ok, "the connection goes on");
    assert!(!answer.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_up_to_the_limit_pass_and_larger_ones_are_refused_before_they_are_sent() {
    let scene = Scene::start().await;
    let _serving = Serving::start(&scene.fabric(PROBE)).await;
    let caller = scene.caller();
    let mut client = client(&caller, 1).await;
    // The largest payload that its rule allows, there and back.
    let payload = bytes::Bytes::from(vec![7; 4 * 1024 * 1024]);
    let request = GetProbeRequest {
        payload: payload.clone(),
        ..GetProbeRequest::default()
    };
    let reply = client.get_probe(request).await.unwrap().into_inner();
    assert_eq!(reply.payload, payload);
    let request = GetProbeRequest {
        payload: vec![7; MESSAGE_LIMIT].into(),
        ..GetProbeRequest::default()
    };
    let status = client.get_probe(request).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
        "{}",
        status.message()
    );
    assert!(get(&client).await.is_ok());
}
