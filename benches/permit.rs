//! What a privacy context costs: issued, verified for the first time, and found again.

#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::time::SystemTime;

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use lyceum::identity::Source;
use lyceum::principal::{Principal, Role};
use lyceum::privacy::permit::{Permit, Signer, Use, Verifier};
use lyceum::privacy::{Basis, Category, Consent, Purpose};
use lyceum::testing::probe::{Folder, configuration};

fn permit(holder: &Principal, number: usize, now: SystemTime) -> Permit {
    let one = |category| Use {
        category,
        level: Consent::Learning,
        basis: Basis::Consent,
    };
    let uses = vec![one(Category::Result), one(Category::Profile)];
    Permit::try_new(holder, format!("7-{number:022}"), Purpose::Support, uses, now).unwrap()
}

fn permits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let folder = Folder::new();
    let configuration = configuration(&folder, "127.0.0.1:1");
    let source = |name| Source::start(&configuration, name).unwrap();
    let signer = Signer::new(source("privacy"));
    let verifier = Verifier::new(source("educator-alerts"), vec!["privacy".to_owned()]);
    let holder = Principal::try_new("educator-00000001", Role::Educator).unwrap();
    let now = SystemTime::now();
    let mut group = criterion.benchmark_group("permit");

    group.bench_function("issued", |bencher| {
        bencher.iter(|| signer.sign(black_box(permit(&holder, 1, now))).unwrap())
    });
    // More than are remembered, so that each is new when it comes again.
    let tokens: Vec<_> = (0..20_000)
        .map(|number| signer.sign(permit(&holder, number, now)).unwrap())
        .collect();
    let mut at = 0;
    group.bench_function("verified for the first time", |bencher| {
        bencher.iter(|| {
            at = (at + 1) % tokens.len();
            let (permit, certificate) = (tokens[at].permit().as_bytes(), tokens[at].certificate().as_bytes());
            verifier.verify(permit, certificate, &holder, now).unwrap()
        });
    });
    for number in 0..1000 {
        verifier.withdraw(&format!("another-{number}"), 1, now);
    }
    let mut headers = HeaderMap::new();
    tokens[7].write(&mut headers);
    println!("a permit of {} bytes", tokens[7].permit().len());
    group.bench_function("verified before, and found enough", |bencher| {
        bencher.iter(|| {
            let (permit, token) = verifier.permit(black_box(&headers), &holder, now).unwrap().unwrap();
            permit
                .require(Purpose::Support, Category::Profile, Consent::Learning)
                .unwrap();
            (permit, token)
        });
    });
    group.finish();
}

criterion_group!(benches, permits);
criterion_main!(benches);
