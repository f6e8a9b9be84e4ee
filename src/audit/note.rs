//! Signed notes: a short text that people can read, with signatures below it (C2SP signed-note, Ed25519).
//!
//! A signature line names its key by a name and four bytes of a hash; both only choose which key to try. Lines of other
//! keys are passed over, so that keys can rotate and witnesses can sign beside the log. When not: nothing that has to be
//! kept secret is in a note.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::{Error, hash};

/// The longest note that is looked at, in bytes: room for 16 signatures of 5 kB.
const LONGEST: usize = 128 * 1024;
/// The most signature lines that are looked at.
const LINES: usize = 64;
/// Ed25519, as the format numbers it.
const TYPE: u8 = 1;
const DASH: &str = "\u{2014} ";

/// A key that signs notes.
pub struct Key {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.public).finish()
    }
}

impl Key {
    /// The key of this name that `seed` makes, the secret of RFC 8032.
    ///
    /// # Errors
    /// [`Error::Key`] for a name that is empty or holds a space, a control character or a plus.
    pub fn try_new(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Key("the seed makes no key"))?;
        let public = pair.public_key().as_ref();
        let public = public.try_into().map_err(|_| Error::Key("the seed makes no key"))?;
        Ok(Self {
            public: PublicKey::try_new(name, public)?,
            pair,
        })
    }

    /// What others need to verify.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The note of this text, with this key's signature.
    ///
    /// # Errors
    /// [`Error::Note`] where the text does not end its last line, or holds control characters.
    pub fn sign(&self, text: &str) -> Result<String, Error> {
        readable(text)?;
        let signature = self.pair.sign(text.as_bytes());
        let signature = STANDARD.encode([&self.public.id, signature.as_ref()].concat());
        Ok(format!("{text}\n{DASH}{} {signature}\n", self.public.name))
    }
}

/// A key that notes are verified with. As text: `<name>+<id in hexadecimal>+<type and key in base64>`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

impl PublicKey {
    /// The key of this name.
    ///
    /// # Errors
    /// [`Error::Key`] for a name that is empty or holds a space, a control character or a plus.
    pub fn try_new(name: &str, key: [u8; 32]) -> Result<Self, Error> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(Error::Key("a name has no spaces, control characters or plus"));
        }
        let id = hash::short(&[name.as_bytes(), b"\n", &[TYPE], &key].concat());
        Ok(Self {
            name: name.to_owned(),
            id,
            key,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note that this key has signed.
    ///
    /// # Errors
    /// [`Error::Note`] for what is no note, [`Error::Signature`] where this key has not signed it, or a line that says
    /// so is wrong.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, Error> {
        const UNSIGNED: Error = Error::Note("it has no signatures below an empty line");
        if note.len() > LONGEST {
            return Err(Error::Note("it is longer than a note may be"));
        }
        let at = note.rfind("\n\n").ok_or(UNSIGNED)?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        readable(text)?;
        let lines = lines.strip_suffix('\n').ok_or(UNSIGNED)?;
        if lines.split('\n').count() > LINES {
            return Err(Error::Note("it has more signatures than are looked at"));
        }
        let mut signed = false;
        for line in lines.split('\n') {
            let (name, signature) = line
                .strip_prefix(DASH)
                .and_then(|line| line.split_once(' '))
                .ok_or(Error::Note("a line is no signature"))?;
            let signature = STANDARD
                .decode(signature)
                .map_err(|_| Error::Note("a signature is not base64"))?;
            let (id, signature) = signature
                .split_first_chunk::<4>()
                .ok_or(Error::Note("a signature names no key"))?;
            if name == self.name && *id == self.id {
                UnparsedPublicKey::new(&ED25519, &self.key)
                    .verify(text.as_bytes(), signature)
                    .map_err(|_| Error::Signature)?;
                signed = true;
            }
        }
        if signed { Ok(text) } else { Err(Error::Signature) }
    }
}

/// A note's text ends its last line and has no other control characters.
fn readable(text: &str) -> Result<(), Error> {
    if !text.ends_with('\n') || text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(Error::Note(
            "a text ends with a line break and has no other control characters",
        ));
    }
    Ok(())
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[TYPE][..], &self.key].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        const FORM: Error = Error::Key("it is written <name>+<id>+<key>");
        let (name, rest) = text.split_once('+').ok_or(FORM)?;
        let (id, key) = rest.split_once('+').ok_or(FORM)?;
        let key = STANDARD.decode(key).map_err(|_| FORM)?;
        let key = match key.split_first() {
            Some((&TYPE, key)) => key.try_into().map_err(|_| FORM)?,
            _ => return Err(Error::Key("it is no Ed25519 key")),
        };
        let read = Self::try_new(name, key)?;
        if format!("{:08x}", u32::from_be_bytes(read.id)) != id {
            return Err(Error::Key("its id is not that of its name and key"));
        }
        Ok(read)
    }
}
