//! Entries as bytes: the same entry is always the same bytes, and no other bytes are read as one.
//!
//! The leaf of an entry is over these bytes, so what is stored is the bytes themselves; the message is read out of them.
//! They are the contract's [`AuditEntry`] in Protobuf, fields in the order of their numbers, nothing unknown and nothing
//! longer than it needs be. Source: Protobuf's encoding guide, which promises no canonical form; this one is checked by
//! writing what was read once more.

use prost::Message as _;

use super::Error;
use crate::contracts::Violations;
use crate::contracts::privacy::v1::AuditEntry;

/// The longest entry, in bytes: 64 students of 128 characters, and the rest.
pub const ENTRY_LIMIT: usize = 16 * 1024;

/// The canonical bytes of an entry.
///
/// # Errors
/// [`Error::Entry`] where it breaks the contract's rules.
pub fn entry_bytes(entry: &AuditEntry) -> Result<Vec<u8>, Error> {
    check(entry)?;
    Ok(entry.encode_to_vec())
}

/// The entry of canonical bytes.
///
/// # Errors
/// [`Error::Entry`] for bytes that [`entry_bytes`] never writes.
pub fn read_entry(bytes: &[u8]) -> Result<AuditEntry, Error> {
    if bytes.len() > ENTRY_LIMIT {
        return Err(Error::Entry("it is longer than an entry may be"));
    }
    let entry = AuditEntry::decode(bytes).map_err(|_| Error::Entry("it is no message of its type"))?;
    if entry.encode_to_vec() != bytes {
        return Err(Error::Entry("it is not in canonical form"));
    }
    check(&entry)?;
    Ok(entry)
}

fn check(entry: &AuditEntry) -> Result<(), Error> {
    if entry
        .at
        .is_none_or(|at| at.seconds < 0 || !(0..1_000_000_000).contains(&at.nanos))
    {
        return Err(Error::Entry("it has no time, or one before 1970"));
    }
    if entry.students.iter().any(|student| student.len() > 128) {
        return Err(Error::Entry("a pseudonym is longer than 128 characters"));
    }
    if !entry.categories.is_sorted_by(|a, b| a < b) || entry.categories.iter().any(|one| !(1..=8).contains(one)) {
        return Err(Error::Entry("its categories are not in order"));
    }
    if Violations::of(entry).is_empty() && entry.encoded_len() <= ENTRY_LIMIT {
        Ok(())
    } else {
        Err(Error::Entry("a field breaks its rule"))
    }
}
