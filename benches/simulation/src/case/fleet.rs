//! Cases in which instances come and go, and one in which there are many.

use super::{Case, Metric, Plan};
use crate::scene::{Change, Instance, MILLI, SECOND};

pub(super) const CASES: [Case; 4] = [
    Case {
        name: "restart",
        about: "20 are replaced one after the other; new ones are cold for 5 s",
        metrics: &[Metric::Answered, Metric::P999],
        scene: restart,
    },
    Case {
        name: "scale",
        about: "from 3 to 30 at once; new ones are cold for 5 s",
        metrics: &[Metric::P999],
        scene: scale,
    },
    Case {
        name: "300",
        about: "300 endpoints, 60 clients at 70 % load",
        metrics: &[Metric::Imbalance, Metric::P99],
        scene: |plan| many(plan, 0),
    },
    Case {
        name: "300-subset",
        about: "the same, Lyceum with subsets of 20",
        metrics: &[Metric::Imbalance, Metric::P99],
        scene: |plan| many(plan, 20),
    },
];

/// How long a new instance is slower, and how much at first.
const COLD: (u64, f64) = (5 * SECOND, 10.0);
/// Discovery is so late.
const LATE: u64 = 200 * MILLI;

fn later(plan: &mut Plan, count: u32) {
    let instance = Instance {
        present: false,
        ..plan.scene.instances[0]
    };
    plan.scene.instances.extend((0..count).map(|_| instance));
}

fn start(plan: &mut Plan, server: u32, time: u64) {
    plan.scene.at(time, Change::Start(server));
    plan.scene.at(time, Change::Chill(server, COLD.0, COLD.1));
    plan.scene.at(time + LATE, Change::List(server));
}

/// Each leaves with GOAWAY, is missing for a second, and comes back as a new instance. Discovery hears of both late.
fn restart(plan: &mut Plan) {
    plan.pool(20, 0.6);
    later(plan, 20);
    let step = plan.share(0.045);
    for old in 0..20 {
        let time = plan.share(0.05) + u64::from(old) * step;
        plan.scene.at(time, Change::Leave(old));
        plan.scene.at(time + LATE, Change::Unlist(old));
        start(plan, old + 20, time + SECOND);
    }
}

fn scale(plan: &mut Plan) {
    plan.pool(3, 0.8);
    later(plan, 27);
    let time = plan.share(0.3);
    for new in 3..30 {
        start(plan, new, time);
    }
}

/// What is measured is how evenly many clients spread that cannot see each other.
fn many(plan: &mut Plan, subset: usize) {
    plan.pool(300, 0.7);
    plan.scene.clients = 60;
    plan.scene.subset = subset;
}
