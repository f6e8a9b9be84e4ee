//! What the audit log costs: entries appended, and proofs of a log of a million entries.

#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lyceum::audit::{Checkpoint, Consistency, Frontier, Hash, Inclusion, Key, Node, Plan, entry_bytes, read_entry};
use lyceum::contracts::privacy::v1::{AuditEntry, AuditOutcome, LegalBasis, Purpose};

const ENTRIES: u64 = 1_000_000;
const BATCH: u64 = 1000;

fn entry(number: u64) -> AuditEntry {
    AuditEntry {
        at: Some(prost_types::Timestamp {
            seconds: 1_790_000_000 + number.cast_signed(),
            nanos: 0,
        }),
        actor: format!("educator-{:08}", number % 100),
        roles: "educator".to_owned(),
        caller: "gateway".to_owned(),
        service: "student-profiling".to_owned(),
        method: "/lyceum.student_profiling.v1.StudentProfilingService/GetTrajectory".to_owned(),
        students: vec![format!("student-{:08}", number % 5000)],
        categories: vec![5, 6],
        purpose: Purpose::Support.into(),
        basis: LegalBasis::GuardianConsent.into(),
        rule: "house/support".to_owned(),
        outcome: AuditOutcome::Allowed.into(),
        reason: String::new(),
        correlation: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
    }
}

fn audit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("audit");
    let key = Key::try_new("bench.example/audit", &[7; 32]).unwrap();

    group.throughput(Throughput::Elements(BATCH));
    let batch: Vec<AuditEntry> = (0..BATCH).map(entry).collect();
    let mut log = Frontier::new();
    group.bench_function("1,000 entries appended, and a checkpoint signed", |bencher| {
        bencher.iter(|| {
            let mut rows = Vec::new();
            for entry in &batch {
                let bytes = entry_bytes(entry).unwrap();
                log.append(Hash::leaf(&bytes), |node, hash| rows.push((node, hash)))
                    .unwrap();
            }
            let (size, root) = (log.size(), log.root());
            (rows, Checkpoint { size, root }.sign(&key).unwrap())
        });
    });
    group.throughput(Throughput::Elements(1));
    let bytes = entry_bytes(&batch[0]).unwrap();
    println!("an entry of {} bytes", bytes.len());
    group.bench_function("an entry read", |bencher| {
        bencher.iter(|| read_entry(black_box(&bytes)).unwrap())
    });

    let mut nodes: HashMap<Node, Hash> = HashMap::with_capacity(2 * ENTRIES as usize);
    let mut log = Frontier::new();
    for number in 0..ENTRIES {
        log.append(Hash::leaf(&number.to_be_bytes()), |node, hash| {
            nodes.insert(node, hash);
        })
        .unwrap();
    }
    let root = log.root();
    let hashes = |plan: &Plan| plan.hashes(|node| Ok::<_, Infallible>(nodes[&node])).unwrap();
    let mut index = 0;
    group.bench_function("an entry proved among 1,000,000", |bencher| {
        bencher.iter(|| {
            index = (index + 104_729) % ENTRIES;
            hashes(&Plan::inclusion(index, ENTRIES).unwrap())
        });
    });
    let proof = Inclusion {
        index: 123_456,
        size: ENTRIES,
        hashes: hashes(&Plan::inclusion(123_456, ENTRIES).unwrap()),
    };
    let leaf = Hash::leaf(&123_456u64.to_be_bytes());
    group.bench_function("that proof verified", |bencher| {
        bencher.iter(|| black_box(&proof).verify(leaf, root).unwrap())
    });
    let old = 654_321;
    let old_root = hashes(&Plan::root(old))[0];
    group.bench_function("654,321 entries proved to begin 1,000,000, and verified", |bencher| {
        bencher.iter(|| {
            let hashes = hashes(&Plan::consistency(old, ENTRIES).unwrap());
            let new = ENTRIES;
            Consistency { old, new, hashes }.verify(old_root, root).unwrap()
        });
    });
    let note = Checkpoint { size: ENTRIES, root }.sign(&key).unwrap();
    group.bench_function("a checkpoint verified", |bencher| {
        bencher.iter(|| Checkpoint::open(black_box(&note), key.public()).unwrap())
    });
    group.finish();
}

criterion_group!(benches, audit);
criterion_main!(benches);
