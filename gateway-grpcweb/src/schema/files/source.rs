//! What is kept of a file's source information: the comments that are told, and nothing else.
//!
//! **Why.** Where each name, type and number stood in a `.proto` is most of what a service reflects, and a pool of types
//! keeps all of it, twice. The gateway tells comments alone; those of the files that only describe rules and paths
//! (`buf.validate`, `google.api`) are longer than all of ours and told nowhere. **When not.** Whoever compiles a contract
//! takes its `.proto`. **Source.** `descriptor.proto`, `SourceCodeInfo`; "Encoding" of the Protocol Buffers guide.

use bytes::Bytes;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};
use prost::{DecodeError, Message as _};
use prost_types::source_code_info::Location;

/// `FileDescriptorProto.source_code_info`.
const SOURCE: u32 = 9;
/// `SourceCodeInfo.location`.
const LOCATION: u32 = 1;

/// As much of a file as says whether its comments are told.
#[derive(Clone, PartialEq, prost::Message)]
struct Head {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    package: String,
}

/// The file without the places that have no comment, or without any.
///
/// The other fields are copied as they stand: to decode them would lose options that are extensions. Places are decoded
/// one by one: a list of them is twenty times what it is in the file.
pub(super) fn slimmed(file: &[u8]) -> Result<Bytes, DecodeError> {
    let head = Head::decode(file)?;
    let told = is_told(&head.package, &head.name);
    let mut slim = Vec::with_capacity(file.len() / 2);
    let mut places = Vec::new();
    for field in Fields(file) {
        let (tag, field, value) = field?;
        match tag {
            SOURCE if told => comments(value, &mut places)?,
            SOURCE => {}
            _ => slim.extend_from_slice(field),
        }
    }
    if !places.is_empty() {
        encode_key(SOURCE, WireType::LengthDelimited, &mut slim);
        encode_varint(places.len() as u64, &mut slim);
        slim.extend_from_slice(&places);
    }
    slim.shrink_to_fit();
    Ok(slim.into())
}

/// Adds the places of an encoded `SourceCodeInfo`, length first, that have a comment.
fn comments(mut source: &[u8], places: &mut Vec<u8>) -> Result<(), DecodeError> {
    decode_varint(&mut source)?;
    for field in Fields(source) {
        let (tag, _, value) = field?;
        if tag != LOCATION {
            continue;
        }
        let mut place = Location::decode_length_delimited(value)?;
        place.leading_detached_comments.clear();
        // The second is told where there is no first.
        if place.leading_comments.is_some() || place.trailing_comments.is_some() {
            encode_key(LOCATION, WireType::LengthDelimited, places);
            places.extend(place.encode_length_delimited_to_vec());
        }
    }
    Ok(())
}

/// The fields of an encoded message: number, all of it, and its value.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, &'a [u8], &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| {
            let field = std::mem::take(&mut self.0);
            let mut rest = field;
            let (tag, wire) = decode_key(&mut rest)?;
            let value = rest;
            skip_field(wire, tag, &mut rest, DecodeContext::default())?;
            self.0 = rest;
            let behind = rest.len();
            Ok((tag, &field[..field.len() - behind], &value[..value.len() - behind]))
        })
    }
}

/// Whether a file's comments may be told: not of what only says how others are to be read.
fn is_told(package: &str, name: &str) -> bool {
    match package {
        "buf.validate" => false,
        // A body as it is: the one of them that methods take and answer.
        "google.api" => name.ends_with("/httpbody.proto"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use prost_types::{FileDescriptorProto, FileDescriptorSet};

    use super::*;

    /// Every place that has comments.
    fn comments(file: &FileDescriptorProto) -> Vec<(Vec<i32>, Option<String>, Option<String>)> {
        let source = file.source_code_info.clone().unwrap_or_default();
        let places = source.location.into_iter();
        places
            .map(|place| (place.path, place.leading_comments, place.trailing_comments))
            .filter(|(_, leading, trailing)| leading.is_some() || trailing.is_some())
            .collect()
    }

    #[test]
    fn comments_stay_and_places_go() {
        let set = FileDescriptorSet::decode(lyceum::contracts::DESCRIPTORS).unwrap();
        let (mut commented, mut silenced) = (0, 0);
        for file in &set.file {
            let slim = FileDescriptorProto::decode(slimmed(&file.encode_to_vec()).unwrap()).unwrap();
            let bare = |file: &FileDescriptorProto| FileDescriptorProto {
                source_code_info: None,
                ..file.clone()
            };
            assert_eq!(bare(&slim), bare(file));
            if matches!(file.package(), "buf.validate" | "google.api") {
                assert_eq!(slim.source_code_info, None);
                silenced += comments(file).len();
                continue;
            }
            assert_eq!(comments(&slim), comments(file));
            let places = slim.source_code_info.unwrap_or_default().location;
            assert_eq!(places.len(), comments(file).len());
            commented += places.len();
        }
        assert!(commented > 100 && silenced > 100, "{commented} {silenced}");
    }

    #[test]
    fn what_ends_early_is_no_file() {
        for broken in [&[0x4a, 0x05, 0x0a][..], &[0x0a], &[0x4a, 0x02, 0x0a, 0x05]] {
            assert!(slimmed(broken).is_err(), "{broken:?}");
        }
    }
}
