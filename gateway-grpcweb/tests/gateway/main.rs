//! The gateway between a raw HTTP client and real services behind a real Consul, over mutual TLS.
//!
//! One binary, so that it links once. Each test starts and ends what it needs; nothing is shared, no port is fixed.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod authentication;
mod batch;
mod browser;
mod calls;
mod compression;
mod connect;
mod credentials;
mod documents;
mod faults;
mod graphql;
mod hostile;
mod http3;
mod hygiene;
mod issuer;
mod json;
mod limits;
mod mcp;
mod mirror;
mod native;
mod openapi;
mod restarting;
mod rights;
mod routing;
mod seeing;
mod stage;
mod stranger;
mod tls;
mod traps;
mod upstreams;
mod versions;
mod websocket;
