//! What it costs to know who is asking: nobody, a token for the first time and again, a session.
//!
//! `cargo bench -p lyceum-gateway-grpcweb --features benching --bench authentication`. No Consul is needed: what would be followed there is
//! not there.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "a benchmark has no users")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Uri};
use lyceum::Fabric;
use lyceum::configuration::Issuer;
use lyceum::testing::probe::{Folder, configuration};
use lyceum_gateway_grpcweb::benching::Asking;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

fn token(header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let unique = URL_SAFE_NO_PAD.encode(ring::rand::generate::<[u8; 12]>(&SystemRandom::new()).unwrap().expose());
    let claims = json!({
        "iss": "https://login.school.example", "aud": "lyceum", "sub": "e-17", "exp": now + 3600, "iat": now,
        "roles": ["educator"], "classes": ["5b", "7a"], "jti": unique, "name": "Somebody of Somewhere",
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        "authorization",
        HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
    );
    headers
}

fn identify(runtime: &Runtime, asking: &Asking, uri: &Uri, headers: &HeaderMap) {
    runtime.block_on(asking.told(uri, headers)).unwrap();
}

fn costs(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = Folder::new();
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
    let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let ed = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let point = ec.public_key().as_ref();
    let keys = json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "kid": "ec", "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
          "y": URL_SAFE_NO_PAD.encode(&point[33..]) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": URL_SAFE_NO_PAD.encode(ed.public_key().as_ref()) },
    ]});
    let file = folder.path().join("keys.json");
    std::fs::write(&file, keys.to_string()).unwrap();

    // Nobody is there: a benchmark follows nothing.
    let mut settings = configuration(&folder, "http://127.0.0.1:9");
    settings.gateway.authentication.development = true;
    settings.gateway.authentication.issuers = vec![Issuer::new(
        "https://login.school.example",
        "lyceum",
        file.to_str().unwrap(),
    )];
    let asking = {
        let _entered = runtime.enter();
        Asking::start(&Fabric::start(settings, "gateway").unwrap()).unwrap()
    };
    let uri = Uri::from_static("/p.S/Get");
    let es256 = || {
        token(&json!({ "alg": "ES256", "kid": "ec", "typ": "JWT" }), |message| {
            ec.sign(&random, message).unwrap().as_ref().to_vec()
        })
    };
    let eddsa = || {
        token(&json!({ "alg": "EdDSA", "kid": "ed", "typ": "JWT" }), |message| {
            ed.sign(message).as_ref().to_vec()
        })
    };

    let mut group = criterion.benchmark_group("authentication");
    group.measurement_time(Duration::from_secs(4));
    let nothing = HeaderMap::new();
    group.bench_function("nothing shown", |bench| {
        bench.iter(|| identify(&runtime, &asking, &uri, &nothing));
    });
    group.bench_function("ES256, never seen", |bench| {
        bench.iter_batched(
            || bearer(&es256()),
            |headers| identify(&runtime, &asking, &uri, &headers),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("EdDSA, never seen", |bench| {
        bench.iter_batched(
            || bearer(&eddsa()),
            |headers| identify(&runtime, &asking, &uri, &headers),
            BatchSize::SmallInput,
        );
    });
    let seen = bearer(&es256());
    group.bench_function("ES256, seen before", |bench| {
        bench.iter(|| identify(&runtime, &asking, &uri, &seen));
    });

    let body = Bytes::from_static(br#"{"role":"educator"}"#);
    let answer = runtime.block_on(asking.sign_in(body));
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let told: Value = serde_json::from_slice(answer.body()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::try_from(cookie).unwrap());
    headers.insert(
        "x-csrf-token",
        HeaderValue::try_from(told["csrf"].as_str().unwrap()).unwrap(),
    );
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    group.bench_function("session", |bench| {
        bench.iter(|| identify(&runtime, &asking, &uri, &headers));
    });
    group.finish();
}

criterion_group!(benches, costs);
criterion_main!(benches);
