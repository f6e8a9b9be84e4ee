//! What the resilience of a call costs on its way: each part, and all of them together.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use lyceum::balancing::Micros;
use lyceum::policy;
use lyceum::resilience::breaker::{Breaker, Verdict};
use lyceum::resilience::budget::Budget;
use lyceum::resilience::latency::Latency;
use lyceum::resilience::{deadline, hedging};

fn breaker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resilience");
    let (settings, mut rng) = (policy::Call::default(), fastrand::Rng::with_seed(7));
    let mut now = 0;

    let closed = Arc::new(Breaker::default());
    group.bench_function("breaker, closed: ask and end", |bencher| {
        bencher.iter(|| {
            now += 10;
            let pass = closed.ask(Micros(now), &settings);
            pass.map(|pass| closed.end(pass, Verdict::Answered, Micros(now), &settings, &mut rng))
        });
    });

    let open = Arc::new(Breaker::default());
    for _ in 0..settings.breaker_failures {
        if let Ok(pass) = open.ask(Micros(0), &settings) {
            open.end(pass, Verdict::Failed, Micros(0), &settings, &mut rng);
        }
    }
    group.bench_function("breaker, open: refused", |bencher| {
        bencher.iter(|| open.ask(Micros(1), &settings).is_err());
    });

    let (budget, shares) = (Budget::default(), policy::Budget::default());
    group.bench_function("budget: deposit", |bencher| {
        bencher.iter(|| {
            now += 10;
            budget.deposit(Micros(now), &shares);
        });
    });
    group.bench_function("budget: withdraw", |bencher| {
        bencher.iter(|| {
            now += 10;
            budget.withdraw(Micros(now), &shares)
        });
    });

    let latency = Latency::default();
    group.bench_function("latency: record", |bencher| {
        bencher.iter(|| {
            now += 10;
            latency.record(Duration::from_micros(900 + now % 4000), Micros(now), 0.95);
        });
    });

    let hedging = policy::Call {
        hedge: true,
        ..policy::Call::default()
    };
    group.bench_function("all of a call that goes well", |bencher| {
        bencher.iter(|| {
            now += 10;
            let left = Duration::from_secs(10);
            let pass = closed.ask(Micros(now), &hedging);
            budget.deposit(Micros(now), &shares);
            let enough = deadline::is_enough(left, &hedging, &latency, Micros(now));
            let delay = hedging::delay(&hedging, &latency, Some(left), Micros(now));
            latency.record(Duration::from_micros(900 + now % 4000), Micros(now), 0.95);
            let event = pass.map(|pass| closed.end(pass, Verdict::Answered, Micros(now), &hedging, &mut rng));
            (enough, delay, event)
        });
    });
    group.finish();
}

criterion_group!(benches, breaker);
criterion_main!(benches);
