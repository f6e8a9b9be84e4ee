//! A service made of bare HTTP/2 over mutual TLS: it reflects what it likes, and breaks off when it likes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use lyceum::Fabric;
use lyceum::serving::Presence;
use prost::Message as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Status, Streaming};
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;
use tonic_reflection::pb::v1::server_reflection_server::{ServerReflection, ServerReflectionServer};
use tonic_reflection::pb::v1::{FileDescriptorResponse, ServerReflectionRequest, ServerReflectionResponse};
use tower::ServiceExt as _;

use crate::browser::frame;
use crate::stage::Stage;

/// What the breaking service is called.
pub(crate) const BREAKING: &str = "breaking.v1.BreakingService";

/// A service that is announced; gone with this.
pub(crate) struct Stranger {
    _presence: Presence,
    breaks: Arc<Notify>,
    serving: tokio::task::JoinHandle<()>,
}

impl Stranger {
    /// Serves as `name` in Consul, announces `services`, and answers with what `routes` has.
    async fn serve(stage: &Stage, name: &str, services: &[&str], routes: Routes) -> Self {
        let fabric = Fabric::start(stage.configuration(), name).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let names = services.iter().map(|name| (*name).to_owned()).collect();
        let presence = Presence::announce(&fabric, listener.local_addr().unwrap(), names, Vec::new());
        let acceptor = TlsAcceptor::from(fabric.identity().material().server());
        let service = TowerToHyperService::new(
            routes
                .prepare()
                .map_request(|request: Request<_>| request.map(Body::new)),
        );
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, service) = (acceptor.clone(), service.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        drop(http2.serve_connection(TokioIo::new(stream), service).await);
                    }
                });
            }
        });
        Self {
            _presence: presence,
            breaks: Arc::default(),
            serving,
        }
    }

    /// Resets the stream whose first message has arrived.
    pub(crate) fn break_off(&self) {
        self.breaks.notify_one();
    }

    /// One that tells its types honestly and resets each of its streams.
    pub(crate) async fn breaking(stage: &Stage) -> Self {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_file_descriptor_set(FileDescriptorSet { file: vec![contract()] })
            .build_v1()
            .unwrap();
        let breaks = Arc::new(Notify::new());
        let routes = Routes::new(reflection).add_service(Breaking(Arc::clone(&breaks)));
        let mut breaking = Self::serve(stage, "breaking", &[BREAKING], routes).await;
        breaking.breaks = breaks;
        breaking
    }

    /// One that answers every question about its types with this `FileDescriptorSet`.
    pub(crate) async fn lying(stage: &Stage, name: &str, services: &[&str], set: &'static [u8]) -> Self {
        let routes = Routes::new(ServerReflectionServer::new(Lying(set)));
        Self::serve(stage, name, services, routes).await
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// `rpc Get(Piece) returns (Piece); rpc Watch(Piece) returns (stream Piece);`
fn contract() -> FileDescriptorProto {
    let text = |text: &str| Some(text.to_owned());
    let piece = ".breaking.v1.Piece";
    let method = |name, streams| MethodDescriptorProto {
        name: text(name),
        input_type: text(piece),
        output_type: text(piece),
        server_streaming: Some(streams),
        ..Default::default()
    };
    FileDescriptorProto {
        name: text("breaking.proto"),
        package: text("breaking.v1"),
        syntax: text("proto3"),
        message_type: vec![DescriptorProto {
            name: text("Piece"),
            field: vec![FieldDescriptorProto {
                name: text("number"),
                number: Some(1),
                label: Some(1),
                r#type: Some(13),
                ..Default::default()
            }],
            ..Default::default()
        }],
        service: vec![ServiceDescriptorProto {
            name: text("BreakingService"),
            method: vec![method("Get", false), method("Watch", true)],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Begins each answer, and resets it: `Get` before its message, `Watch` behind its first, when it is told to.
#[derive(Clone, Debug)]
struct Breaking(Arc<Notify>);

impl NamedService for Breaking {
    const NAME: &'static str = BREAKING;
}

impl tower::Service<Request<Body>> for Breaking {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let piece = Frame::data(frame(&[8, 1]));
        let first = request.uri().path().ends_with("/Watch").then_some(piece);
        let breaks = first.is_some().then(|| Arc::clone(&self.0));
        let broken = stream::once(async move {
            if let Some(breaks) = breaks {
                breaks.notified().await;
            }
            Err(Status::internal("broken on demand"))
        });
        let body = Body::new(StreamBody::new(stream::iter(first.map(Ok)).chain(broken)));
        let mut response = Response::new(body);
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
        std::future::ready(Ok(response))
    }
}

#[derive(Clone, Debug)]
struct Lying(&'static [u8]);

/// A `FileDescriptorSet` whose files stay bytes.
#[derive(Clone, PartialEq, prost::Message)]
struct Set {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

type Answers = Pin<Box<dyn futures_core::Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ServerReflection for Lying {
    type ServerReflectionInfoStream = Answers;

    async fn server_reflection_info(
        &self,
        asked: tonic::Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<tonic::Response<Answers>, Status> {
        let files = Set::decode(self.0).unwrap().files;
        let answers = asked.into_inner().map(move |_| {
            Ok(ServerReflectionResponse {
                message_response: Some(Told::FileDescriptorResponse(FileDescriptorResponse {
                    file_descriptor_proto: files.clone(),
                })),
                ..Default::default()
            })
        });
        Ok(tonic::Response::new(Box::pin(answers)))
    }
}
