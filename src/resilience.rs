//! Resilience: what a caller does when a call fails, is late, or need not be made at all.
//!
//! **What.** Six parts, each pure: [`budget`] (how much may be sent twice), [`breaker`] (when a method is left alone),
//! [`latency`] and [`hedging`] (when a second instance is asked too), [`pushback`] (whether and when to try again),
//! [`deadline`] (what time is left, and whether it is enough), [`fallback`] (what stands in for an answer). The client
//! puts them in order around its attempts; their settings are the [`policy`](crate::policy).
//!
//! **Why.** Each keeps a fault from growing: a retry must not become a storm, a slow instance not a slow service, a dead
//! callee not a queue of waiting callers. None takes a lock or reads a clock on the way of a call: time is the caller's
//! [`Micros`](crate::balancing::Micros), so that tests and the simulator run the same code.
//!
//! **When not.** To judge one instance: that is balancing, which ejects it. What is here looks at a method or a callee as
//! a whole, whatever the instance.
//!
//! **Source.** Google, "Site Reliability Engineering", chapters 21 and 22; gRPC A6 (retries, hedging, pushback); Nygard,
//! "Release It!" (circuit breaker); Dean and Barroso, "The Tail at Scale" (2013). tower's layers were looked at first:
//! where one was right in meaning but not on this path, the part's own first lines say why.

pub mod breaker;
pub mod budget;
pub mod deadline;
pub mod fallback;
pub mod hedging;
pub mod latency;
pub mod pushback;
