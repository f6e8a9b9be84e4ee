//! Messages between a caller's codec and Protobuf's binary form.
//!
//! Binary messages pass as they are, unread; JSON needs the types that the service reflects. Source: `schema::codec`.

use std::sync::Arc;

use bytes::Bytes;
use lyceum::error::Error as Refusal;

use super::kind::Codec;
use crate::edge::Edge;
use crate::schema::{MethodInfo, codec};

/// How the messages of one call are translated.
#[derive(Clone, Debug)]
pub(crate) enum Translation {
    /// Not at all.
    Bytes,
    /// With the types of a method.
    Json(Arc<MethodInfo>),
}

// === impl Translation ===

impl Translation {
    /// For the method of a path.
    pub(crate) fn of(codec: Codec, edge: &Edge, path: &str) -> Result<Self, Refusal> {
        match codec {
            Codec::Proto => Ok(Self::Bytes),
            Codec::Json => edge.types(path).map(Self::Json).ok_or_else(types_unknown),
        }
    }

    /// A message as the service reads it.
    pub(crate) fn request(&self, message: Bytes) -> Result<Bytes, Refusal> {
        match self {
            Self::Bytes => Ok(message),
            Self::Json(method) => codec::to_bytes(&method.input, &message),
        }
    }

    /// A message as the caller reads it.
    pub(crate) fn answer(&self, message: Bytes) -> Result<Bytes, Refusal> {
        match self {
            Self::Bytes => Ok(message),
            Self::Json(method) => codec::to_json(&method.output, &message).map(Bytes::from),
        }
    }
}

/// The service is there, but not what it says of itself.
pub(crate) fn types_unknown() -> Refusal {
    Refusal::unavailable(
        "TYPES_UNKNOWN",
        "the types of this method are not known here: the service has not answered to reflection yet, or does not serve it; \
         messages in Protobuf's binary form pass without",
    )
}
