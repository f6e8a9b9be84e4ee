//! The fabric against real things: a Consul agent for each test that needs one, real TLS, real sockets.
//!
//! One binary, so that it links once. Each test starts and ends what it needs; nothing is shared, no port is fixed.

mod arriving;
mod breaking;
mod calling;
mod choosing;
mod consul;
mod contract;
mod crossing;
mod crowding;
mod deadlines;
mod discovery;
mod draining;
mod dying;
mod events;
mod failing;
mod falling_back;
mod faults;
mod hedging;
mod idling;
mod load;
mod operating;
mod outage;
mod principals;
mod raw;
mod refusing;
mod registration;
mod reporting;
mod retrying;
mod rotating;
mod scene;
mod shedding;
mod starting;
mod storage;
mod streaming;
mod validating;
