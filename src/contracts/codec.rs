//! The one layer that enforces input rules: a codec that checks each message as it is decoded.
//!
//! Why here: it sees every message of every method, streamed ones too, already decoded, so nothing is decoded twice
//! and no handler can forget. Responses pass through the same code on the client's side; they have no rules, and
//! their check is empty. When not: a rule that needs more than one message is the handler's.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder};
use tonic_prost::{ProstDecoder, ProstEncoder};

use super::{Validate, Violations};
use crate::error::Error;

/// Encodes `T` and decodes `U`, refusing a `U` that breaks its contract's rules.
#[derive(Clone, Copy, Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Validate + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ValidatingDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ValidatingDecoder(ProstDecoder::new(BufferSettings::default()))
    }
}

/// Decodes a message, then checks it.
#[derive(Debug)]
pub struct ValidatingDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default + Validate> Decoder for ValidatingDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let Some(message) = self.0.decode(buffer).map_err(undecodable)? else {
            return Ok(None);
        };
        let violations = Violations::of(&message);
        if violations.is_empty() {
            Ok(Some(message))
        } else {
            Err(Error::invalid_input(violations).into())
        }
    }
}

/// Bytes that are no such message, or text that is not UTF-8, are the caller's fault; tonic says INTERNAL.
fn undecodable(status: Status) -> Status {
    if status.code() == tonic::Code::Internal {
        Error::invalid_argument("MESSAGE_UNREADABLE", "the message does not decode as its contract says").into()
    } else {
        status
    }
}
