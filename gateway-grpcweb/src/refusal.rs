//! Answers that are no service's: a status in the headers of an HTTP 200, in the form that the browser speaks.
//!
//! Why 200, whatever went wrong: a client's library reads the status, its reason and its details from there, and takes
//! any other answer, or a connection that is dropped, for a broken network. Source: `PROTOCOL-WEB.md` in grpc/grpc.

use http::{HeaderMap, Response};
use lyceum::error::Error as Refusal;
use tonic::{Code, Status};

use crate::response::Reply;

/// The response for a status; the content type is its front's.
pub(crate) fn response<B>(status: &Status) -> Response<Reply<B>> {
    let mut response = Response::new(Reply::Whole(bytes::Bytes::new()));
    let headers: &mut HeaderMap = response.headers_mut();
    // Fails only for metadata that is no header; the code is written before.
    let _ = status.add_header(headers);
    response
}

/// No instance ever announced the service.
pub(crate) fn unknown_method() -> Refusal {
    Refusal::new(
        Code::Unimplemented,
        "METHOD_UNKNOWN",
        "no service that is registered here has this method",
    )
}

/// Consul has not answered yet.
pub(crate) fn not_ready() -> Refusal {
    Refusal::unavailable("GATEWAY_STARTING", "the gateway does not know the services yet")
        .with_retry_after(std::time::Duration::from_secs(1))
}

/// A gRPC that is neither native nor grpc-web with Protobuf.
pub(crate) fn unknown_format() -> Refusal {
    Refusal::new(
        Code::Unimplemented,
        "FORMAT_UNKNOWN",
        "the gateway speaks grpc-web and grpc-web-text with Protobuf, and gRPC itself over HTTP/2",
    )
}

/// A body in a coding that is not known here.
pub(crate) fn unknown_encoding() -> Refusal {
    Refusal::new(
        Code::Unimplemented,
        "ENCODING_UNKNOWN",
        "the body may have one content-encoding: gzip, br or zstd",
    )
}

/// A native call over HTTP/1.1, which has no trailers that clients would read.
pub(crate) fn not_http2() -> Refusal {
    Refusal::new(
        Code::Unimplemented,
        "HTTP2_NEEDED",
        "gRPC needs HTTP/2; over HTTP/1.1 speak grpc-web",
    )
}

/// A call that is no POST.
pub(crate) fn not_post() -> Refusal {
    Refusal::new(Code::Unimplemented, "METHOD_NOT_POST", "calls are made with POST")
}

/// A deadline that cannot be read.
pub(crate) fn broken_timeout(error: crate::deadline::Error) -> Refusal {
    Refusal::invalid_argument("TIMEOUT_INVALID", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_status_and_http_200() {
        let response = response::<()>(&Status::from(unknown_method()));
        assert_eq!(response.status(), http::StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], "12");
        assert!(response.headers()["grpc-message"].to_str().unwrap().contains("%20"));
        assert!(response.headers().contains_key("grpc-status-details-bin"));
    }
}
