//! The edge of the fabric: browsers' grpc-web calls become gRPC calls over mutual TLS, and the page is served.
//!
//! ```text
//! browser ─▶ connection ─▶ edge ─┬─▶ cors        may this site ask, and read the answer?
//!  HTTP/1.1    limits            ├─▶ call ──▶ route ──▶ request ──▶ fabric client ──▶ response ──▶ browser
//!  or h2c                        │            methods   frames,                       trailers as
//!                                │            from      base64,                       a frame, a
//!                                │            Consul    limits                        status always
//!                                ├─▶ report      /gateway/health, /gateway/services, /gateway/metrics
//!                                └─▶ page        the built page
//! ```
//!
//! 1. **Bytes, not messages.** Nothing is decoded: the only frame that is made here is the one of the trailers. A new
//!    service needs no new gateway; its instances announce their methods in Consul.
//! 2. **Always a status.** Whatever goes wrong, with the body, the route, the time or the service, a browser's client
//!    gets HTTP 200, a gRPC status with a stable reason, and the headers that let a script read it.
//! 3. **Its own clock.** The gateway answers DEADLINE_EXCEEDED itself, and a browser that leaves ends the call upstream.
//! 4. **Outside is outside.** Who is asking is not taken from a header, what tells who somebody is goes no further, and
//!    everything that a stranger can hold has a limit.
//!
//! ```no_run
//! # async fn example(fabric: lyceum::Fabric, ctrl_c: impl Future<Output = ()>) -> Result<(), lyceum_gateway_grpcweb::Error> {
//! use lyceum_gateway_grpcweb::Gateway;
//!
//! Gateway::new(&fabric).run(ctrl_c).await
//! # }
//! ```
//!
//! When not: services call each other directly; native gRPC clients call services with a certificate of their own.
//! Source: `PROTOCOL-WEB.md` in grpc/grpc, and the issues that users of other gateways filed.

mod access;
mod authentication;
mod batch;
mod call;
mod compression;
mod connect;
mod connection;
mod cors;
mod deadline;
mod edge;
mod frames;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod graphql;
mod guard;
mod headers;
mod host;
mod http3;
mod hygiene;
mod invoke;
mod journal;
mod json;
mod live;
mod mcp;
#[allow(dead_code, reason = "the fronts that deal in messages come next")]
mod messages;
mod metrics;
mod native;
mod openapi;
mod own;
mod pace;
mod page;
mod peer;
mod port;
mod protocol;
mod quota;
mod record;
mod refusal;
mod report;
mod request;
mod response;
mod route;
mod schema;
mod server;
mod status;
mod text;
mod tls;
mod versions;
mod watch;
mod websocket;

pub use authentication::{Error as AuthenticationError, development, keys};
pub use server::{Bound, Error, Gateway};
