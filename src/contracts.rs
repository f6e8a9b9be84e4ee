//! The contracts: every message, client and server generated from `proto/`, one module a package.
//!
//! `lyceum.writing_analysis.v1` is [`writing_analysis::v1`]. Beside prost's and tonic's code stand the input rules
//! ([`Validate`]) and whose data a request names ([`Concerns`]), both enforced by [`Codec`] before a handler runs; the table of [`METHODS`], and the descriptor set that
//! reflection serves. The fabric never looks into a message; only the codec does.

mod codec;
mod rules;
mod subjects;

pub use codec::Codec;
pub use rules::{Validate, Violations};
pub use subjects::{Concerns, Named};

#[expect(
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::all,
    reason = "generated from the contracts, whose comments stand in proto/"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/modules.rs"));
}
pub use generated::lyceum::*;

use crate::principal::Access;

include!(concat!(env!("OUT_DIR"), "/contracts.rs"));

/// The largest message that the fabric's client sends or accepts, in bytes. Servers accept tonic's 4 MiB, into which a
/// text of a million characters of four bytes each fits.
pub const MESSAGE_LIMIT: usize = 8 * 1024 * 1024;

/// The encoded `FileDescriptorSet` of every contract and what it imports, with comments and options.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// What a caller must know of a method before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// `package.Service`.
    pub service: &'static str,
    /// Whether the contract's `idempotency_level` lets it be sent twice.
    pub idempotent: bool,
    /// Whether the caller streams.
    pub client_streaming: bool,
    /// Whether the callee streams.
    pub server_streaming: bool,
    /// Who may call it.
    pub access: Access,
}

/// Where in [`METHODS`] the method of a path such as
/// `/lyceum.writing_analysis.v1.WritingAnalysisService/AnalyzeWriting` stands.
#[must_use]
pub fn method_index(path: &str) -> Option<usize> {
    METHODS.binary_search_by(|method| method.path.cmp(path)).ok()
}
