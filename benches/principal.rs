//! What a principal costs: signed for the first time and found again at the gateway, verified and found again at a
//! service, let in by its role.

#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::SystemTime;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use lyceum::identity::Source;
use lyceum::principal::{Access, Principal, Role, Signer, Token, Verifier};
use lyceum::testing::probe::{Folder, configuration};

fn student(number: u64) -> Principal {
    let student = Principal::try_new(format!("student-{number:08}"), Role::Student).unwrap();
    student.with_classes(vec!["class-7b".to_owned()]).unwrap()
}

fn principal(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let folder = Folder::new();
    let configuration = configuration(&folder, "127.0.0.1:1");
    let (gateway, service) = (
        Source::start(&configuration, "gateway").unwrap(),
        Source::start(&configuration, "ai-validator").unwrap(),
    );
    let signer = Signer::new(gateway);
    let verifier = || Verifier::new(service.clone(), vec!["gateway".to_owned()]);
    let mut group = criterion.benchmark_group("principal");

    let mut number = 0;
    group.bench_function("signed for the first time", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                student(number)
            },
            |student| signer.sign(&student).unwrap(),
            BatchSize::SmallInput,
        );
    });
    let known = student(0);
    group.bench_function("signed before", |bencher| {
        bencher.iter(|| signer.sign(black_box(&known)).unwrap())
    });

    let token = signer.sign(&known).unwrap();
    let certificate = token.certificate().unwrap().clone();
    println!(
        "a token of {} bytes, and {} of its certificate",
        token.principal().len(),
        certificate.len()
    );
    let verify = |verifier: &Verifier, token: &Token| {
        verifier
            .verify(token.principal().as_bytes(), certificate.as_bytes(), SystemTime::now())
            .unwrap()
    };
    group.bench_function("verified, its signer unknown", |bencher| {
        bencher.iter_batched(verifier, |verifier| verify(&verifier, &token), BatchSize::SmallInput);
    });
    // More tokens than are remembered, so that each is new when it comes again.
    let tokens: Vec<_> = (0..20_000)
        .map(|number| signer.sign(&student(number)).unwrap())
        .collect();
    let (remembering, mut at) = (verifier(), 0);
    group.bench_function("verified for the first time", |bencher| {
        bencher.iter(|| {
            at = (at + 1) % tokens.len();
            verify(&remembering, &tokens[at])
        });
    });
    let (mut headers, caller) = (HeaderMap::new(), Arc::new(Principal::anonymous()));
    token.write(&mut headers);
    group.bench_function("verified before, and let in by role", |bencher| {
        bencher.iter(|| {
            let (principal, token) = remembering.principal(black_box(&headers), &caller).unwrap();
            Access::of(&[Role::Educator, Role::Student])
                .permits(&principal)
                .unwrap();
            (principal, token)
        });
    });
    let nothing = HeaderMap::new();
    group.bench_function("nobody's", |bencher| {
        bencher.iter(|| {
            let (principal, token) = remembering.principal(black_box(&nothing), &caller).unwrap();
            Access::ANYONE.permits(&principal).unwrap();
            (principal, token)
        });
    });
    group.finish();
}

criterion_group!(benches, principal);
criterion_main!(benches);
