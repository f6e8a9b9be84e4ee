//! W3C Trace Context, level 1: `00-<trace id>-<span id>-<flags>`.

use http::HeaderValue;

/// Where in which trace this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The trace; never zero once made.
    pub trace_id: u128,
    /// The span; never zero once made.
    pub span_id: u64,
    /// Whether somebody records it.
    pub sampled: bool,
}

impl Trace {
    /// The start of a new trace.
    #[must_use]
    pub fn fresh() -> Self {
        Self {
            trace_id: random_128(),
            span_id: random_64(),
            sampled: true,
        }
    }

    /// A new span of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span_id: random_64(),
            ..*self
        }
    }

    /// Reads a `traceparent`; `None` for anything that is none, including all-zero ids and version ff.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if !hex(version, 2) || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        if !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
        })
    }

    /// As a `traceparent`. Marked so that HTTP/2 does not index it: a value that never returns would push out of the
    /// connection's table what does.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], self.trace_id);
        write_hex(&mut text[36..52], u128::from(self.span_id));
        text[54] = if self.sampled { b'1' } else { b'0' };
        // Hexadecimal digits and hyphens are always a header value.
        let mut value = HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("00"));
        value.set_sensitive(true);
        value
    }

    /// Eight bytes of the trace id in hexadecimal: short enough to read aloud.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = [0; 16];
        write_hex(&mut text, u128::from(self.trace_id as u64));
        text.iter().map(|digit| char::from(*digit)).collect()
    }

    /// The trace id in hexadecimal.
    #[must_use]
    pub fn trace_id_hex(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

fn write_hex(into: &mut [u8], mut number: u128) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

fn random_128() -> u128 {
    fastrand::u128(1..)
}

#[expect(
    clippy::disallowed_methods,
    reason = "ids must differ between processes; nothing replays them"
)]
fn random_64() -> u64 {
    fastrand::u64(1..)
}
