//! A message between JSON and bytes, by Protobuf's JSON mapping.
//!
//! **What.** [`to_bytes`] and [`to_json`] for a whole message; [`read`] and [`write`] for who looks into it in between.
//! What is wrong with JSON is told by field, as `paragraphs[2].start`, and never by the value that stood there.
//!
//! **Why.** A field that does not exist is refused: to lose what a caller wrote is worse than to say that it is
//! misspelt. What is nested deeper than any contract, or grows beyond what an answer may be, is refused before it costs
//! anything. Where the error is, is worked out only after there is one, so that good JSON is read once.
//!
//! **Source.** "ProtoJSON Format" of the Protocol Buffers guide.

mod place;

use std::io;

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use bytes::Bytes;
use lyceum::error::Error as Refusal;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, SerializeOptions};
use tonic::Code;

/// The largest JSON that an answer's message may become, in bytes: short numbers can have long names.
const JSON_LIMIT: usize = 64 * 1024 * 1024;

/// How deep serde_json follows JSON. Protobuf itself goes a hundred deep.
const DEPTH: &str = "127";

/// The bytes of the message that JSON describes.
pub(crate) fn to_bytes(message: &MessageDescriptor, json: &[u8]) -> Result<Bytes, Refusal> {
    Ok(encode(&read(message, json)?))
}

/// The JSON of a message's bytes.
pub(crate) fn to_json(message: &MessageDescriptor, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut json = Vec::with_capacity(bytes.len() * 2 + 64);
    write(&decode(message, bytes)?, &mut json)?;
    Ok(json)
}

/// The bytes of a message.
pub(crate) fn encode(message: &DynamicMessage) -> Bytes {
    message.encode_to_vec().into()
}

/// The message that a service sent.
pub(crate) fn decode(message: &MessageDescriptor, bytes: &[u8]) -> Result<DynamicMessage, Refusal> {
    DynamicMessage::decode(message.clone(), bytes).map_err(|_| {
        Refusal::new(
            Code::Internal,
            "ANSWER_UNREADABLE",
            "the answer does not decode as its type says",
        )
    })
}

/// The message that JSON describes.
pub(crate) fn read(message: &MessageDescriptor, json: &[u8]) -> Result<DynamicMessage, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    DynamicMessage::deserialize(message.clone(), &mut deserializer)
        .and_then(|message| deserializer.end().map(|()| message))
        .map_err(|error| refuse(message, json, &error))
}

/// Adds a message's JSON to `json`. What a contract leaves at its default is left out.
pub(crate) fn write(message: &DynamicMessage, json: &mut Vec<u8>) -> Result<(), Refusal> {
    write_with(message, json, &SerializeOptions::new())
}

/// The same, with more or less of it.
pub(crate) fn write_with(
    message: &DynamicMessage,
    json: &mut Vec<u8>,
    options: &SerializeOptions,
) -> Result<(), Refusal> {
    let mut bounded = Bounded { json, left: JSON_LIMIT };
    let mut serializer = serde_json::Serializer::new(&mut bounded);
    match message.serialize_with_options(&mut serializer, options) {
        Ok(()) => Ok(()),
        Err(error) if error.is_io() => Err(Refusal::exhausted("ANSWER_TOO_LARGE", "the answer's JSON is too large")),
        Err(_) => Err(Refusal::new(
            Code::Internal,
            "ANSWER_UNREADABLE",
            "the answer has no JSON: a time is out of range, or a type unknown",
        )),
    }
}

/// What must stand where a field of this kind is written.
pub(crate) fn wanted(kind: &Kind) -> String {
    place::wanted(kind)
}

/// A field's name as it may be repeated to who sent it.
pub(crate) fn shown(name: &str) -> &str {
    place::shown(name)
}

/// Bytes that are written as base64, in either alphabet, padded or not.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    const PADDED_OR_NOT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT);
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// Bytes that stop growing.
struct Bounded<'a> {
    json: &'a mut Vec<u8>,
    left: usize,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        self.json.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refuse(message: &MessageDescriptor, json: &[u8], error: &serde_json::Error) -> Refusal {
    let at = place::offset(json, error.line(), error.column());
    if error.is_data() {
        let (path, rule) = place::explain(message, json.get(..at).unwrap_or(json));
        return Refusal::invalid_input(vec![(path, rule)]);
    }
    // The only one of its errors that has no kind of its own.
    if error.to_string().starts_with("recursion limit exceeded") {
        let text = format!("the JSON is nested deeper than {DEPTH} levels");
        return Refusal::invalid_argument("JSON_TOO_DEEP", text);
    }
    let text = if json.is_empty() {
        "the body is empty; a message without fields is {}".to_owned()
    } else if error.is_eof() {
        "the JSON ends before it is complete".to_owned()
    } else if std::str::from_utf8(json).is_err() {
        "the body is not UTF-8".to_owned()
    } else {
        format!(
            "the body is not JSON: see line {}, column {}",
            error.line(),
            error.column()
        )
    };
    Refusal::invalid_argument("JSON_INVALID", text)
}

#[cfg(test)]
mod tests;
