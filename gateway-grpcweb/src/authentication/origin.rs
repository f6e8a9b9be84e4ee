//! Whether a request with a cookie is the page's own: the defence against cross-site request forgery.
//!
//! A browser sends a cookie along whoever made the request, so a cookie alone proves nothing. A request that may change
//! something must come from this origin by the browser's own word (`Sec-Fetch-Site`, or `Origin` where that is missing)
//! and repeat the session's token, which only a script of this origin can have read. A GET needs neither, because no GET
//! changes anything here and no other origin can read its answer. A call over a WebSocket is no GET: its origin is the
//! handshake's, and its token stands among the headers that the script sends with it.
//!
//! Source: the Fetch Metadata specification; OWASP, "Cross-Site Request Forgery Prevention".

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, Uri};
use lyceum::error::Error as Refusal;
use tonic::Code;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
pub(super) const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// What a browser says of where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// A script of the page.
    Here,
    /// Somebody else.
    Elsewhere,
    /// It is not said: no browser of today, or a person who typed the address.
    Unsaid,
}

/// Where a request comes from, as its browser says.
pub(super) fn of(headers: &HeaderMap, uri: &Uri) -> From {
    if let Some(site) = headers.get(FETCH_SITE) {
        return match site.as_bytes() {
            b"same-origin" => From::Here,
            b"none" => From::Unsaid,
            _ => From::Elsewhere,
        };
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return From::Unsaid;
    };
    let host = headers.get(HOST).map(http::HeaderValue::as_bytes);
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str().as_bytes()));
    let named = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match (named, host) {
        (Some((_, named)), Some(host)) if named.as_bytes().eq_ignore_ascii_case(host) => From::Here,
        _ => From::Elsewhere,
    }
}

/// Refuses a request with a session's cookie that may be forged.
pub(super) fn check(method: &Method, uri: &Uri, headers: &HeaderMap, csrf: &str) -> Result<(), Refusal> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    if of(headers, uri) != From::Here {
        return Err(refused(
            "CSRF_ORIGIN",
            "a session is for the page's own requests, and this one comes from elsewhere",
        ));
    }
    let repeated = headers.get(CSRF);
    if repeated.is_some_and(|token| same(token.as_bytes(), csrf.as_bytes())) {
        return Ok(());
    }
    Err(refused(
        "CSRF_TOKEN",
        "a session's requests repeat its token in the header x-csrf-token; GET /gateway/session tells it",
    ))
}

fn refused(reason: &'static str, message: &str) -> Refusal {
    Refusal::new(Code::Unauthenticated, reason, message)
}

/// Compares in a time that tells nothing of where two texts differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect()
    }

    fn reason(method: &Method, pairs: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let uri = Uri::from_static("/p.S/Get");
        check(method, &uri, &headers(pairs), "token")
            .err()
            .map(|refusal| refusal.reason())
    }

    const HERE: (&str, &str) = ("sec-fetch-site", "same-origin");
    const TOKEN: (&str, &str) = ("x-csrf-token", "token");

    #[test]
    fn a_post_needs_the_origin_and_the_token() {
        let post = Method::POST;
        assert_eq!(reason(&post, &[HERE, TOKEN]), None);
        assert_eq!(reason(&post, &[HERE]), Some("CSRF_TOKEN"));
        assert_eq!(reason(&post, &[HERE, ("x-csrf-token", "tokem")]), Some("CSRF_TOKEN"));
        for site in ["cross-site", "same-site", "none", ""] {
            assert_eq!(
                reason(&post, &[("sec-fetch-site", site), TOKEN]),
                Some("CSRF_ORIGIN"),
                "{site}"
            );
        }
        assert_eq!(reason(&post, &[TOKEN]), Some("CSRF_ORIGIN"), "no browser says nothing");
        assert_eq!(reason(&Method::DELETE, &[HERE]), Some("CSRF_TOKEN"));
    }

    #[test]
    fn without_fetch_metadata_the_origin_must_be_the_host() {
        let post = Method::POST;
        let host = ("host", "school.example:8443");
        assert_eq!(
            reason(&post, &[host, ("origin", "https://school.example:8443"), TOKEN]),
            None
        );
        for origin in ["https://school.example", "https://evil.example", "null", ""] {
            assert_eq!(
                reason(&post, &[host, ("origin", origin), TOKEN]),
                Some("CSRF_ORIGIN"),
                "{origin}"
            );
        }
        let uri = Uri::from_static("http://school.example/p.S/Get");
        assert_eq!(
            of(&headers(&[("origin", "http://school.example")]), &uri),
            From::Here,
            "as HTTP/2 has it"
        );
    }

    #[test]
    fn a_get_needs_nothing() {
        assert_eq!(reason(&Method::GET, &[]), None);
        assert_eq!(reason(&Method::HEAD, &[("sec-fetch-site", "cross-site")]), None);
        assert_eq!(reason(&Method::CONNECT, &[]), Some("CSRF_ORIGIN"));
    }
}
