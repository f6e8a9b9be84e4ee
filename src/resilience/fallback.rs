//! What stands in for an answer when nobody answers: the last good one, then a static one, and it says so.
//!
//! ```text
//! primary ──fails──▶ last good answer, no older than `stale` ──none──▶ the author's static answer ──none──▶ the error
//! ```
//!
//! Only for idempotent unary methods, and only where the failure is the callee's ([`applies`]): an answer such as "no
//! such thing" is one. The response carries [`ANSWER`] (`cached` or `static`) and for a cached one its age in whole
//! seconds ([`AGE`]); an answer without them is the callee's own. Nothing is ever made up: a cached answer is the bytes
//! that the callee sent for the same bytes, a static one the message that the service's author registered.
//!
//! **Privacy.** An answer is kept only where the call allows to keep anything: consent of at least `learning`, and a
//! retention above zero, which bounds its age too. It is found again only by the same principal, for the same student,
//! consent and purpose, asking the same: all of that is in the key, as a digest, so that the key gives nothing away and
//! two calls do not share one. Kept in memory alone, within 16 MiB and 16,384 answers, and removed when too old.
//!
//! When not: as a cache to save calls; the callee is always asked first. Source: the platform's own tiers; Nygard,
//! "Release It!"; the store is quick_cache (S3-FIFO), the digest ring's SHA-256.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use ring::digest;
use tonic::Code;

use crate::balancing::Micros;
use crate::context::Context;
use crate::contracts::{METHODS, Method, method_index};
use crate::policy::Call;
use crate::privacy::{Consent, Sensitive};

/// Says which tier answered, where it was not the callee: `cached` or `static`.
pub const ANSWER: HeaderName = HeaderName::from_static("lyceum-answer");
/// How old a cached answer is, in whole seconds.
pub const AGE: HeaderName = HeaderName::from_static("lyceum-answer-age");

/// All kept answers together, in bytes.
const MEMORY: u64 = 16 * 1024 * 1024;
/// What each counts at the least, so that their number is bounded too.
const LEAST: u64 = 1024;
/// The largest that is kept.
const LARGEST: usize = 256 * 1024;

/// Answers to fall back on; one for a process.
#[derive(Debug)]
pub struct Fallback {
    kept: Cache<Key, Kept, Weight>,
    /// One place for each of [`METHODS`].
    statics: Box<[ArcSwapOption<Bytes>]>,
}

/// Which call an answer is for. Made from what is private, and showing none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

/// What stands in.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where it comes from.
    pub tier: Tier,
    /// The message as gRPC frames it.
    pub frames: Bytes,
}

/// Where an answer comes from that is not the callee's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The last good one.
    Cached {
        /// How long ago the callee gave it.
        age: Duration,
    },
    /// The one that the service's author supplied.
    Static,
}

/// A method that cannot have a static answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No contract has it.
    #[error("no contract has the method {0}")]
    UnknownMethod(String),
    /// Only idempotent unary methods have one: what changes something must not seem to have done so.
    #[error("{0} is not an idempotent unary method")]
    Unfit(&'static str),
}

#[derive(Clone)]
struct Kept {
    frames: Bytes,
    at: Micros,
    until: Micros,
}

#[derive(Clone, Copy, Debug)]
struct Weight;

// === impl Fallback ===

impl Default for Fallback {
    fn default() -> Self {
        Self {
            kept: Cache::with_weighter((MEMORY / LEAST) as usize, MEMORY, Weight),
            statics: METHODS.iter().map(|_| ArcSwapOption::empty()).collect(),
        }
    }
}

impl Fallback {
    /// Supplies the answer of `path` (`/package.Service/Method`) for when nobody and nothing else answers. The message
    /// must be the method's own response.
    ///
    /// # Errors
    /// A path that is no method, or of one that may change something or streams.
    pub fn supply(&self, path: &str, message: &impl Message) -> Result<(), Error> {
        let index = method_index(path).ok_or_else(|| Error::UnknownMethod(path.to_owned()))?;
        if !is_fit(&METHODS[index]) {
            return Err(Error::Unfit(METHODS[index].path));
        }
        let length = message.encoded_len();
        let mut frame = BytesMut::with_capacity(5 + length);
        frame.put_u8(0);
        // A message that is longer than a frame can say is beyond any limit of the fabric.
        frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        frame.put(message.encode_to_vec().as_slice());
        self.statics[index].store(Some(Arc::new(frame.freeze())));
        Ok(())
    }

    /// Keeps a good answer. Replaces an older one to the same call.
    pub fn keep<'a>(
        &self,
        key: Key,
        frames: impl IntoIterator<Item = &'a Bytes> + Clone,
        settings: &Call,
        context: &Context,
        now: Micros,
    ) {
        let length = frames.clone().into_iter().map(Bytes::len).sum();
        let lasts = lifetime(settings, context);
        if length > LARGEST || lasts.is_zero() {
            return;
        }
        // Copied: what came from the network is a part of a larger buffer, which would stay too.
        let mut copy = BytesMut::with_capacity(length);
        for frame in frames {
            copy.extend_from_slice(frame);
        }
        let kept = Kept {
            frames: copy.freeze(),
            at: now,
            until: Micros(now.0.saturating_add(micros(lasts))),
        };
        self.kept.insert(key, kept);
    }

    /// What stands in for an answer of the method at `index` of [`METHODS`]. `key`: where [`key`] gave one.
    #[must_use]
    pub fn instead(
        &self,
        index: Option<usize>,
        key: Option<&Key>,
        settings: &Call,
        context: &Context,
        now: Micros,
    ) -> Option<Answer> {
        let index = index.filter(|index| is_fit(&METHODS[*index]))?;
        if let Some(kept) = key.and_then(|key| self.kept.get(key)) {
            let age = Duration::from_micros(now.0.saturating_sub(kept.at.0));
            if now < kept.until && age < lifetime(settings, context) {
                return Some(Answer {
                    tier: Tier::Cached { age },
                    frames: kept.frames,
                });
            }
        }
        let supplied = self.statics[index].load_full()?;
        Some(Answer {
            tier: Tier::Static,
            frames: Bytes::clone(&supplied),
        })
    }

    /// Forgets what is too old. Call it every second or so, off the way of calls.
    pub fn maintain(&self, now: Micros) {
        self.kept.retain(|_, kept| now < kept.until);
    }

    /// How many answers are kept, and the bytes that they count.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        (self.kept.len(), self.kept.weight())
    }
}

/// The key of a call whose answer may be kept: an idempotent unary method with `stale` above zero, and a privacy that
/// allows to keep anything. `request`: the message's bytes as they are sent.
#[must_use]
pub fn key(index: Option<usize>, request: &[u8], settings: &Call, context: &Context) -> Option<Key> {
    let method = &METHODS[index?];
    if !is_fit(method) || lifetime(settings, context).is_zero() {
        return None;
    }
    let mut digest = digest::Context::new(&digest::SHA256);
    // Each part with its length, and absence apart from emptiness: no two calls run together.
    let mut part = |part: Option<&[u8]>| {
        let length = part.map_or(0, |part| part.len() as u64 + 1);
        digest.update(&length.to_be_bytes());
        digest.update(part.unwrap_or_default());
    };
    let privacy = &context.privacy;
    let exposed = |value: &Option<Sensitive<String>>| value.as_ref().map(|value| value.expose().clone().into_bytes());
    part(Some(method.path.as_bytes()));
    match (&context.principal, &context.token) {
        (Some(principal), _) => principal.each(|what| part(Some(what))),
        (None, token) => part(token.as_ref().map(|token| token.principal().as_bytes())),
    }
    part(exposed(&privacy.student).as_deref());
    part(Some(privacy.consent.name().as_bytes()));
    part(privacy.purpose.as_deref().map(str::as_bytes));
    part(Some(request));
    let mut key = [0; 32];
    key.copy_from_slice(digest.finish().as_ref());
    Some(Key(key))
}

/// Whether a failure is the callee's, so that something may stand in. The others are answers.
#[must_use]
pub fn applies(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Internal
            | Code::Unknown
            | Code::DataLoss
    )
}

fn is_fit(method: &Method) -> bool {
    method.idempotent && !method.client_streaming && !method.server_streaming
}

/// How long an answer to a call may be kept.
fn lifetime(settings: &Call, context: &Context) -> Duration {
    if context.privacy.consent < Consent::Learning {
        return Duration::ZERO;
    }
    settings.stale.min(context.privacy.retention)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

// === impl Answer ===

impl Answer {
    /// Says in the response's headers which tier answered.
    pub fn mark(&self, headers: &mut HeaderMap) {
        match self.tier {
            Tier::Cached { age } => {
                headers.insert(ANSWER, HeaderValue::from_static("cached"));
                headers.insert(AGE, HeaderValue::from(age.as_secs()));
            }
            Tier::Static => {
                headers.insert(ANSWER, HeaderValue::from_static("static"));
            }
        }
    }
}

/// Without the message, which may be a student's.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("tier", &self.tier)
            .field("bytes", &self.frames.len())
            .finish()
    }
}

// === impl Weight ===

impl Weighter<Key, Kept> for Weight {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        (kept.frames.len() as u64 + 128).max(LEAST)
    }
}

#[cfg(test)]
mod tests;
