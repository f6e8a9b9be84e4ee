//! What a pick costs, by the size of the pool: it should stay flat.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "a benchmark has no users")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lyceum::balancing::{Ask, Member, Micros, Outcome, Pool, Wanted};

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

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("balancing");
    for size in [3_u32, 30, 300] {
        let pool = Pool::default();
        let wanted = Wanted {
            weight: 100,
            same_zone: false,
        };
        pool.update(
            (0..size).map(|n| (wanted, n.to_string())),
            String::as_str,
            |key| Some(Always(key)),
            Micros(0),
        );
        let mut now = 0;
        let mut rng = fastrand::Rng::with_seed(7);
        group.bench_with_input(BenchmarkId::new("pick", size), &size, |bencher, _| {
            bencher.iter(|| {
                now += 10;
                pool.pick(&mut rng, Micros(now), &Ask::default())
            });
        });
        group.bench_with_input(BenchmarkId::new("pick, begin, end", size), &size, |bencher, _| {
            bencher.iter(|| {
                now += 10;
                let ticket = pool
                    .pick(&mut rng, Micros(now), &Ask::default())
                    .unwrap()
                    .begin(Micros(now));
                ticket.end(Micros(now + 900), Outcome::Answered, true);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pick);
criterion_main!(benches);
