//! What tests of the fabric and of its services start and wait for. Only with the feature `testing`.
//!
//! Every dependency is real and belongs to the test that started it: its own ports, chosen at run time, its own data,
//! and gone when the test ends, however it ends.

pub mod consul;
pub mod load;
pub mod postgres;
pub mod probe;
pub mod process;
pub mod proxy;
mod wait;

pub use wait::{wait_for, wait_until};
