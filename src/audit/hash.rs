//! The hashes of the tree: SHA-256, with a first byte that tells a leaf from a node (RFC 6962, 2.1).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256, digest};

/// A hash of a leaf, a node or a whole tree; public, so it may be printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; Hash::SIZE]);

impl Hash {
    /// How many bytes one has.
    pub const SIZE: usize = 32;
    const LEAF: u8 = 0;
    const NODE: u8 = 1;

    /// A hash that was kept or sent.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }

    /// That of an entry.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        Self::of(&[&[Self::LEAF], entry])
    }

    /// That of a node over two others.
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        Self::of(&[&[Self::NODE], &left.0, &right.0])
    }

    /// That of a tree without leaves.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(&[])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self(sized(context.finish().as_ref()))
    }

    /// As a checkpoint has it.
    pub(super) fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    pub(super) fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// The first four bytes of a plain SHA-256.
pub(super) fn short(bytes: &[u8]) -> [u8; 4] {
    let whole: [u8; Hash::SIZE] = sized(digest(&SHA256, bytes).as_ref());
    [whole[0], whole[1], whole[2], whole[3]]
}

/// SHA-256 always gives 32 bytes.
fn sized(digest: &[u8]) -> [u8; Hash::SIZE] {
    let mut bytes = [0; Hash::SIZE];
    bytes.copy_from_slice(digest);
    bytes
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}
