//! Sessions of the page: a cookie that only gateways can read and make.
//!
//! **What.** The cookie is the session: who it is, since when, until when, and the CSRF token that requests must repeat,
//! sealed (AES-256-GCM) with a key that all gateways share. No gateway keeps a list, so any of them serves any session
//! and a restart ends none. While it is used it is sealed anew in the second half of its idle time, never beyond its
//! limit.
//!
//! **Why a cookie.** A script that is injected into the page can read whatever the page's scripts can; `HttpOnly` keeps
//! the session out of its reach, `SameSite=Strict` keeps it out of other sites' requests, `__Host-` out of the reach of
//! other hosts of the domain.
//!
//! **When not.** Programs use API keys and tokens: a cookie is for browsers. Source: RFC 6265bis; OWASP, "Session
//! Management"; RFC 5116 (a random nonce, far below 2^32 sessions a key).

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use lyceum::principal::{Principal, Role};
use lyceum::secret::{self, Secret, random};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// The cookie's name without TLS, as on loopback.
const NAME: &str = "lyceum-session";
/// With TLS: a browser keeps it only from this host, for this host, over TLS.
const SECURE_NAME: &str = "__Host-lyceum-session";
/// The longest cookie that is looked at; browsers keep no longer ones.
const LONGEST: usize = 4096;
/// The longest value that is made: the name and the attributes count too.
pub(super) const ROOM: usize = LONGEST - 128;
/// What the seal says it is for.
const PURPOSE: &[u8] = b"lyceum session 1";

/// Makes and reads sessions.
pub(super) struct Sessions {
    /// The first seals, all open.
    keys: Vec<LessSafeKey>,
    idle: Duration,
    limit: Duration,
}

/// A session as it stands in its cookie.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// Names it among those that were ended.
    #[serde(rename = "i")]
    pub(super) id: String,
    /// What a request must say that changes something.
    #[serde(rename = "x")]
    pub(super) csrf: String,
    #[serde(rename = "b")]
    begun: u64,
    #[serde(rename = "e")]
    expires: u64,
    #[serde(rename = "s")]
    subject: String,
    #[serde(rename = "r")]
    roles: Vec<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    students: Vec<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<String>,
}

/// Why a cookie is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It was not sealed here, or with a key that is gone.
    Invalid,
    /// Its time is over.
    Expired,
}

// === impl Sessions ===

impl Sessions {
    pub(super) fn open(file: &Path, idle: Duration, limit: Duration) -> Result<Self, secret::Error> {
        let keys = Secret::read(file)?
            .iter()
            .map(|secret| secret.seal("session"))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys, idle, limit })
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of(keys: Vec<LessSafeKey>, idle: Duration, limit: Duration) -> Self {
        Self { keys, idle, limit }
    }

    /// A new session of somebody.
    pub(super) fn begin(&self, principal: &Principal, now: Moment) -> Result<Session, secret::Error> {
        Ok(Session {
            id: URL_SAFE_NO_PAD.encode(random::<12>()?),
            csrf: URL_SAFE_NO_PAD.encode(random::<16>()?),
            begun: now.0,
            expires: now.after(self.idle.min(self.limit)).0,
            subject: principal.subject().expose().clone(),
            roles: principal.roles().iter().map(|role| role.name().to_owned()).collect(),
            students: principal.students().expose().clone(),
            classes: principal.classes().expose().clone(),
        })
    }

    /// The same session with its idle time begun anew, if half of it is over.
    pub(super) fn renewed(&self, session: &Session, now: Moment) -> Option<Session> {
        let whole = now
            .after(self.idle)
            .0
            .min(session.begun.saturating_add(self.limit.as_secs()));
        let half = now.after(self.idle / 2).0;
        (session.expires < half && whole > session.expires).then(|| Session {
            expires: whole,
            ..session.clone()
        })
    }

    /// How long a session that ended must be remembered: no cookie of it lives longer.
    pub(super) fn forgotten(&self, session: &Session, now: Moment) -> Moment {
        Moment(now.after(self.idle).0.max(session.expires))
    }

    /// The cookie's value.
    pub(super) fn seal(&self, session: &Session) -> Result<String, secret::Error> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = serde_json::to_vec(session).unwrap_or_default();
        let key = self.keys.first().ok_or(secret::Error::Derive)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(PURPOSE), &mut sealed)
            .map_err(|_| secret::Error::Derive)?;
        let mut whole = nonce.to_vec();
        whole.append(&mut sealed);
        Ok(URL_SAFE_NO_PAD.encode(whole))
    }

    /// The session of a cookie's value.
    pub(super) fn read(&self, value: &str, now: Moment) -> Result<Session, Broken> {
        if value.len() > LONGEST {
            return Err(Broken::Invalid);
        }
        let whole = URL_SAFE_NO_PAD.decode(value).map_err(|_| Broken::Invalid)?;
        let session = self
            .keys
            .iter()
            .find_map(|key| unsealed(key, &whole))
            .ok_or(Broken::Invalid)?;
        if session.expires <= now.0 {
            return Err(Broken::Expired);
        }
        Ok(session)
    }
}

fn unsealed(key: &LessSafeKey, whole: &[u8]) -> Option<Session> {
    let (nonce, sealed) = whole.split_at_checked(NONCE_LEN)?;
    if sealed.len() < AES_256_GCM.tag_len() {
        return None;
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(PURPOSE), &mut sealed).ok()?;
    serde_json::from_slice(opened).ok()
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

// === impl Session ===

impl Session {
    pub(super) fn expires(&self) -> Moment {
        Moment(self.expires)
    }

    /// Who it is; none for a cookie that another version sealed.
    pub(super) fn principal(&self) -> Option<Arc<Principal>> {
        let roles = self.roles.iter().filter_map(|role| role.parse::<Role>().ok());
        let principal = Principal::try_new(self.subject.clone(), roles.collect::<lyceum::principal::Roles>())
            .and_then(|principal| principal.with_students(self.students.clone()))
            .and_then(|principal| principal.with_classes(self.classes.clone()));
        Some(Arc::new(principal.ok()?.until(self.expires().time())))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// The session's cookie among a request's, and whether it came under the name that TLS gives it. Over TLS no other name
/// counts: whoever can write into an unprotected connection can plant one.
pub(super) fn cookie(headers: &HeaderMap, secure: bool) -> Option<(&str, bool)> {
    let named = |name: &str| {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    };
    match named(SECURE_NAME) {
        Some(value) => Some((value, true)),
        None if secure => None,
        None => Some((named(NAME)?, false)),
    }
}

/// `set-cookie` for a session, until it ends.
pub(super) fn set_cookie(value: &str, expires: Moment, secure: bool, now: Moment) -> HeaderValue {
    written(value, expires.0.saturating_sub(now.0), secure)
}

/// `set-cookie` that makes a browser forget.
pub(super) fn forget_cookie(secure: bool) -> HeaderValue {
    written("", 0, secure)
}

fn written(value: &str, seconds: u64, secure: bool) -> HeaderValue {
    let (name, mark) = if secure { (SECURE_NAME, "; Secure") } else { (NAME, "") };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{mark}");
    // Base64 and digits: always a header.
    let mut header = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(600);
    const LIMIT: Duration = Duration::from_secs(2000);

    fn sessions(seeds: &[u8]) -> Sessions {
        let keys = seeds
            .iter()
            .map(|seed| Secret::of([*seed; 32]).seal("session").unwrap())
            .collect();
        Sessions::of(keys, IDLE, LIMIT)
    }

    fn begun(sessions: &Sessions) -> Session {
        let principal = Principal::try_new("p-1", Role::Parent)
            .unwrap()
            .with_students(vec!["s-1".to_owned()])
            .unwrap();
        sessions.begin(&principal, Moment(1000)).unwrap()
    }

    #[test]
    fn a_session_is_who_began_it_until_it_ends() {
        let sessions = sessions(&[1]);
        let value = sessions.seal(&begun(&sessions)).unwrap();
        assert!(!value.contains("p-1"));
        let read = sessions.read(&value, Moment(1599)).unwrap();
        let principal = read.principal().unwrap();
        assert!(principal.has_student("s-1"));
        assert_eq!(principal.expires(), Some(Moment(1600).time()));
        assert_eq!(sessions.read(&value, Moment(1600)).unwrap_err(), Broken::Expired);
    }

    #[test]
    fn a_cookie_that_was_touched_is_none() {
        let sessions = sessions(&[1]);
        let value = sessions.seal(&begun(&sessions)).unwrap();
        for at in [0, 20, value.len() - 2] {
            let mut touched = value.clone().into_bytes();
            touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(touched).unwrap();
            assert_eq!(sessions.read(&touched, Moment(1001)).unwrap_err(), Broken::Invalid);
        }
        for value in ["", "AAAA", "%%%", &"A".repeat(5000)] {
            assert_eq!(sessions.read(value, Moment(1001)).unwrap_err(), Broken::Invalid);
        }
    }

    #[test]
    fn a_key_is_replaced_without_ending_sessions() {
        let (old, both, new) = (sessions(&[1]), sessions(&[2, 1]), sessions(&[2]));
        let value = old.seal(&begun(&old)).unwrap();
        assert!(both.read(&value, Moment(1001)).is_ok());
        assert_eq!(new.read(&value, Moment(1001)).unwrap_err(), Broken::Invalid);
        let fresh = both.seal(&begun(&both)).unwrap();
        assert!(new.read(&fresh, Moment(1001)).is_ok());
    }

    #[test]
    fn a_session_slides_while_it_is_used_and_not_beyond_its_limit() {
        let sessions = sessions(&[1]);
        let session = begun(&sessions);
        assert!(
            sessions.renewed(&session, Moment(1200)).is_none(),
            "not in the first half"
        );
        let session = sessions.renewed(&session, Moment(1400)).unwrap();
        assert_eq!(session.expires, 2000);
        let last = Session {
            expires: 2900,
            ..session
        };
        let last = sessions.renewed(&last, Moment(2890)).unwrap();
        assert_eq!(last.expires, 3000, "its limit");
        assert!(sessions.renewed(&last, Moment(2990)).is_none());
        assert!(sessions.forgotten(&last, Moment(2990)).0 >= last.expires);
    }

    #[test]
    fn cookies_are_found_by_name() {
        let headers = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_static(text));
            headers
        };
        let plain = headers("theme=dark; lyceum-session=abc; lyceum-session-x=no");
        assert_eq!(cookie(&plain, false), Some(("abc", false)));
        assert_eq!(cookie(&plain, true), None, "over TLS it could have been planted");
        let both = headers("lyceum-session=abc; __Host-lyceum-session=def");
        assert_eq!(cookie(&both, true), Some(("def", true)));
        assert_eq!(cookie(&both, false), Some(("def", true)));
        assert_eq!(cookie(&headers("xlyceum-session=1"), false), None);
        let written = set_cookie("v", Moment(1060), true, Moment(1000));
        assert_eq!(
            written,
            "__Host-lyceum-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(forget_cookie(false).to_str().unwrap().contains("Max-Age=0"));
    }

    proptest::proptest! {
        /// Whatever a cookie holds, it is a session or none.
        #[test]
        fn any_cookie_is_survived(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let sessions = sessions(&[1]);
            proptest::prop_assert!(sessions.read(&String::from_utf8_lossy(&bytes), Moment(0)).is_err());
            proptest::prop_assert!(sessions.read(&URL_SAFE_NO_PAD.encode(&bytes), Moment(0)).is_err());
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(COOKIE, value);
            }
            let _ = cookie(&headers, false);
        }
    }
}
