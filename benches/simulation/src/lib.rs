//! A simulator of balancing: the fabric's own code beside models of its peers, on a virtual clock.
//!
//! 1. [`scene`] says what there is and what happens to it; [`case`](mod@case) has the scenes that are worth knowing.
//! 2. [`engine`] runs a scene event by event: calls arrive in a Poisson process, [`server`]s are queues, clients give
//!    up. A run is a function of the scene, the balancer and the seed, and gives the same figures on every machine.
//! 3. [`balancer`] has the fabric's `lyceum::balancing`, unchanged, and a model of each peer with its source. Where a
//!    case has retries, everybody's are paid from the fabric's `lyceum::resilience::budget`.
//! 4. [`measure`] counts; [`study`] runs cases on all processors and compares; [`chart`] draws.
//!
//! What it is for: seeing how an algorithm behaves in a case that would take a cluster and an hour, and changing it
//! with the answer seconds away. When not: it knows no CPU, no network and no TLS. What a call costs is measured by the
//! root package's benchmarks, and what really happens under faults by its tests.

pub mod balancer;
pub mod case;
pub mod chart;
pub mod distribution;
pub mod engine;
pub mod histogram;
pub mod measure;
pub mod scene;
pub mod server;
pub mod study;
