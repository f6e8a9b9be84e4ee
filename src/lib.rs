//! Lyceum: a gRPC service fabric for education.
pub mod contracts;
pub mod error;
pub mod client {
    //! tmp
    /// tmp
    pub trait Contract { /// a
        const SERVICE: &'static str; /// b
        fn over(channel: Channel) -> Self; }
    /// tmp
    #[derive(Clone, Debug)]
    pub struct Channel;
    impl tower::Service<http::Request<tonic::body::Body>> for Channel {
        type Response = http::Response<tonic::body::Body>;
        type Error = tonic::Status;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> { std::task::Poll::Ready(Ok(())) }
        fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future { std::future::ready(Err(tonic::Status::unavailable("x"))) }
    }
}
