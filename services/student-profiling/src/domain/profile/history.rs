//! The history of a profile as it is stored: each event with the number of the form that it is written in.
//!
//! What: an event is written in the newest form, [`FORM`]; an older one is lifted, form by form, before it is read
//! (upcasting), so that the rules know the newest alone. One from the future is refused by name, since two versions of a
//! service may run at once: the older must leave it to the newer. A snapshot of any other form is refused too, and the
//! profile rebuilt from its events. Why JSON: a lift is a change of a document, and an export shows what is held as it
//! is. When not: what other services see are the contract's events. Source: Overeem et al. 2021, *An empirical
//! characterization of event sourced systems* (versioned events, upcasting).
//!
//! Forms: 1 knew observations of texts alone, all of the same weight, with values in per cent; no released version wrote
//! it. 2 has a weight and a source, and millionths.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::{Event, Profile};

/// The form that is written.
pub const FORM: u32 = 2;

/// The longest event that is read, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// Why something stored cannot be read. What it says is not repeated: it is a student's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A form that a newer version wrote.
    #[error("form {0} is newer than {FORM}, the newest that this version reads")]
    Newer(u32),
    /// A form that no version wrote, or a snapshot of an older one.
    #[error("form {0} is not read")]
    Unread(u32),
    /// No event or snapshot of its form.
    #[error("what is stored is damaged")]
    Damaged,
}

/// Something stored: plain columns of a row.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// The form of the document.
    pub form: u32,
    /// The document.
    pub document: Vec<u8>,
}

/// The lifts, each from the form of its place, counted from 1, to the next.
const LIFTS: [fn(Value) -> Option<Value>; FORM as usize - 1] = [weigh_and_place];

/// Form 1 to 2.
fn weigh_and_place(mut event: Value) -> Option<Value> {
    let fields = event.as_object_mut()?;
    if fields.get("kind")? == "observed" {
        let percent = fields.remove("percent")?.as_u64()?;
        fields.insert("value_millionths".to_owned(), json!(percent.checked_mul(10_000)?));
        fields.insert("weight_millionths".to_owned(), json!(1_000_000));
        fields.insert("source".to_owned(), json!("writing"));
    }
    Some(event)
}

impl Stored {
    /// Writes an event.
    ///
    /// # Errors
    /// [`Error::Damaged`], for one that is longer than [`LONGEST`].
    pub fn event(event: &Event) -> Result<Self, Error> {
        Self::write(event, LONGEST)
    }

    /// Writes a profile, to rebuild from.
    ///
    /// # Errors
    /// None in practice: every profile can be written.
    pub fn snapshot(profile: &Profile) -> Result<Self, Error> {
        Self::write(profile, usize::MAX)
    }

    fn write(value: &impl Serialize, longest: usize) -> Result<Self, Error> {
        let document = serde_json::to_vec(value).map_err(|_| Error::Damaged)?;
        let form = FORM;
        (document.len() <= longest)
            .then_some(Self { form, document })
            .ok_or(Error::Damaged)
    }

    /// Reads an event of this form or an older one.
    ///
    /// # Errors
    /// [`Error::Newer`], [`Error::Unread`], [`Error::Damaged`].
    pub fn to_event(&self) -> Result<Event, Error> {
        if self.form > FORM {
            return Err(Error::Newer(self.form));
        }
        let Some(first) = self.form.checked_sub(1) else {
            return Err(Error::Unread(self.form));
        };
        if self.document.len() > LONGEST {
            return Err(Error::Damaged);
        }
        let document: Value = serde_json::from_slice(&self.document).map_err(|_| Error::Damaged)?;
        let lifted = LIFTS
            .iter()
            .skip(first as usize)
            .try_fold(document, |document, lift| lift(document));
        Event::deserialize(lifted.ok_or(Error::Damaged)?).map_err(|_| Error::Damaged)
    }

    /// Reads a snapshot of this form; of any other, rebuild from the events.
    ///
    /// # Errors
    /// [`Error::Newer`], [`Error::Unread`], [`Error::Damaged`].
    pub fn to_profile(&self) -> Result<Profile, Error> {
        match self.form {
            FORM => serde_json::from_slice(&self.document).map_err(|_| Error::Damaged),
            newer if newer > FORM => Err(Error::Newer(newer)),
            older => Err(Error::Unread(older)),
        }
    }
}
