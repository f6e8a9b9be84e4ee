//! `grpc-timeout`: up to eight digits and a unit (H, M, S, m, u, n). Source: gRPC over HTTP/2.

use std::time::Duration;

use http::HeaderValue;

/// The duration in a header; `None` when it is none.
#[must_use]
pub fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits
        .iter()
        .fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The header for a duration, never longer than the duration. A second or more is told in milliseconds, so that calls
/// with the same deadline send the same bytes, which HTTP/2 then sends as one; less than a second hardly ever comes twice,
/// and is marked so that HTTP/2 does not remember it.
#[must_use]
pub fn format(left: Duration) -> HeaderValue {
    const FITS: u128 = 100_000_000;
    let (number, unit) = [
        (
            if left < Duration::from_secs(1) {
                left.as_micros()
            } else {
                FITS
            },
            'u',
        ),
        (left.as_millis(), 'm'),
        (u128::from(left.as_secs()), 'S'),
        (u128::from(left.as_secs() / 60), 'M'),
    ]
    .into_iter()
    .find(|(number, _)| *number < FITS)
    .unwrap_or((u128::from(left.as_secs() / 3600).min(FITS - 1), 'H'));
    // At most eight digits and a letter; written by hand, because every call has one.
    let mut text = [b'0'; 9];
    let mut start = text.len() - 1;
    text[start] = unit as u8;
    let mut rest = number as u32;
    loop {
        start -= 1;
        text[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let mut value = HeaderValue::from_bytes(&text[start..]).unwrap_or_else(|_| HeaderValue::from_static("0u"));
    value.set_sensitive(unit == 'u');
    value
}
