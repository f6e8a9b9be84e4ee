//! The binary from outside: a real `lyceum up` on ports of its own, called as browsers and operators call it.
//!
//! Every test starts what it needs in a folder of its own and ends it by process id; nothing is shared, so all run side
//! by side. What a test waits for is a condition, never a time.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod browser;
mod callers;
mod calling;
mod credentials;
mod faults;
mod inspecting;
mod leaving;
mod operating;
mod policies;
mod running;
mod securing;
mod tracing;
