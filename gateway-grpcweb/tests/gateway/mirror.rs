//! A service that no contract knows, written against HTTP itself: it shows what reached it, and breaks on demand.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;

use crate::browser::frame;

/// `mirror.v1.MirrorService`.
#[derive(Clone, Debug)]
pub(crate) struct Mirror;

impl NamedService for Mirror {
    const NAME: &'static str = "mirror.v1.MirrorService";
}

impl tower::Service<Request<Body>> for Mirror {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(answer(request).await) })
    }
}

type Piece = Result<Frame<Bytes>, Status>;

async fn answer(request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let method = parts.uri.path().rsplit('/').next().unwrap().to_owned();
    let good = trailers(&[("grpc-status", "0"), ("x-end", "done")]);
    let mut response = match method.as_str() {
        // What was sent, frame by frame as it came.
        "Echo" => {
            let Ok(collected) = body.collect().await else {
                return failed("3");
            };
            pieces(vec![Ok(Frame::data(collected.to_bytes())), good])
        }
        // The headers that arrived.
        "Headers" => {
            let mut seen = String::new();
            for (name, value) in &parts.headers {
                seen.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
            }
            pieces(vec![Ok(Frame::data(frame(seen.as_bytes()))), good])
        }
        // An error with metadata of its own, in the headers alone.
        "Fail" => {
            let mut response = failed("9");
            let headers = response.headers_mut();
            headers.insert("x-cost", HeaderValue::from_static("3"));
            headers.insert("x-trace-bin", HeaderValue::from_static("AQID"));
            headers.insert(
                "access-control-allow-origin",
                HeaderValue::from_static("https://evil.example"),
            );
            response
        }
        // One whole message, then half of one, then the end: a reset could overtake the message.
        "Break" => pieces(vec![
            Ok(Frame::data(frame(b"whole"))),
            Ok(Frame::data(frame(b"not whole").slice(..8))),
        ]),
        // A reset before any message.
        "Reset" => pieces(vec![Err(Status::internal("broken on demand"))]),
        // A message too large to be held back, broken in the middle.
        "BreakLarge" => pieces(vec![Ok(Frame::data(frame(&[b'x'; 500_000]).slice(..100_000)))]),
        // Never.
        "Hang" => std::future::pending().await,
        // Messages of growing size.
        "Grow" => pieces(
            (0..40_usize)
                .map(|size| Ok(Frame::data(frame(&vec![b'g'; size * size * 50]))))
                .chain([good])
                .collect(),
        ),
        // Not gRPC at all.
        "Html" => {
            let mut response = pieces(vec![Ok(Frame::data(Bytes::from_static(b"<html>")))]);
            *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            return response;
        }
        _ => return failed("12"),
    };
    response
        .headers_mut()
        .insert("x-begin", HeaderValue::from_static("begun"));
    response
}

fn pieces(pieces: Vec<Piece>) -> Response<Body> {
    let body = StreamBody::new(Pieces(pieces.into_iter()));
    let mut response = Response::new(Body::new(body));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
    response
}

fn failed(code: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static(code));
    headers.insert("grpc-message", HeaderValue::from_static("as%20told"));
    response
}

fn trailers(pairs: &[(&'static str, &'static str)]) -> Piece {
    let map: HeaderMap = pairs
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    Ok(Frame::trailers(map))
}

struct Pieces(std::vec::IntoIter<Piece>);

impl futures_core::Stream for Pieces {
    type Item = Piece;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Piece>> {
        Poll::Ready(self.0.next())
    }
}
