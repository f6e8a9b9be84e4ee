//! Whom a call goes to: as the policy in Consul says, which changes while calls run, and as instances say of themselves.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use lyceum::contracts::testing::v1::{GetProbeRequest, WatchProbeRequest, WatchProbeResponse};
use lyceum::testing::wait_for;
use tokio::time::timeout;
use tonic::{Request, Streaming};

use crate::faults::stage::{Placed, Stage, obey};
use crate::scene::{Client, Scene, client, get, reason, start};

/// Nothing but what a test sets decides who is asked.
fn settings(balancing: &str) -> String {
    format!("[balancing]\nslow_start = \"0s\"\nejection.enabled = false\n{balancing}\n")
}

/// Who answers so many calls, one after the other.
async fn shares(client: &Client, calls: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..calls {
        *shares.entry(get(client).await.unwrap().instance).or_default() += 1;
    }
    shares
}

fn share(shares: &BTreeMap<String, usize>, id: &str) -> f64 {
    let all: usize = shares.values().sum();
    shares.get(id).copied().unwrap_or_default() as f64 / all as f64
}

fn are_in_turn(shares: &BTreeMap<String, usize>) -> bool {
    shares.len() == 3 && shares.values().all(|calls| *calls == 10)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_changed_while_it_runs_and_for_this_callee_alone() {
    let stage = Stage::of(3).await;
    let of_thirty = async || shares(&stage.client, 30).await;
    stage.obey(&settings("policy = \"round-robin\"")).await;
    wait_for("turns", || async { are_in_turn(&of_thirty().await) }).await;
    for _ in 0..4 {
        let shares = of_thirty().await;
        assert!(are_in_turn(&shares), "{shares:?}");
    }

    stage.obey(&settings("policy = \"random\"")).await;
    wait_for("no more turns", || async { !are_in_turn(&of_thirty().await) }).await;
    let shares = shares(&stage.client, 300).await;
    assert!(
        shares.len() == 3 && shares.values().all(|calls| (60..=140).contains(calls)),
        "{shares:?}"
    );

    // Another callee is chosen as before.
    let policies = stage.caller.policies();
    assert_eq!(
        policies.watch("writing-analysis").load().balancing,
        policies.base().balancing
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_pins_one_instance_by_its_id() {
    let stage = Stage::of(3).await;
    let of_thirty = async || shares(&stage.client, 30).await;
    for one in &stage.placed {
        stage
            .obey(&settings(&format!("policy = \"pinned\"\npinned = \"{}\"", one.id())))
            .await;
        wait_for("everything to go to one", || async {
            of_thirty().await.get(one.id()) == Some(&30)
        })
        .await;
        assert_eq!(of_thirty().await.get(one.id()), Some(&30));
    }
    // Whoever asks for an instance wants that one or none.
    stage.obey(&settings("policy = \"pinned\"\npinned = \"nobody\"")).await;
    wait_for("nobody to be asked", || async {
        get(&stage.client)
            .await
            .is_err_and(|status| reason(&status) == "NO_INSTANCES")
    })
    .await;
    stage.obey("").await;
    wait_for("all to be asked again", || async {
        get(&stage.client).await.is_ok() && of_thirty().await.len() == 3
    })
    .await;
}

/// Who answers each of forty sessions.
async fn sessions(client: &Client) -> BTreeMap<u32, String> {
    let mut sessions = BTreeMap::new();
    for session in 0..40 {
        let mut request = Request::new(GetProbeRequest::default());
        request
            .metadata_mut()
            .insert("x-session", format!("essay-{session}").parse().unwrap());
        let answer = client.clone().get_probe(request).await.unwrap();
        sessions.insert(session, answer.into_inner().instance);
    }
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stays_with_its_instance_and_outlives_it() {
    let mut stage = Stage::of(3).await;
    stage.obey(&settings("affinity = \"x-session\"")).await;
    wait_for("sessions to stay, with all instances well", || async {
        let weights: BTreeSet<_> = stage.channel().report().iter().map(|one| one.weight).collect();
        sessions(&stage.client).await == sessions(&stage.client).await && weights.len() == 1
    })
    .await;
    let before = sessions(&stage.client).await;
    for _ in 0..3 {
        assert_eq!(sessions(&stage.client).await, before);
    }
    let homes = |sessions: &BTreeMap<u32, String>, id: &str| sessions.values().filter(|home| *home == id).count();
    for one in &stage.placed {
        let homes = homes(&before, one.id());
        assert!((1..=38).contains(&homes), "{homes} of 40 sessions have one home");
    }
    // It goes without a word.
    let gone = stage.placed.remove(0);
    let lost = gone.id().to_owned();
    drop(gone);
    let after = sessions(&stage.client).await;
    for (session, home) in &before {
        if *home == lost {
            assert_ne!(after[session], lost);
        } else {
            assert_eq!(after[session], *home, "a session moves that need not");
        }
    }
    wait_for("the sessions to have settled", || async {
        sessions(&stage.client).await == sessions(&stage.client).await
    })
    .await;
    // Calls without the header go wherever it is best.
    assert_eq!(shares(&stage.client, 60).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_zone_is_preferred_as_far_as_the_policy_says() {
    let scene = Scene::start().await;
    let mut placed = Vec::new();
    for zone in ["north", "south"] {
        let mut configuration = scene.configuration();
        configuration.registration.zone = zone.to_owned();
        placed.push(Placed::start(configuration).await);
    }
    for one in &placed {
        // Much longer than a busy machine makes a difference: the own zone must not look worse.
        one.serving.slow_down(Duration::from_millis(5));
    }
    let mut configuration = scene.configuration();
    configuration.registration.zone = "south".to_owned();
    let caller = start(configuration, "caller");
    let client = client(&caller, 2).await;
    let near = async || share(&shares(&client, 100).await, placed[1].id());
    obey(&scene, &caller, &settings("policy = \"random\"\nzone_factor = 9.0")).await;
    wait_for("nine tenths to stay in the zone", || async { near().await > 0.75 }).await;
    obey(&scene, &caller, &settings("policy = \"random\"\nzone_factor = 1.0")).await;
    wait_for("half of it to leave the zone", || async { near().await < 0.65 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_says_it_is_busy_is_asked_less() {
    let stage = Stage::of(2).await;
    stage.obey(&settings("")).await;
    for one in &stage.placed {
        one.serving.slow_down(Duration::from_millis(10));
    }
    let busy = &stage.placed[0];
    wait_for("both to be asked", || async {
        (0.35..0.65).contains(&share(&shares(&stage.client, 60).await, busy.id()))
    })
    .await;
    // As fast as ever, and with nothing from this caller: only its own word says it.
    busy.serving.load.set("gpu", 1.0);
    wait_for("the other one to be preferred", || async {
        share(&shares(&stage.client, 100).await, busy.id()) < 0.3
    })
    .await;
    let told: BTreeMap<_, _> = stage
        .channel()
        .report()
        .into_iter()
        .map(|one| (one.id, one.utilization))
        .collect();
    let least = told.values().copied().fold(f64::INFINITY, f64::min);
    assert!(told[busy.id()] > 10.0 * least, "{told:?}");
}

/// A stream that has begun.
async fn stream(client: &Client) -> (Streaming<WatchProbeResponse>, String) {
    let request = WatchProbeRequest {
        interval_milliseconds: 20,
        ..WatchProbeRequest::default()
    };
    let mut stream = client.clone().watch_probe(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    (stream, first.instance)
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_spread_by_how_many_are_open() {
    let stage = Stage::of(3).await;
    stage.obey(&settings("")).await;
    for one in &stage.placed {
        // Every instance is equally far: only what is open tells them apart.
        one.proxy.shape(lyceum::testing::proxy::Shape {
            delay: Duration::from_millis(15),
            ..lyceum::testing::proxy::Shape::default()
        });
    }
    let mut open = Vec::new();
    let mut of = BTreeMap::<String, u32>::new();
    for _ in 0..30 {
        let (stream, instance) = stream(&stage.client).await;
        *of.entry(instance).or_default() += 1;
        open.push(stream);
    }
    println!("30 streams: {of:?}");
    assert!(
        of.len() == 3 && of.values().all(|open| (5..=16).contains(open)),
        "{of:?}"
    );
    wait_for("the report to tell of them", || async {
        stage
            .channel()
            .report()
            .iter()
            .all(|instance| Some(&instance.streams) == of.get(&instance.id))
    })
    .await;
    drop(open);
    wait_for("none to be open", || async {
        stage.channel().report().iter().all(|instance| instance.streams == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_carries_what_the_first_has_no_streams_for() {
    let stage = Stage::with(1, |configuration| configuration.serving.streams = 10).await;
    let proxy = &stage.placed[0].proxy;
    let mut open = Vec::new();
    // Four fifths of the streams that a connection has.
    for _ in 0..8 {
        open.push(stream(&stage.client).await);
    }
    assert_eq!(proxy.open(), 1);
    open.push(stream(&stage.client).await);
    wait_for("a second connection", || async { proxy.open() == 2 }).await;
    for _ in 0..8 {
        open.push(stream(&stage.client).await);
    }
    assert!(open.len() > 10, "more than one connection carries");
    for _ in 0..20 {
        get(&stage.client).await.unwrap();
    }
    for (stream, _) in &mut open {
        stream.message().await.unwrap().unwrap();
    }
    assert_eq!(proxy.accepted(), 2, "two are enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_streams_at_once_waits_for_the_second_connection_and_not_for_each_other() {
    let stage = Stage::with(1, |configuration| configuration.serving.streams = 20).await;
    get(&stage.client).await.unwrap();
    // More than the first connection takes; none of them ever ends by itself.
    let begun = join_all((0..36).map(|_| stream(&stage.client)));
    let open = timeout(Duration::from_secs(30), begun).await;
    assert_eq!(open.expect("some streams never begin").len(), 36);
    assert_eq!(stage.placed[0].proxy.accepted(), 2);
    // A place that becomes free is taken.
    let more = join_all((0..4).map(|_| stream(&stage.client)));
    timeout(Duration::from_secs(30), more)
        .await
        .expect("there were four places left");
}
