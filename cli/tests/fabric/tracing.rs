//! Traces: one call of a browser's, seen by a collector as one tree across the gateway and two services.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::contracts::ai_validator::v1::{DecideAccessRequest, DecideAccessResponse, WritingStage};
use lyceum::testing::wait_for;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::running::Up;

const DECIDE: &str = "lyceum.ai_validator.v1.EducationalAiValidatorService/DecideAccess";
const REFLECTION: &str =
    "I was sure that I was right. Then I heard her story, and I felt ashamed. Next time I will ask.";

/// What a collector was sent.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Sent>>);

#[derive(Default)]
struct Sent {
    /// Every span with its service.
    spans: Vec<(String, Span)>,
    /// Every byte.
    bytes: Vec<u8>,
}

impl Collected {
    fn add(&self, body: &[u8]) {
        // A gRPC frame: a flag, a length, the message.
        let request = ExportTraceServiceRequest::decode(&body[5..]).unwrap();
        let mut collected = self.0.lock().unwrap();
        collected.bytes.extend_from_slice(body);
        for resource in request.resource_spans {
            let service = resource
                .resource
                .iter()
                .flat_map(|resource| &resource.attributes)
                .find(|attribute| attribute.key == "service.name")
                .map(|attribute| format!("{:?}", attribute.value))
                .unwrap_or_default();
            for scope in resource.scope_spans {
                collected
                    .spans
                    .extend(scope.spans.into_iter().map(|span| (service.clone(), span)));
            }
        }
    }

    /// The span of that name in the service of that name, below the parent.
    fn span(&self, service: &str, name: &str, parent: Option<&Span>) -> Option<Span> {
        let collected = self.0.lock().unwrap();
        let fits = |(of, span): &&(String, Span)| {
            of.contains(service)
                && span.name == name
                && parent.is_none_or(|parent| span.parent_span_id == parent.span_id && span.trace_id == parent.trace_id)
        };
        collected.spans.iter().find(fits).map(|(_, span)| span.clone())
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }
}

/// A collector that takes everything.
async fn collector() -> (SocketAddr, Collected) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let collected = Collected::default();
    let kept = collected.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = kept.clone();
            let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
                let kept = kept.clone();
                async move {
                    kept.add(&request.into_body().collect().await.unwrap().to_bytes());
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", HeaderValue::from_static("0"));
                    let body = Full::new(Bytes::from_static(&[0; 5]))
                        .with_trailers(std::future::ready(Some(Ok::<_, Infallible>(trailers))))
                        .map_frame(|frame: Frame<Bytes>| frame);
                    let mut response = Response::new(body);
                    response
                        .headers_mut()
                        .insert("content-type", HeaderValue::from_static("application/grpc"));
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), answer),
            );
        }
    });
    (address, collected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_sees_one_tree_and_no_text() {
    let (address, collected) = collector().await;
    let up = Up::start(&["--set", &format!("telemetry.otlp=http://{address}")]).await;
    let request = DecideAccessRequest {
        reflection: REFLECTION.to_owned(),
        stage: WritingStage::Draft.into(),
        ..Default::default()
    };
    let browser = Browser::signed_in(&up);
    let reply: DecideAccessResponse = browser.call(DECIDE, &request).await.unwrap();
    assert!(reply.reflection_depth > 0.0);

    // From the last hop up to the browser's: each is the child of the one before.
    let tree = || {
        let asked = collected.span("ai-validator", "rpc.client", None)?;
        let answered = collected.span("writing-analysis", "rpc.server", Some(&asked))?;
        let all = collected.0.lock().unwrap().spans.clone();
        let above = |span: &Span| {
            all.iter()
                .find(|(_, other)| other.span_id == span.parent_span_id)
                .cloned()
        };
        let (validator, server) = above(&asked)?;
        let (gateway, client) = above(&server)?;
        Some((answered, validator, server, gateway, client))
    };
    wait_for("the whole tree at the collector", async || tree().is_some()).await;
    let (answered, validator, server, gateway, client) = tree().unwrap();
    assert!(
        validator.contains("ai-validator") && server.name == "rpc.server",
        "{validator} {}",
        server.name
    );
    assert!(
        gateway.contains("gateway") && client.name == "rpc.client",
        "{gateway} {}",
        client.name
    );
    assert_eq!(answered.trace_id, client.trace_id);

    up.stop().await;
    let sent = collected.bytes();
    for words in ["I was sure", "ashamed", "ask first"] {
        assert!(
            !sent.windows(words.len()).any(|window| window == words.as_bytes()),
            "{words}"
        );
    }
}
