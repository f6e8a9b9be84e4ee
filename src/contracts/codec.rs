//! The one layer that enforces what a contract says of its messages: input rules, and whose data the caller may name.
//!
//! Why here: it sees every message of every method, streamed ones too, already decoded, so nothing is decoded twice
//! and no handler can forget. Responses pass through the same code on the client's side; they have no rules, and
//! their check is empty; so is that of requests which name nobody. When not: a rule that needs more than one message is the handler's.

use std::marker::PhantomData;
use std::sync::Arc;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder};
use tonic_prost::{ProstDecoder, ProstEncoder};

use super::{Concerns, Named, Validate, Violations};
use crate::context;
use crate::error::Error;
use crate::principal::Principal;

/// Encodes `T` and decodes `U`, refusing a `U` that breaks its contract's rules or names what is not the caller's.
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
    U: Message + Default + Validate + Concerns + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ValidatingDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ValidatingDecoder {
            messages: ProstDecoder::new(BufferSettings::default()),
            // A stream may be read in a task that knows no context.
            caller: U::CHECKED.then(caller),
        }
    }
}

/// On whose behalf the call is made that this task answers.
fn caller() -> Arc<Principal> {
    context::current()
        .and_then(|context| context.principal.clone())
        .unwrap_or_else(|| Arc::new(Principal::anonymous()))
}

/// Decodes a message, then checks it.
#[derive(Debug)]
pub struct ValidatingDecoder<U> {
    messages: ProstDecoder<U>,
    /// Only where the messages name somebody.
    caller: Option<Arc<Principal>>,
}

impl<U: Message + Default + Validate + Concerns> Decoder for ValidatingDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let Some(message) = self.messages.decode(buffer).map_err(undecodable)? else {
            return Ok(None);
        };
        let violations = Violations::of(&message);
        if !violations.is_empty() {
            return Err(Error::invalid_input(violations).into());
        }
        if let Some(caller) = &self.caller {
            Named::check(&message, caller)?;
        }
        Ok(Some(message))
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
