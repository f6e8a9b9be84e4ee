//! What a pick costs, by the size of the pool, on one thread and on two at once: it should stay flat.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fastrand::Rng;
use lyceum::balancing::{Ask, Member, Micros, Outcome, Policy, Pool, Settings, Wanted, hash};
use tokio::time::Instant;

#[derive(Debug)]
struct Always(String);

impl Member for Always {
    fn key(&self) -> &str {
        &self.0
    }
    fn is_ready(&self) -> bool {
        true
    }
}

/// A pool that has answered some calls, as a pool at work has.
fn pool(size: u32, settings: Settings) -> Pool<Always> {
    let pool = Pool::new(settings, 7);
    let members = (0..size).map(|n| {
        let wanted = Wanted {
            weight: 100,
            same_zone: false,
        };
        (wanted, n.to_string())
    });
    pool.update(members, String::as_str, |key| Some(Always(key)), Micros(0));
    for endpoint in pool.endpoints() {
        endpoint.begin(Micros(0)).end(Micros(900), Outcome::Answered, true);
    }
    pool.maintain(Micros(1_000), &mut Rng::with_seed(7));
    pool
}

/// How long each of so many threads takes for its `rounds`, all of them at once; the slowest counts.
fn at_once(threads: u64, rounds: u64, round: impl Fn(&mut Rng, Micros) + Sync) -> Duration {
    let start = Barrier::new(threads as usize);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                let (start, round) = (&start, &round);
                scope.spawn(move || {
                    let mut rng = Rng::with_seed(thread);
                    start.wait();
                    let begun = Instant::now();
                    for call in 0..rounds {
                        round(&mut rng, Micros(2_000 + call * 10));
                    }
                    begun.elapsed()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
    })
}

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("balancing");
    for threads in [1, 2] {
        for size in [3_u32, 30, 300] {
            let pool = pool(size, Settings::default());
            let pool = &pool;
            let id = |name: &str| BenchmarkId::new(format!("{name}, threads: {threads}"), size);
            group.bench_function(id("pick"), |bencher| {
                bencher.iter_custom(|rounds| {
                    at_once(threads, rounds, |rng, now| {
                        black_box(pool.pick(rng, now, &Ask::default()));
                    })
                });
            });
            group.bench_function(id("pick, begin, end"), |bencher| {
                bencher.iter_custom(|rounds| {
                    at_once(threads, rounds, |rng, now| {
                        let ticket = pool.pick(rng, now, &Ask::default()).unwrap().begin(now);
                        ticket.end(Micros(now.0 + 900), Outcome::Answered, true);
                    })
                });
            });
        }
    }
    let others = [
        ("round robin", Policy::RoundRobin, None),
        ("random", Policy::Random, None),
        ("affinity", Policy::HealthWeighted, Some(1.25)),
    ];
    for (name, policy, affinity) in others {
        let settings = Settings {
            policy,
            affinity,
            ..Settings::default()
        };
        let pool = pool(30, settings);
        group.bench_function(BenchmarkId::new(format!("{name}, threads: 2"), 30), |bencher| {
            bencher.iter_custom(|rounds| {
                at_once(2, rounds, |rng, now| {
                    let ask = Ask {
                        affinity: Some(hash(&now.0.to_le_bytes())),
                        ..Ask::default()
                    };
                    black_box(pool.pick(rng, now, &ask));
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pick);
criterion_main!(benches);
