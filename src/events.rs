//! Events: what happened at one service, told to others without losing or doubling any of it.
//!
//! ```text
//! publisher                                              consumer
//! begin ▸ change ▸ append ▸ commit ─▶ outbox ─follow──▶ begin ▸ cursor ▸ handle ▸ commit
//!          (one transaction)              (mutual TLS)        (one transaction)
//! ```
//!
//! **What.** [`Outbox::append`] writes an event in the transaction that changes the state, so that there is never one
//! without the other. The publisher serves its outbox ([`Outbox::service`], `lyceum.events.v1`); a consumer follows it
//! ([`consume`]) and keeps in its own database how far it has come, in the transaction in which it deals with the event:
//! an event that comes again after a crash is one that was never dealt with. What cannot be dealt with is put aside with
//! a reason ([`dead`]), and the rest goes on.
//!
//! **Order.** Of one subject, as it happened; positions are given out one after the other, so a reader never passes over
//! one that is still being written.
//!
//! **When not.** For questions, call the service. For what must be known before an answer is given, too.
//!
//! **Source.** CloudEvents 1.0; the transactional outbox (Richardson, "Microservices Patterns", 3.3); idempotent consumer.

mod consumer;
pub mod dead;
mod outbox;
mod service;

pub use consumer::{Consumer, Consuming, Failure, consume};
pub use outbox::{New, Outbox};
pub use service::Following;

pub use crate::contracts::events::v1::Event;
