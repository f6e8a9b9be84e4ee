//! Work that computes rather than waits: here when it is short, on a thread of its own when it is long.
//!
//! A runtime's thread that computes for long answers nobody else: heartbeats stop, and healthy instances look dead.
//! Short work is cheaper where it is. When not: work that waits is async. Source: tokio's documentation of
//! `spawn_blocking`.

use tonic::{Code, Status};

use crate::error::Error;

/// Up to so many bytes of text, a rule takes well under a millisecond and runs where it is.
pub const SHORT_TEXT: usize = 20_000;

/// Runs `work` on `size` bytes of text.
///
/// # Errors
/// What `work` says; INTERNAL when it panicked.
pub async fn compute<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    if size <= SHORT_TEXT {
        return work();
    }
    // A failed join is a panic or a runtime that shuts down; its message could hold text, so it is not passed on.
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Error::new(Code::Internal, "INTERNAL", "the service made a mistake").into()))
}
