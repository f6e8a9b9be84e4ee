//! gRPC's codes as HTTP's: one table for every front that answers with an HTTP status.
//!
//! **When not.** grpc-web and streams answer 200 and tell the code inside. **Source.** google/rpc/code.proto, which is
//! also what the Connect protocol says.

use http::StatusCode;
use tonic::Code;

/// The HTTP status of a code.
pub(crate) fn http(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        // Of nobody's standard, but what everybody uses for a caller who left.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal | Code::Unknown | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_one_in_http() {
        for number in 1..=16 {
            let status = http(Code::from(number));
            assert!(status.is_client_error() || status.is_server_error(), "{number}");
        }
        assert_eq!(http(Code::Cancelled).as_u16(), 499);
        assert_eq!(http(Code::Ok), StatusCode::OK);
    }
}
