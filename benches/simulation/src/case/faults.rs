//! Cases in which calls fail.

use super::{Case, Metric, Plan};
use crate::scene::{Change, MILLI, Retry, SECOND};
use crate::server::Behaviour;

pub(super) const CASES: [Case; 9] = [
    Case {
        name: "C",
        about: "1 of 10 fails every call at once",
        metrics: &[Metric::Answered],
        scene: |plan| failing(plan, 10, 1, 1.0),
    },
    Case {
        name: "C2",
        about: "1 of 10 fails half of its calls at once",
        metrics: &[Metric::Answered],
        scene: |plan| failing(plan, 10, 1, 0.5),
    },
    Case {
        name: "G",
        about: "1 of 3 fails every call at once",
        metrics: &[Metric::Answered],
        scene: |plan| failing(plan, 3, 1, 1.0),
    },
    Case {
        name: "D",
        about: "1 of 10 accepts calls and never answers",
        metrics: &[Metric::Answered],
        scene: silent,
    },
    Case {
        name: "I",
        about: "all 10 fail 30 % of their calls (70 is ideal)",
        metrics: &[Metric::Answered],
        scene: |plan| failing(plan, 10, 10, 0.3),
    },
    Case {
        name: "I2",
        about: "all 10 fail half of their calls (50 is ideal)",
        metrics: &[Metric::Answered],
        scene: |plan| failing(plan, 10, 10, 0.5),
    },
    Case {
        name: "zone",
        about: "1 of 3 zones falls silent; Consul takes 10 s to see it",
        metrics: &[Metric::Answered],
        scene: zone,
    },
    Case {
        name: "storm",
        about: "half of 10 is 4 × slower for 5 s; 3 attempts of 500 ms, no budget",
        metrics: &[Metric::Recovered, Metric::Amplification],
        scene: |plan| storm(plan, false),
    },
    Case {
        name: "storm-budget",
        about: "the same, retries paid from the budget of 20 %",
        metrics: &[Metric::Recovered, Metric::Amplification],
        scene: |plan| storm(plan, true),
    },
];

const SILENT: Behaviour = Behaviour {
    slow: 1.0,
    fails: 0.0,
    silent: true,
};

fn failing(plan: &mut Plan, servers: u32, failing: u32, fails: f64) {
    plan.pool(servers, 0.6);
    for server in 0..failing {
        let behaviour = Behaviour {
            fails,
            ..Behaviour::default()
        };
        plan.scene.at(0, Change::Behave(server, behaviour));
    }
}

fn silent(plan: &mut Plan) {
    plan.pool(10, 0.6);
    plan.scene.at(0, Change::Behave(0, SILENT));
}

/// The network to a zone drops packets: no connection is seen to break. Instances turn critical when their TTL is over.
fn zone(plan: &mut Plan) {
    plan.pool(12, 0.5);
    plan.scene.clients = 6;
    plan.scene.zones = 3;
    let (from, to) = (plan.share(0.3), plan.share(0.7));
    for server in 0..12 {
        plan.scene.instances[server as usize].zone = (server % 3) as u8;
        if server % 3 == 0 {
            plan.scene.at(from, Change::Behave(server, SILENT));
            if from + 10 * SECOND < to {
                plan.scene.at(from + 10 * SECOND, Change::Unlist(server));
            }
            plan.scene.at(to, Change::Behave(server, Behaviour::default()));
            plan.scene.at(to + SECOND, Change::List(server));
        }
    }
}

/// A trigger pushes the pool over its limit for a while. Without a budget the retries of what timed out keep it there
/// after the trigger is gone (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021).
fn storm(plan: &mut Plan, budget: bool) {
    plan.pool(10, 0.7);
    plan.scene.timeout = 500 * MILLI;
    plan.scene.retry = Some(Retry { attempts: 3, budget });
    let from = plan.share(0.2);
    for server in 0..5 {
        let slow = Behaviour {
            slow: 4.0,
            ..Behaviour::default()
        };
        plan.scene.at(from, Change::Behave(server, slow));
        plan.scene
            .at(from + 5 * SECOND, Change::Behave(server, Behaviour::default()));
    }
}
