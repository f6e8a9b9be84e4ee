//! What a service believes of a principal: a token that the gateway signed, a moment ago, and nothing else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum::contracts::testing::v1::{GetProbeRequest, GetRecordRequest};
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::Issued;
use lyceum::principal::Signer;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::wait_for;
use prost::Message as _;
use rcgen::PublicKeyData as _;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tonic::Code;

use super::{School, is, student, told};
use crate::raw::{Raw, framed, issue, operator};
use crate::scene::{PROBE, Scene, bearing, client, on_behalf};

impl School {
    /// What becomes of a call with these for its token and its certificate.
    async fn bearing(&self, token: &str, certificate: Option<&str>) -> (Code, String) {
        let message = GetRecordRequest {
            student: "s-1".to_owned(),
            class: String::new(),
        };
        let answer = self
            .client
            .clone()
            .get_record(bearing(message, token, certificate))
            .await;
        answer.map_or_else(|status| told(&status), |_| (Code::Ok, String::new()))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What tokens say, as another version may write it.
#[derive(Clone, PartialEq, prost::Message)]
struct Claims {
    #[prost(string, tag = "1")]
    subject: String,
    #[prost(uint32, tag = "2")]
    roles: u32,
    #[prost(string, repeated, tag = "3")]
    students: Vec<String>,
    #[prost(uint64, tag = "5")]
    expires: u64,
    #[prost(string, tag = "6")]
    only_on: String,
}

const STUDENT: u32 = 1;
const ADMINISTRATOR: u32 = 4;

/// What a good token says, but for what is changed.
fn claims(change: impl FnOnce(&mut Claims)) -> Vec<u8> {
    let mut claims = Claims {
        subject: "s-1".to_owned(),
        roles: STUDENT,
        expires: now() + 300,
        ..Claims::default()
    };
    change(&mut claims);
    claims.encode_to_vec()
}

/// A token and its certificate.
type Forged = (String, Option<String>);

/// What travels of a certificate.
fn chain(issued: &Issued) -> String {
    let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes()).map(Result::unwrap);
    let chain: Vec<_> = chain.map(|certificate| URL_SAFE_NO_PAD.encode(certificate)).collect();
    chain.join(".")
}

/// A token that says whatever one likes, with whatever certificate and key one has.
fn forge(claims: &[u8], certificate: &Issued, key: &Issued) -> Forged {
    let token = format!("p2.{}", URL_SAFE_NO_PAD.encode(claims));
    let chain = chain(certificate);
    let key = PrivatePkcs8KeyDer::from_pem_slice(key.key.as_bytes()).unwrap();
    let random = ring::rand::SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.secret_pkcs8_der(), &random).unwrap();
    let message = format!("lyceum principal\0{token}.{chain}");
    let signature = key.sign(&random, message.as_bytes()).unwrap();
    (format!("{token}.{}", URL_SAFE_NO_PAD.encode(signature)), Some(chain))
}

fn service(name: &str) -> SpiffeId {
    SpiffeId::service("lyceum.internal", "dc1", name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_is_believed_only_as_the_gateway_signed_it() {
    const HOUR: Duration = Duration::from_secs(3600);
    let school = School::start().await;
    let folder = &school.scene.folder;
    let gateway = issue(folder, &service("gateway"), HOUR);
    let other = issue(folder, &service("ai-validator"), HOUR);
    let (good, certificate) = forge(&claims(|_| {}), &gateway, &gateway);
    let well = || school.bearing(&good, certificate.as_deref());
    assert_eq!(well().await, is(Code::Ok, ""), "the forger's hand is good");
    assert_eq!(well().await, is(Code::Ok, ""), "and again");

    let invalid = is(Code::Unauthenticated, "PRINCIPAL_INVALID");
    let elsewhere = Folder::new();
    let foreign = issue(&elsewhere, &service("gateway"), HOUR);
    let domain = SpiffeId::service("other.example", "dc1", "gateway").unwrap();
    let domain = issue(folder, &domain, HOUR);
    let mut parts: Vec<&str> = good.split('.').collect();
    let richer = URL_SAFE_NO_PAD.encode(claims(|claims| claims.roles = ADMINISTRATOR));
    parts[1] = &richer;
    let altered = parts.join(".");
    let mut tokens = vec![
        (
            "of a service that may not vouch",
            forge(&claims(|_| {}), &other, &other),
        ),
        (
            "of an operator",
            forge(&claims(|_| {}), &operator(folder), &operator(folder)),
        ),
        ("of another authority", forge(&claims(|_| {}), &foreign, &foreign)),
        (
            "of another trust domain's gateway",
            forge(&claims(|_| {}), &domain, &domain),
        ),
        (
            "with the gateway's certificate and another key",
            forge(&claims(|_| {}), &gateway, &other),
        ),
        ("of an expired certificate", {
            let expired = issue(folder, &service("gateway"), Duration::ZERO);
            let end = SystemTime::now() + Duration::from_secs(1);
            wait_for("the certificate's end", || async { SystemTime::now() > end }).await;
            forge(&claims(|_| {}), &expired, &expired)
        }),
    ];
    let body = &good[..good.rfind('.').unwrap()];
    for (what, token) in [
        ("altered claims", altered),
        ("truncated", good[..good.len() - 4].to_owned()),
        ("cut in the claims", good[..good.len() / 2].to_owned()),
        ("of an unknown version", good.replacen("p2", "p3", 1)),
        ("without a signature", format!("{body}.")),
        ("with its certificate inside", {
            good.replacen(body, &format!("{body}.{}", chain(&gateway)), 1)
        }),
        ("empty", String::new()),
        ("dots", ".....".to_owned()),
        ("a pseudonym, as once was believed", "teacher".to_owned()),
        ("a JWT without an algorithm", {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
            format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims(|_| {})))
        }),
        ("larger than 4 KiB", format!("p2.{}.A", "A".repeat(4096))),
        // The signature of nothing by nobody: r = s = 0, which broken verifiers accept.
        ("a signature of zeros", {
            format!("{body}.{}", URL_SAFE_NO_PAD.encode([0x30, 6, 2, 1, 0, 2, 1, 0]))
        }),
        // The certificate's own public key as the secret of a MAC: what algorithm confusion comes down to.
        ("a MAC with the public key", {
            let key = rcgen::KeyPair::from_pem(&gateway.key).unwrap();
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.der_bytes());
            let signed = format!("lyceum principal\0{body}.{}", chain(&gateway));
            format!(
                "{body}.{}",
                URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()))
            )
        }),
    ] {
        tokens.push((what, (token, certificate.clone())));
    }
    // The good one, with something else for its certificate.
    let renewed = chain(&issue(folder, &service("gateway"), HOUR));
    for (what, certificate) in [
        ("without a certificate", None),
        ("with an empty certificate", Some(String::new())),
        ("with garbage for its certificate", Some("!@#".to_owned())),
        ("with bytes that are none", Some("AAAA".to_owned())),
        ("with another certificate of the gateway", Some(renewed)),
        ("with the certificate of another", Some(chain(&other))),
        ("with a foreign certificate", Some(chain(&foreign))),
        (
            "with a certificate too many",
            Some(format!("{}.AAAA.AAAA.AAAA", chain(&gateway))),
        ),
        ("with one larger than 4 KiB", Some("A".repeat(4096))),
    ] {
        tokens.push((what, (good.clone(), certificate)));
    }
    type Change = fn(&mut Claims);
    for (what, change) in [
        ("expired", (|claims| claims.expires = now() - 100) as Change),
        ("good for too long, or from the future", |claims| {
            claims.expires = now() + 400
        }),
        ("for ever", |claims| claims.expires = u64::MAX),
        ("with a role that is none", |claims| claims.roles |= 32),
        ("with a name for a pseudonym", |claims| {
            claims.subject = "ada@school.example".to_owned()
        }),
        ("of nobody", |claims| claims.subject = "anonymous".to_owned()),
        ("with a claim that is not known", |claims| {
            claims.only_on = "mondays".to_owned()
        }),
        ("with too many students", |claims| {
            claims.students = vec!["s".to_owned(); 65]
        }),
    ] {
        tokens.push((what, forge(&claims(change), &gateway, &gateway)));
    }
    // Read leniently, each says the same as the good one.
    let padded = [claims(|claims| claims.roles = 0), vec![0x10, 0x81, 0x00]].concat();
    let twice = [vec![0x10, 4], claims(|_| {})].concat();
    for (what, claims) in [("with a number too long", padded), ("with a claim twice", twice)] {
        tokens.push((what, forge(&claims, &gateway, &gateway)));
    }
    for (what, claims) in [("without claims", &[][..]), ("of JSON", b"{\"subject\":\"s-1\"}")] {
        tokens.push((what, forge(claims, &gateway, &gateway)));
    }
    for (what, (token, certificate)) in tokens {
        assert_eq!(school.bearing(&token, certificate.as_deref()).await, invalid, "{what}");
    }
    // Clocks may differ by half a minute, and the good one is still good.
    let skewed = claims(|claims| claims.expires = now() - 10);
    let (skewed, same) = forge(&skewed, &gateway, &gateway);
    assert_eq!(school.bearing(&skewed, same.as_deref()).await, is(Code::Ok, ""));
    assert_eq!(well().await, is(Code::Ok, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_never_repeats_the_token_and_two_tokens_are_none() {
    let folder = Folder::new();
    let fabric = crate::scene::start(crate::scene::unannounced(&folder), PROBE);
    let serving = Serving::start(&fabric).await;
    let raw = Raw::operator(&folder, serving.address).await;
    let get = "/lyceum.testing.v1.ProbeService/GetProbe";
    let twice = [("lyceum-principal", "anonymous"), ("lyceum-principal", "anonymous")];
    let (_, status) = raw.call(get, &twice, framed(&[])).await.unwrap();
    assert_eq!(told(&status), is(Code::Unauthenticated, "PRINCIPAL_INVALID"));
    let secret = ("lyceum-principal", "p2.c2VjcmV0.c2VjcmV0");
    let certificate = ("lyceum-principal-certificate", "c2VjcmV0");
    for sent in [&[secret, certificate][..], &[secret], &[certificate]] {
        let (_, status) = raw.call(get, sent, framed(&[])).await.unwrap();
        assert_eq!(told(&status), is(Code::Unauthenticated, "PRINCIPAL_INVALID"));
        assert!(!format!("{status:?}").contains("c2VjcmV0"), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_vouch_is_configured() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.authorization.vouchers = vec!["portal".to_owned()];
    let serving = Serving::start(&crate::scene::start(configuration, PROBE)).await;
    let portal = scene.fabric("portal");
    let mut client = client(&portal, 1).await;
    let request = on_behalf(
        GetProbeRequest::default(),
        &student(),
        &Signer::new(portal.identity().clone()),
    );
    assert_eq!(client.get_probe(request).await.unwrap().into_inner().principal, "s-1");
    let request = on_behalf(GetProbeRequest::default(), &student(), &scene.signer());
    let status = client.get_probe(request).await.unwrap_err();
    assert_eq!(told(&status), is(Code::Unauthenticated, "PRINCIPAL_INVALID"));
    assert_eq!(serving.received(), 1);
}
