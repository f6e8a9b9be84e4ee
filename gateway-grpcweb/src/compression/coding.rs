//! Which content coding a request has, and which one its sender takes in the answer.
//!
//! Among codings of the same weight the one that costs least for what it saves is taken: zstd, then Brotli, then gzip.
//! When not: the codings of gRPC's own messages (`grpc-encoding`) are between caller and service.
//! Source: RFC 9110, 8.4.1 and 12.5.3; RFC 9659 (zstd's window).

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue};

/// How a body is compressed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Zstandard, RFC 8878.
    Zstd,
    /// Brotli, RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

/// A coding that nobody here can undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

/// By preference.
const ALL: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

/// The most codings that are looked at in one header: a list is short, or somebody plays.
const LISTED: usize = 16;

// === impl Coding ===

impl Coding {
    /// As headers name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// As a header's value.
    pub(crate) fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// The coding of a request's body; none when it is plain.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Unknown> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            for name in value.as_bytes().split(|byte| *byte == b',') {
                let name = name.trim_ascii();
                if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
                    continue;
                }
                // One on top of another is allowed, and nobody but an attacker does it.
                let known = named(name).filter(|_| found.is_none()).ok_or(Unknown)?;
                found = Some(known);
            }
        }
        Ok(found)
    }

    /// The coding that the answer should have; none when it should be plain.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let mut weights: [Option<u16>; ALL.len()] = [None; ALL.len()];
        let (mut any, mut plain) = (None, None);
        let ranges = headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        for range in ranges.take(LISTED) {
            let mut parts = range.split(|byte| *byte == b';');
            let name = parts.next().unwrap_or_default().trim_ascii();
            let weight = parts.next().map_or(Some(1000), weight);
            if name == b"*" {
                any = weight;
            } else if name.eq_ignore_ascii_case(b"identity") {
                plain = weight;
            } else if let Some(at) = ALL.iter().position(|coding| named(name) == Some(*coding)) {
                weights[at] = weight;
            }
        }
        let mut best: Option<(u16, Coding)> = None;
        for (coding, weight) in ALL.into_iter().zip(weights) {
            let weight = weight.or(any).unwrap_or(0);
            if weight > best.map_or(0, |(best, _)| best) {
                best = Some((weight, coding));
            }
        }
        // Who would rather have it plain says so with a larger weight.
        best.filter(|(weight, _)| plain.is_none_or(|plain| *weight >= plain))
            .map(|(_, coding)| coding)
    }
}

fn named(name: &[u8]) -> Option<Coding> {
    if name.eq_ignore_ascii_case(b"x-gzip") {
        return Some(Coding::Gzip);
    }
    ALL.into_iter()
        .find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
}

/// `q=0.8` in thousandths; what cannot be read is no wish at all.
fn weight(parameter: &[u8]) -> Option<u16> {
    let parameter = std::str::from_utf8(parameter).ok()?.trim();
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let value: f32 = value.trim().parse().ok()?;
    if !(0.0..=1.0).contains(&value) {
        return Some(0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000, as just seen"
    )]
    Some((value * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &'static str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
        Coding::wanted(&headers).map(Coding::name)
    }

    #[test]
    fn the_largest_weight_wins_then_the_cheapest_coding() {
        for (accept, coding) in [
            ("gzip, deflate, br, zstd", Some("zstd")),
            ("gzip, deflate, br", Some("br")),
            ("GZIP", Some("gzip")),
            ("x-gzip", Some("gzip")),
            ("zstd;q=0.2, gzip;q=0.9, br ; Q=0.5", Some("gzip")),
            ("br;q=0", None),
            ("*", Some("zstd")),
            ("zstd;q=0, *;q=0.5", Some("br")),
            ("*;q=0", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip", Some("gzip")),
            ("identity;q=0, gzip;q=0.1", Some("gzip")),
            ("gzip;q=broken", None),
            ("gzip;q=7", None),
            ("deflate, compress", None),
            ("", None),
        ] {
            assert_eq!(wanted(accept), coding, "{accept:?}");
        }
        assert_eq!(Coding::wanted(&HeaderMap::new()), None);
    }

    #[test]
    fn a_body_has_one_coding_or_none() {
        for (encoding, coding) in [
            ("gzip", Ok(Some(Coding::Gzip))),
            ("identity", Ok(None)),
            (" BR ", Ok(Some(Coding::Brotli))),
            ("zstd, identity", Ok(Some(Coding::Zstd))),
            ("gzip, gzip", Err(Unknown)),
            ("deflate", Err(Unknown)),
            ("aes128gcm", Err(Unknown)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            assert_eq!(Coding::of(&headers), coding, "{encoding:?}");
        }
        assert_eq!(Coding::of(&HeaderMap::new()), Ok(None));
    }
}
