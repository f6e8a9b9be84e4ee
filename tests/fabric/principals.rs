//! On whose behalf: what a service believes of a principal, who may call what, and whose data they may name.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{self, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum::Fabric;
use lyceum::client::{Channel, Contract as _};
use lyceum::context;
use lyceum::contracts::testing::v1::records_service_client::RecordsServiceClient;
use lyceum::contracts::testing::v1::records_service_server::{RecordsService, RecordsServiceServer};
use lyceum::contracts::testing::v1::{
    AddRecordsRequest, AddRecordsResponse, DeleteRecordsRequest, DeleteRecordsResponse, GetProbeRequest,
    GetRecordRequest, GetRecordResponse, ListRecordsRequest, ListRecordsResponse, Membership,
};
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::Issued;
use lyceum::principal::{Access, Principal, Role, Signer};
use lyceum::serving::Server;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::wait_for;
use rcgen::PublicKeyData as _;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::raw::{Raw, framed, issue, operator};
use crate::scene::{PROBE, Scene, bearing, client, on_behalf, reason};

/// Tells who asked.
#[derive(Clone, Debug)]
struct Records;

fn asking() -> String {
    let context = context::current().unwrap();
    context.principal.as_ref().unwrap().subject().expose().clone()
}

#[tonic::async_trait]
impl RecordsService for Records {
    async fn get_record(&self, _: Request<GetRecordRequest>) -> Result<Response<GetRecordResponse>, Status> {
        Ok(Response::new(GetRecordResponse { principal: asking() }))
    }

    async fn add_records(
        &self,
        request: Request<Streaming<AddRecordsRequest>>,
    ) -> Result<Response<AddRecordsResponse>, Status> {
        let mut messages = request.into_inner();
        // In a task of its own, which knows no context.
        let taken = tokio::spawn(async move {
            let mut taken = 0;
            while messages.message().await?.is_some() {
                taken += 1;
            }
            Ok::<_, Status>(taken)
        });
        let taken = taken.await.unwrap()?;
        Ok(Response::new(AddRecordsResponse { taken }))
    }

    async fn list_records(&self, _: Request<ListRecordsRequest>) -> Result<Response<ListRecordsResponse>, Status> {
        Ok(Response::new(ListRecordsResponse { principal: asking() }))
    }

    async fn delete_records(
        &self,
        _: Request<DeleteRecordsRequest>,
    ) -> Result<Response<DeleteRecordsResponse>, Status> {
        Ok(Response::new(DeleteRecordsResponse {}))
    }
}

/// A service that keeps records, and somebody who calls it.
struct School {
    scene: Scene,
    signer: Signer,
    client: RecordsServiceClient<Channel>,
    caller: Fabric,
    serving: JoinHandle<()>,
}

impl School {
    async fn start() -> Self {
        let scene = Scene::start().await;
        let bound = Server::new(&scene.fabric(PROBE))
            .add(RecordsServiceServer::new(Records))
            .bind()
            .await
            .unwrap();
        let serving = tokio::spawn(bound.serve(std::future::pending()));
        let caller = scene.caller();
        let channel = caller.channel(PROBE).unwrap();
        wait_for("a connection", || async {
            channel.report().iter().any(|instance| instance.connected)
        })
        .await;
        Self {
            signer: scene.signer(),
            client: RecordsServiceClient::over(channel),
            scene,
            caller,
            serving,
        }
    }

    async fn get(&self, principal: &Principal, student: &str, class: &str) -> Result<String, Status> {
        let message = GetRecordRequest {
            student: student.to_owned(),
            class: class.to_owned(),
        };
        let request = on_behalf(message, principal, &self.signer);
        let answer = self.client.clone().get_record(request).await?;
        Ok(answer.into_inner().principal)
    }

    async fn list(&self, principal: &Principal, class: &str) -> Result<String, Status> {
        let message = ListRecordsRequest {
            classes: vec![class.to_owned()],
        };
        let request = on_behalf(message, principal, &self.signer);
        let answer = self.client.clone().list_records(request).await?;
        Ok(answer.into_inner().principal)
    }

    /// What becomes of a call with this for its token.
    async fn bearing(&self, token: &str) -> (Code, String) {
        let message = GetRecordRequest {
            student: "s-1".to_owned(),
            class: String::new(),
        };
        let answer = self.client.clone().get_record(bearing(message, token)).await;
        answer.map_or_else(|status| told(&status), |_| (Code::Ok, String::new()))
    }
}

impl Drop for School {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn refused(answer: Result<String, Status>) -> (Code, String) {
    told(&answer.unwrap_err())
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn student() -> Principal {
    Principal::try_new("s-1", Role::Student).unwrap()
}

fn educator() -> Principal {
    let educator = Principal::try_new("e-1", Role::Educator).unwrap();
    educator.with_classes(vec!["c-1".to_owned()]).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What a good token says, but for what is changed.
fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({
        "sub": "s-1", "roles": ["student"], "aud": "lyceum.internal", "iat": now(), "exp": now() + 300,
    });
    change(&mut claims);
    claims
}

/// A token that says whatever one likes, with whatever certificate and key one has.
fn forge(claims: &Value, certificate: &Issued, key: &Issued) -> String {
    let chain = CertificateDer::pem_slice_iter(certificate.certificate.as_bytes()).map(Result::unwrap);
    let mut token = format!("p1.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    for certificate in chain {
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(&certificate));
    }
    let key = PrivatePkcs8KeyDer::from_pem_slice(key.key.as_bytes()).unwrap();
    let random = ring::rand::SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.secret_pkcs8_der(), &random).unwrap();
    let message = [b"lyceum principal\0", token.as_bytes()].concat();
    let signature = key.sign(&random, &message).unwrap();
    format!("{token}.{}", URL_SAFE_NO_PAD.encode(signature))
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
    let good = forge(&claims(|_| {}), &gateway, &gateway);
    assert_eq!(
        school.bearing(&good).await,
        is(Code::Ok, ""),
        "the forger's hand is good"
    );
    assert_eq!(school.bearing(&good).await, is(Code::Ok, ""), "and again");

    let invalid = is(Code::Unauthenticated, "PRINCIPAL_INVALID");
    let elsewhere = Folder::new();
    let foreign = issue(&elsewhere, &service("gateway"), HOUR);
    let domain = SpiffeId::service("other.example", "dc1", "gateway").unwrap();
    let domain = issue(folder, &domain, HOUR);
    let mut parts: Vec<&str> = good.split('.').collect();
    let richer = URL_SAFE_NO_PAD.encode(claims(|claims| claims["roles"] = json!(["administrator"])).to_string());
    parts[1] = &richer;
    let altered = parts.join(".");
    let mut tokens = vec![
        ("altered claims", altered),
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
        ("truncated", good[..good.len() - 4].to_owned()),
        ("cut in the certificate", good[..good.len() / 2].to_owned()),
        ("of an unknown version", good.replacen("p1", "p2", 1)),
        ("without a signature", good[..=good.rfind('.').unwrap()].to_owned()),
        (
            "with a certificate too many",
            good.replacen("p1.", "p1.AAAA.AAAA.AAAA.AAAA.", 1),
        ),
        ("empty", String::new()),
        ("dots", ".....".to_owned()),
        ("a pseudonym, as once was believed", "teacher".to_owned()),
        ("a JWT without an algorithm", {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
            format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims(|_| {}).to_string()))
        }),
        ("larger than 4 KiB", format!("p1.{}.A.A", "A".repeat(4096))),
    ];
    // The signature of nothing by nobody: r = s = 0, which broken verifiers accept.
    tokens.push(("a signature of zeros", {
        let body = &good[..good.rfind('.').unwrap()];
        format!("{body}.{}", URL_SAFE_NO_PAD.encode([0x30, 6, 2, 1, 0, 2, 1, 0]))
    }));
    // The certificate's own public key as the secret of a MAC: what algorithm confusion comes down to.
    tokens.push(("a MAC with the public key", {
        let body = &good[..good.rfind('.').unwrap()];
        let key = rcgen::KeyPair::from_pem(&gateway.key).unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.der_bytes());
        format!(
            "{body}.{}",
            URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, body.as_bytes()))
        )
    }));
    for (what, change) in [
        ("expired", json!({"iat": now() - 400, "exp": now() - 100})),
        ("from the future", json!({"iat": now() + 100, "exp": now() + 200})),
        ("good for too long", json!({"exp": now() + 3600})),
        ("ended before it began", json!({"exp": now() - 1})),
        ("for another trust domain", json!({"aud": "other.example"})),
        ("with a role that is none", json!({"roles": ["root"]})),
        ("with a name for a pseudonym", json!({"sub": "ada@school.example"})),
        ("of nobody", json!({"sub": "anonymous"})),
        ("with a claim that is not known", json!({"only_on": "mondays"})),
        ("with too many students", json!({"students": vec!["s"; 65]})),
    ] {
        let changed = claims(|claims| {
            let claims = claims.as_object_mut().unwrap();
            claims.extend(change.as_object().unwrap().clone());
        });
        tokens.push((what, forge(&changed, &gateway, &gateway)));
    }
    for (what, token) in tokens {
        assert_eq!(school.bearing(&token).await, invalid, "{what}");
    }
    // Clocks may differ by half a minute, and the good one is still good.
    let skewed = claims(|claims| {
        claims["iat"] = json!(now() - 310);
        claims["exp"] = json!(now() - 10);
    });
    assert_eq!(
        school.bearing(&forge(&skewed, &gateway, &gateway)).await,
        is(Code::Ok, "")
    );
    assert_eq!(school.bearing(&good).await, is(Code::Ok, ""));
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
    let secret = "p1.c2VjcmV0.c2VjcmV0.c2VjcmV0";
    let (_, status) = raw
        .call(get, &[("lyceum-principal", secret)], framed(&[]))
        .await
        .unwrap();
    assert_eq!(told(&status), is(Code::Unauthenticated, "PRINCIPAL_INVALID"));
    assert!(!format!("{status:?}").contains("c2VjcmV0"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_decide_who_may_call_what_and_silence_means_nobody() {
    let school = School::start().await;
    assert_eq!(school.get(&student(), "s-1", "").await.unwrap(), "s-1");
    assert_eq!(school.list(&educator(), "c-1").await.unwrap(), "e-1");
    assert_eq!(
        refused(school.list(&student(), "c-1").await),
        is(Code::PermissionDenied, "ROLE_MISSING")
    );
    let nobody = Principal::anonymous();
    let missing = is(Code::Unauthenticated, "PRINCIPAL_MISSING");
    assert_eq!(refused(school.get(&nobody, "s-1", "").await), missing);
    let status = school.list(&student(), "c-1").await.unwrap_err();
    let roles = status.get_details_error_info().unwrap().metadata["roles"].clone();
    assert_eq!(roles, "educator, administrator");

    // The contract says nothing of this one, so nobody may call it, whoever they are.
    for principal in [
        student(),
        educator(),
        Principal::try_new("a-1", Role::Administrator).unwrap(),
    ] {
        let request = on_behalf(DeleteRecordsRequest {}, &principal, &school.signer);
        let status = school.client.clone().delete_records(request).await.unwrap_err();
        assert_eq!(told(&status), is(Code::PermissionDenied, "ACCESS_UNDECLARED"));
    }

    // Without a token a service is one, an operator an administrator, and the gateway nobody.
    let list = || ListRecordsRequest {
        classes: vec!["c-9".to_owned()],
    };
    let status = school.client.clone().list_records(list()).await.unwrap_err();
    assert_eq!(told(&status), is(Code::PermissionDenied, "ROLE_MISSING"), "a service");
    let record = || GetRecordRequest {
        student: "s-9".to_owned(),
        class: String::new(),
    };
    let answer = school.client.clone().get_record(record()).await.unwrap();
    assert_eq!(answer.into_inner().principal, "caller");
    let address = school.caller.channel(PROBE).unwrap().report()[0]
        .address
        .parse()
        .unwrap();
    let ada = Raw::operator(&school.scene.folder, address).await;
    let (_, status) = ada
        .call(
            "/lyceum.testing.v1.RecordsService/ListRecords",
            &[],
            framed(&[0x0a, 3, b'c', b'-', b'9']),
        )
        .await
        .unwrap();
    assert_eq!(status.code(), Code::Ok, "{status:?}");
    let gateway = school.scene.fabric("gateway").channel(PROBE).unwrap();
    let status = RecordsServiceClient::over(gateway)
        .get_record(record())
        .await
        .unwrap_err();
    assert_eq!(told(&status), missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_names_oneself_ones_children_ones_classes_and_nobody_else() {
    let school = School::start().await;
    let parent = Principal::try_new("p-1", Role::Parent)
        .unwrap()
        .with_students(vec!["s-1".to_owned(), "s-2".to_owned()])
        .unwrap();
    let yours = is(Code::PermissionDenied, "NOT_YOURS");
    assert_eq!(refused(school.get(&student(), "s-2", "").await), yours);
    assert_eq!(school.get(&parent, "s-2", "").await.unwrap(), "p-1");
    assert_eq!(refused(school.get(&parent, "s-3", "").await), yours);
    assert_eq!(school.get(&educator(), "s-9", "c-1").await.unwrap(), "e-1");
    assert_eq!(refused(school.get(&educator(), "s-9", "").await), yours);
    assert_eq!(refused(school.get(&educator(), "s-9", "c-2").await), yours);
    assert_eq!(refused(school.list(&educator(), "c-2").await), yours);
    let status = school.get(&student(), "s-secret", "").await.unwrap_err();
    assert_eq!(
        status.get_details_bad_request().unwrap().field_violations[0].field,
        "student"
    );
    assert!(!format!("{status:?}").contains("s-secret"), "{status:?}");

    // Every message of a stream, wherever it is read.
    let add = |student: &str| AddRecordsRequest {
        members: vec![Membership {
            student: student.to_owned(),
            class: String::new(),
        }],
    };
    let send = async |messages: Vec<AddRecordsRequest>| {
        let request = on_behalf(tokio_stream::iter(messages), &student(), &school.signer);
        school.client.clone().add_records(request).await
    };
    assert_eq!(send(vec![add("s-1"), add("s-1")]).await.unwrap().into_inner().taken, 2);
    let status = send(vec![add("s-1"), add("s-2")]).await.unwrap_err();
    assert_eq!(told(&status), yours);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "members.student");

    // Nor may the context be about somebody else.
    let about = async |principal: &Principal, student: &str| {
        let message = GetRecordRequest {
            student: "s-1".to_owned(),
            class: "c-1".to_owned(),
        };
        let mut request = on_behalf(message, principal, &school.signer);
        request
            .metadata_mut()
            .insert("lyceum-student", student.parse().unwrap());
        let answer = school.client.clone().get_record(request).await;
        answer.map_or_else(|status| told(&status), |_| is(Code::Ok, ""))
    };
    assert_eq!(about(&educator(), "s-1").await, is(Code::Ok, ""));
    assert_eq!(about(&student(), "s-2").await, yours);
    assert_eq!(about(&parent, "s-3").await, yours);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_crosses_two_services_and_so_does_there_being_none() {
    let scene = Scene::start().await;
    let _first = Serving::start(&scene.fabric(PROBE)).await;
    let second = Serving::start(&scene.fabric("other")).await;
    let gateway = scene.fabric("gateway");
    let signer = Signer::new(gateway.identity().clone());
    let mut client = client(&gateway, 1).await;
    let forward = || GetProbeRequest {
        forward_to: "other".to_owned(),
        ..GetProbeRequest::default()
    };
    let request = on_behalf(forward(), &student(), &signer);
    let answer = client.get_probe(request).await.unwrap().into_inner();
    assert_eq!(
        (answer.instance.as_str(), answer.principal.as_str()),
        (second.id.as_str(), "s-1")
    );
    assert!(answer.caller.ends_with("/svc/testing"), "{}", answer.caller);
    // Nobody's call does not become the first service's own.
    let answer = client.get_probe(forward()).await.unwrap().into_inner();
    assert_eq!(answer.principal, "anonymous");
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

/// A service of somebody else's contract, which answers whatever comes.
#[derive(Clone)]
struct Foreign;

impl tonic::server::NamedService for Foreign {
    const NAME: &'static str = "foreign.v1.Service";
}

impl tower::Service<http::Request<Body>> for Foreign {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok(Status::ok("").into_http()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_of_others_is_closed_until_its_server_opens_it() {
    let folder = Folder::new();
    for (access, expected) in [
        (None, is(Code::PermissionDenied, "ACCESS_UNDECLARED")),
        (
            Some(Access::of(&[Role::Educator])),
            is(Code::PermissionDenied, "ROLE_MISSING"),
        ),
        (Some(Access::of(&[Role::Administrator])), is(Code::Ok, "")),
        (Some(Access::ANYONE), is(Code::Ok, "")),
    ] {
        let fabric = crate::scene::start(crate::scene::unannounced(&folder), PROBE);
        let mut server = Server::new(&fabric);
        if let Some(access) = access {
            server = server.allow(access);
        }
        let bound = server.add(Foreign).bind().await.unwrap();
        let address = bound.address();
        let serving = tokio::spawn(bound.serve(std::future::pending()));
        let ada = Raw::operator(&folder, address).await;
        let (_, status) = ada.call("/foreign.v1.Service/Method", &[], framed(&[])).await.unwrap();
        assert_eq!(told(&status), expected, "{access:?}");
        let (_, status) = ada.call("/nowhere.v1.Service/Method", &[], framed(&[])).await.unwrap();
        assert_eq!(status.code(), Code::Unimplemented, "what nobody serves");
        let (_, status) = ada
            .call("/grpc.health.v1.Health/Check", &[], framed(&[]))
            .await
            .unwrap();
        assert_eq!(status.code(), Code::Ok, "health is as ever");
        serving.abort();
    }
}
