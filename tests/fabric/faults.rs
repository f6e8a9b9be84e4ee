//! Proof under real faults: real servers, TLS and Consul, faults switched while calls run, every call counted.
//!
//! Load is open-loop ([`lyceum::testing::load`]): calls begin by the clock, as students do. Bars are counts and
//! shares, not times, because the machine that runs this is busy; where a time is asserted it is the bar of the
//! requirement itself, and the figures stand in docs/benchmarks.md, measured in release by `make bench-faults`.
//!
//! | fault | where | how |
//! |---|---|---|
//! | slow, failing fast, black-holed, flapping | [`instances`] | the instance's manner; the proxy |
//! | `kill -9`, SIGSTOP and SIGCONT, rolling restart | [`processes`] | processes of their own |
//! | GOAWAY with streams open, half-open, reset, late close | [`connections`] | connection age; the proxy |
//! | whole callee down and back, Consul out of reach, a server at its limit, failing all over | [`outages`] | the proxy |
//! | the clock jumps | [`clock`] | a time provider for TLS |
//! | the same address twice, IPv6, another identity, weights out of range | [`announcements`] | announcements |
//!
//! Why not turmoil: it simulates hosts in one thread and replaces `tokio::net`; under rustls, h2 and a Consul that is
//! a real process there is little left of what it makes deterministic, and every socket type would have to be generic
//! for its sake. What gains from determinism (picks, ejection, budgets, breakers, backoff) takes its time and its
//! randomness from the caller, and is tested in its own module on a virtual clock with seeds.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod announcements;
mod clock;
mod connections;
mod instances;
mod outages;
mod processes;
pub(crate) mod stage;
