//! What admission adds to a call: coming in and leaving, with a free place and with a line, and the load report.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use lyceum::identity::SpiffeId;
use lyceum::load_report;
use lyceum::policy::Serving;
use lyceum::serving::LoadHandle;
use lyceum::serving::admission::{Handle, Used};
use lyceum::telemetry::Metrics;
use tokio::time::Instant;

fn handle(limit: u32) -> Handle {
    let handle = Handle::new(Metrics::default().admission().clone());
    handle.apply(&Serving {
        limit_min: limit,
        limit_initial: limit,
        limit_max: limit,
        ..Serving::default()
    });
    handle
}

fn admission(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admission");
    let now = Instant::now();
    let identity = SpiffeId::service("lyceum.internal", "dc1", "gateway").unwrap();

    let free = handle(64);
    let caller = free.caller(&identity);
    let call = |handle: &Handle, caller: &_| {
        let place = handle.enter(caller, Some(0), false, now).unwrap();
        handle.leave(black_box(place), Used::Answered, now);
    };
    group.bench_function("come and leave, a free place", |bencher| {
        bencher.iter(|| call(&free, &caller))
    });

    let busy = Arc::new(AtomicBool::new(true));
    let other = {
        let (free, caller, busy) = (free.clone(), Arc::clone(&caller), Arc::clone(&busy));
        std::thread::spawn(move || {
            while busy.load(Ordering::Relaxed) {
                let place = free.enter(&caller, Some(0), false, now).unwrap();
                free.leave(place, Used::Answered, now);
            }
        })
    };
    group.bench_function("the same beside another thread", |bencher| {
        bencher.iter(|| call(&free, &caller))
    });
    busy.store(false, Ordering::Relaxed);
    other.join().unwrap();

    let full = handle(1);
    let caller = full.caller(&identity);
    let place = full.enter(&caller, Some(0), false, now).unwrap();
    group.bench_function("no free place", |bencher| {
        bencher.iter(|| full.enter(&caller, Some(0), false, now).is_err());
    });
    drop(place);

    let load = LoadHandle::new(free);
    let mut trailers = HeaderMap::with_capacity(4);
    group.bench_function("write the load report", |bencher| {
        bencher.iter(|| load.write(&mut trailers))
    });
    group.bench_function("read the load report", |bencher| {
        bencher.iter(|| load_report::utilization(black_box(&trailers)));
    });
    load.set("gpu", 0.7);
    load.write(&mut trailers);
    group.bench_function("read one with a resource more", |bencher| {
        bencher.iter(|| load_report::utilization(black_box(&trailers)));
    });
    group.finish();
}

criterion_group!(benches, admission);
criterion_main!(benches);
