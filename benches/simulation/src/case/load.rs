//! Cases in which everybody answers, some slower than others.

use super::{Case, Metric, Plan};
use crate::distribution::exponential;
use crate::scene::{Change, MILLI, SECOND};
use crate::server::Behaviour;

pub(super) const CASES: [Case; 5] = [
    Case {
        name: "A",
        about: "1 of 11 takes 2 s a call for half of the time",
        metrics: &[Metric::WithinSecond],
        scene: slow_for_a_while,
    },
    Case {
        name: "B",
        about: "1 of 10 is 10 × slower",
        metrics: &[Metric::P999],
        scene: ten_times_slower,
    },
    Case {
        name: "F",
        about: "10 healthy ones at 85 % load",
        metrics: &[Metric::P99],
        scene: healthy,
    },
    Case {
        name: "W",
        about: "Consul's weights 4, 1, 1, 2",
        metrics: &[Metric::FirstShare],
        scene: weighted,
    },
    Case {
        name: "pauses",
        about: "each of 10 stops for 200 ms every 4 s or so",
        metrics: &[Metric::P99],
        scene: pauses,
    },
];

fn slow(factor: f64) -> Behaviour {
    Behaviour {
        slow: factor,
        ..Behaviour::default()
    }
}

/// Buoyant's experiment ("Beyond Round Robin", 2016): eleven servers, one of which becomes slow in the middle.
fn slow_for_a_while(plan: &mut Plan) {
    plan.pool(11, 0.5);
    let (from, to) = (plan.share(0.25), plan.share(0.75));
    plan.scene.at(from, Change::Behave(0, slow(200.0)));
    plan.scene.at(to, Change::Behave(0, Behaviour::default()));
}

fn ten_times_slower(plan: &mut Plan) {
    plan.pool(10, 0.6);
    plan.scene.at(0, Change::Behave(0, slow(10.0)));
}

fn healthy(plan: &mut Plan) {
    plan.pool(10, 0.85);
}

/// Little load and equal machines, so that nothing but the weights speaks for one of them.
fn weighted(plan: &mut Plan) {
    plan.pool(4, 0.3);
    for (instance, weight) in plan.scene.instances.iter_mut().zip([400, 100, 100, 200]) {
        instance.weight = weight;
    }
}

/// Pauses come at random, 4 s apart in the mean.
fn pauses(plan: &mut Plan) {
    plan.pool(10, 0.6);
    let mut rng = fastrand::Rng::with_seed(4);
    for server in 0..10 {
        let mut time = 0.0;
        loop {
            time += 200.0 * MILLI as f64 + exponential(&mut rng, 3.8 * SECOND as f64);
            if time as u64 >= plan.scene.length {
                break;
            }
            plan.scene.at(time as u64, Change::Pause(server, 200 * MILLI));
        }
    }
}
