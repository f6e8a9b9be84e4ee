//! Announcements that no honest instance makes, or only by mistake: each is taken as far as it makes sense.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use lyceum::registration::{Announcement, Registration, Weights};
use lyceum::testing::probe::Serving;
use lyceum::testing::wait_for;

use super::stage::{Placed, Stage, gets};
use crate::scene::{PROBE, Scene, client};

const RATE: u32 = 100;

fn announcement(serving: &Serving, id: &str, weights: Weights) -> Announcement {
    let mut announcement = Announcement::new(PROBE, serving.address.ip().to_string(), serving.address.port());
    announcement.id = id.to_owned();
    announcement.ttl = Duration::from_secs(3);
    announcement.weights = weights;
    announcement
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_address_twice_is_called_under_both_names_and_loses_nothing_with_one() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let twin = announcement(
        &serving,
        "twin",
        Weights {
            passing: 100,
            warning: 25,
        },
    );
    let twin = Registration::spawn(scene.consul.client(), twin);
    twin.registered().await;
    let caller = scene.caller();
    let client = client(&caller, 2).await;
    let load = gets(&client, RATE);
    load.answers(50).await;
    let channel = caller.channel(PROBE).unwrap();
    assert!(
        channel.report().iter().all(|one| one.calls > 0),
        "{:?}",
        channel.report()
    );
    twin.deregister().await.unwrap();
    wait_for("one of the two", || async { channel.report().len() == 1 }).await;
    load.answers(50).await;
    let report = load.end().await;
    println!("the same address twice, then once: {report}");
    let _ = report.flawless();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv6_instance_behind_a_proxy_that_is_cut_and_mended_is_called_again() {
    let scene = Scene::start().await;
    let six = Placed::start_at(scene.configuration(), IpAddr::V6(Ipv6Addr::LOCALHOST)).await;
    let four = Placed::start(scene.configuration()).await;
    let caller = scene.caller();
    let client = client(&caller, 2).await;
    let channel = caller.channel(PROBE).unwrap();
    assert!(
        channel
            .report()
            .iter()
            .any(|one| one.address == six.proxy.address().to_string())
    );
    let load = gets(&client, RATE);
    load.answers(50).await;
    six.proxy.cut();
    load.answers(50).await;
    six.proxy.mend();
    let mended = load.now();
    wait_for("answers over ::1", || async {
        load.so_far().during(mended..load.now()).share(six.id()) > 0.0
    })
    .await;
    let report = load.end().await;
    println!("one on ::1, one on 127.0.0.1: {report}");
    let _ = report.flawless();
    assert!(report.share(four.id()) > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_comes_back_with_another_identity_is_refused() {
    let stage = Stage::of(3).await;
    let load = stage.gets(RATE);
    load.answers(50).await;
    // Same id in Consul, same address; behind it is somebody else with a certificate of the same authority.
    let mut unannounced = stage.scene.configuration();
    unannounced.consul.address = "127.0.0.1:1".to_owned();
    let other = Serving::start(&crate::scene::start(unannounced, "impostor")).await;
    let taken = &stage.placed[0];
    taken.proxy.forward_to(other.address);
    taken.proxy.cut();
    taken.proxy.mend();
    let since = load.now();
    wait_for("a connection to the other one", || async {
        taken.proxy.accepted() >= 2
    })
    .await;
    load.answers(100).await;
    assert_eq!(other.received(), 0, "nobody asked the other one anything");
    assert!(
        stage
            .channel()
            .report()
            .iter()
            .any(|one| one.id == taken.id() && !one.connected)
    );

    taken.proxy.forward_to(taken.serving.address);
    let back = load.now();
    wait_for("the rightful one's return", || async {
        load.so_far().during(back..load.now()).share(taken.id()) > 0.0
    })
    .await;
    let report = load.end().await;
    println!("another identity at the same address: {}", report.during(since..back));
    let _ = report.flawless();
    assert_eq!(other.received(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_at_their_ends_keep_their_meaning() {
    let scene = Scene::start().await;
    let mut unannounced = scene.configuration();
    unannounced.consul.address = "127.0.0.1:1".to_owned();
    let fabric = crate::scene::start(unannounced, PROBE);
    let mut servings = Vec::new();
    let mut registrations = Vec::new();
    // Consul refuses a passing weight of 0; it is announced as the least there is.
    for weight in [u16::MAX, 1, 0] {
        let serving = Serving::start(&fabric).await;
        let weights = Weights {
            passing: weight,
            warning: weight,
        };
        let registration = Registration::spawn(scene.consul.client(), announcement(&serving, &serving.id, weights));
        registration.registered().await;
        registrations.push(registration);
        servings.push(serving);
    }
    let caller = scene.caller();
    let client = client(&caller, 3).await;
    let channel = caller.channel(PROBE).unwrap();
    let weight = |id: &str| {
        channel
            .report()
            .iter()
            .find(|one| one.id == id)
            .map_or(0, |one| one.weight)
    };
    let least = weight(&servings[1].id);
    assert_eq!(weight(&servings[2].id), least);
    assert_eq!(weight(&servings[0].id), u32::from(u16::MAX) * least);
    let load = gets(&client, RATE);
    load.answers(150).await;
    let report = load.end().await;
    println!("weights 65,535, 1 and 0: {report}");
    let _ = report.flawless();
    assert!(report.share(&servings[0].id) > 0.99, "{report}");
    // The heavy one leaves: the light ones are enough, and share as equals.
    registrations.remove(0).deregister().await.unwrap();
    wait_for("the heavy one's end", || async { channel.report().len() == 2 }).await;
    let load = gets(&client, RATE);
    load.answers(100).await;
    let report = load.end().await;
    println!("  without the heavy one: {report}");
    let _ = report.flawless();
    assert!(servings[1..].iter().all(|one| report.share(&one.id) > 0.05), "{report}");
}
