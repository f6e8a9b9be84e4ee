//! The edge of the fabric: whatever callers speak becomes a gRPC call over mutual TLS, by one set of rules.
//!
//! ```text
//! caller ─▶ connection ─▶ edge ─┬─▶ call         grpc-web, gRPC: bytes pass         ┐
//!  HTTP/1, 2, 3   limits        ├─▶ websocket    both ways for browsers             │            guard: who, whether, how often
//!  with TLS or                  ├─▶ connect      Connect                            ├─▶ invoke ─▶ route: methods from Consul
//!  without                      ├─▶ json         REST, OpenAPI        types from    │            deadline, headers, trace
//!                               ├─▶ graphql      GraphQL              schema: the   │            fabric client
//!                               ├─▶ batch        calls in one         services'     │            messages or bytes back
//!                               ├─▶ mcp          tools for agents     reflection    ┘
//!                               ├─▶ authentication   /gateway/session
//!                               ├─▶ report       /gateway/health, services, calls, metrics
//!                               └─▶ page         the built page
//! ```
//!
//! 1. **One way of a call.** A front translates and nothing else; who may call what, how often, how long and how it is
//!    recorded is decided in one place, so that no protocol is a way around a rule.
//! 2. **Bytes where bytes will do.** grpc-web, gRPC, WebSocket and Connect's Protobuf pass unread. Fronts that must read
//!    messages learn the types from the services, so a new service needs no new gateway.
//! 3. **Always a status.** Whatever goes wrong, with the body, the route, the time or the service, a caller gets a gRPC
//!    status with a stable reason in its own tongue, and the headers that let a script read it.
//! 4. **Its own clock.** The gateway answers DEADLINE_EXCEEDED itself, and a caller that leaves ends the call upstream.
//! 5. **Outside is outside.** Who is asking is proved, never told; what tells who somebody is goes no further; everything
//!    that a stranger can hold has a limit.
//!
//! ```no_run
//! # async fn example(fabric: lyceum::Fabric, ctrl_c: impl Future<Output = ()>) -> Result<(), lyceum_gateway_grpcweb::Error> {
//! use lyceum_gateway_grpcweb::Gateway;
//!
//! Gateway::new(&fabric).run(ctrl_c).await
//! # }
//! ```
//!
//! When not: services call each other directly, without it.
//! Source: `PROTOCOL-WEB.md` in grpc/grpc, the specifications that each front names, and the issues that users of other
//! gateways filed.

mod access;
mod arriving;
mod authentication;
mod batch;
#[cfg(feature = "benching")]
pub mod benching;
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
mod rights;
mod route;
mod schema;
mod server;
mod status;
mod text;
mod tls;
mod upstreams;
mod versions;
mod visit;
mod watch;
mod websocket;

pub use authentication::{Error as AuthenticationError, development, keys};
pub use server::{Bound, Error, Gateway};
