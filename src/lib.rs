//! Lyceum: a gRPC service fabric for education.
//!
//! Every educational capability is a Protobuf contract served by a tonic server that announces itself in Consul.
//! Services find each other there, speak over mutual TLS only, and balance their own calls by health. This crate is
//! the fabric and the generated contracts; a service depends on it alone.
//!
//! ```text
//! caller                                                          callee
//! ───────────────────────────────────────────────────────────────────────────────────────────────
//! generated client                                                handler (service.rs)
//!   ▼                                                               ▲
//! client    context ▸ deadline ▸ attempts ▸ pick ▸ connection      contracts  decode + input rules
//!   │                               ▲         ▲                     ▲
//!   │                          discovery   identity                serving    context, deadline, metrics
//!   │                               ▲      (certificates)           ▲         who may call (authorization)
//!   └───────── mutual TLS ──────────┼───────────────────────────────┘
//!                                 Consul ◀── registration (TTL heartbeat, weights, drain)
//! ```
//!
//! 1. **One way.** A service never knows where its callee lives; the gateway never knows a service's types.
//! 2. **Consul down is not us down.** The last known instances keep serving, and so do the certificates in hand.
//! 3. **Identity is proven, not claimed.** Each side demands the other's SPIFFE identity in the handshake.
//! 4. **Privacy travels.** Consent and purpose are part of the [`context`]; student text never reaches telemetry.
//!
//! Begin with [`Fabric`]: it holds what one process needs, makes clients, and serves.

pub mod audit;
pub mod authorization;
pub mod balancing;
pub mod batching;
pub mod client;
pub mod configuration;
pub mod consul;
pub mod context;
pub mod contracts;
pub mod discovery;
pub mod error;
pub mod events;
mod fabric;
pub mod flow;
pub mod identity;
pub mod load_report;
pub mod policy;
pub mod principal;
pub mod privacy;
pub mod registration;
pub mod resilience;
pub mod secret;
pub mod serving;
pub mod storage;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use fabric::{Error, Fabric, consul_settings};
