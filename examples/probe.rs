//! The probe in a process of its own, for tests that are not written in Rust: `cargo run --features testing --example
//! probe`, then the flags of its configuration as one line of JSON (`lyceum::testing::process` tells the rest).

use lyceum::testing::process;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    process::serve("testing").await;
}
