//! On whose behalf: who may call what, and whose data they may name.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod tokens;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{self, Poll};

use lyceum::Fabric;
use lyceum::client::{Channel, Contract as _};
use lyceum::context;
use lyceum::contracts::testing::v1::records_service_client::RecordsServiceClient;
use lyceum::contracts::testing::v1::records_service_server::{RecordsService, RecordsServiceServer};
use lyceum::contracts::testing::v1::{
    AddRecordsRequest, AddRecordsResponse, DeleteRecordsRequest, DeleteRecordsResponse, GetProbeRequest,
    GetRecordRequest, GetRecordResponse, ListRecordsRequest, ListRecordsResponse, Membership,
};
use lyceum::principal::{Access, Principal, Role, Signer};
use lyceum::serving::Server;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::wait_for;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::raw::{Raw, framed};
use crate::scene::{PROBE, Scene, client, on_behalf, reason};

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
