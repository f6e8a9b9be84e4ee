//! Hashes that mean the same in every process and build: what subsets and affinity agree by.
//!
//! FNV-1a over the bytes, finished as SplitMix64 does, because FNV alone leaves similar names close together.
//! When not: against somebody who may choose the text in order to make collisions; instance ids come from Consul.
//! Source: Fowler, Noll, Vo (RFC 9923); Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).

/// The hash of a text: a request's affinity key, an instance's id.
#[must_use]
pub fn hash(text: &[u8]) -> u64 {
    let sum = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(sum)
}

/// Two hashes as one.
pub(super) fn pair(one: u64, other: u64) -> u64 {
    mix(one ^ mix(other).rotate_left(32))
}

/// Spreads a number over all bits.
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
