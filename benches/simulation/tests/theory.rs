//! The simulator against what queueing theory knows, and against itself.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use lyceum_simulation::balancer::Kind;
use lyceum_simulation::case::Case;
use lyceum_simulation::distribution::Distribution;
use lyceum_simulation::engine;
use lyceum_simulation::measure::Figures;
use lyceum_simulation::scene::{Change, SECOND, Scene};
use lyceum_simulation::server::Behaviour;

/// One queue with exponential service times of 10 ms in the mean, never given up.
fn queue(places: u32, load: f64) -> Scene {
    let mut scene = Scene::new(1, load);
    scene.rate = load * f64::from(places) * 100.0;
    scene.instances[0].limit = places;
    scene.clients = 1;
    scene.spread = Distribution::Exponential;
    scene.timeout = 3600 * SECOND;
    scene.length = (400_000.0 / scene.rate) as u64 * SECOND;
    scene
}

fn figures(scene: &Scene, kind: Kind) -> Figures {
    engine::run(scene, kind, 1).figures()
}

fn near(found: f64, right: f64, tolerance: f64) {
    assert!(
        (found / right - 1.0).abs() < tolerance,
        "found {found}, right is {right}"
    );
}

#[test]
fn one_place_is_the_m_m_1_queue() {
    // The time in the system is exponential with the mean s / (1 − ρ).
    let figures = figures(&queue(1, 0.7), Kind::Random);
    let mean = 10.0 / (1.0 - 0.7);
    near(figures.mean, mean, 0.04);
    near(figures.p50, mean * 2_f64.ln(), 0.04);
    near(figures.p99, mean * 100_f64.ln(), 0.06);
}

#[test]
fn several_places_are_the_m_m_c_queue() {
    // Erlang's C: the chance that all eight places are taken.
    let (places, load) = (8_u32, 0.8);
    let offered = f64::from(places) * load;
    let mut term = 1.0;
    let mut sum = 0.0;
    for place in 0..places {
        sum += term;
        term *= offered / f64::from(place + 1);
    }
    let all = term / (1.0 - load);
    let waits = all / (sum + all);
    let right = 10.0 + waits * 10.0 / (f64::from(places) * (1.0 - load));
    near(figures(&queue(places, load), Kind::Random).mean, right, 0.02);
}

#[test]
fn calls_arrive_in_a_poisson_process() {
    let measure = engine::run(&queue(8, 0.5), Kind::Random, 3);
    let counts: Vec<f64> = measure.moments[..measure.moments.len() - 1]
        .iter()
        .map(|moment| f64::from(moment.calls))
        .collect();
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64;
    near(mean, 400.0, 0.01);
    near(variance, mean, 0.15);
}

#[test]
fn every_balancer_is_given_the_same_calls_and_every_call_ends_once() {
    for case in Case::all() {
        let scene = case.scene(20_000, None);
        let calls = figures(&scene, Kind::Random).calls;
        for kind in Kind::ALL {
            let figures = figures(&scene, kind);
            assert_eq!(figures.calls, calls, "{} {}", case.name, kind.name());
            let sum = figures.answered + figures.failed + figures.timed_out;
            assert!((sum - 100.0).abs() < 1e-6, "{} {}: {sum} %", case.name, kind.name());
        }
    }
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    let scene = Case::all()[0].scene(20_000, None);
    for kind in Kind::ALL {
        let [first, again, other] =
            [1, 1, 2].map(|seed| serde_json::to_string(&engine::run(&scene, kind, seed).figures()).unwrap());
        assert_eq!(first, again, "{}", kind.name());
        assert_ne!(first, other, "{}", kind.name());
    }
}

#[test]
fn nobody_waits_longer_than_the_time_out() {
    let mut scene = queue(8, 0.5);
    scene.timeout = 2 * SECOND;
    scene.length = 10 * SECOND;
    let silent = Behaviour {
        silent: true,
        ..Behaviour::default()
    };
    scene.at(0, Change::Behave(0, silent));
    let figures = figures(&scene, Kind::Tower);
    assert_eq!(figures.timed_out, 100.0);
    near(figures.p50, 2000.0, 0.01);
    near(figures.p999, 2000.0, 0.01);
}

#[test]
fn a_pause_takes_its_length_from_what_is_inside() {
    let mut scene = queue(1, 0.01);
    scene.spread = Distribution::Constant;
    scene.length = 1000 * SECOND;
    for second in 0..1000 {
        scene.at(second * SECOND, Change::Pause(0, SECOND / 2));
    }
    // Half of the calls come in a pause and wait for its end, a quarter of a second in the mean.
    let figures = figures(&scene, Kind::Random);
    near(figures.mean, 10.0 + 0.5 * 250.0, 0.1);
}
