//! `gateway.authentication`: whose word the gateway takes for who a caller is, and for how long.
//!
//! API keys need no setting: they are in Consul, and `lyceum key` makes them. When not: what a caller may do once it is
//! known is the contracts' to say, [`crate::principal`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Errors;
use super::rules::within;
use crate::principal::Role;

/// Who callers are.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authentication {
    /// Whose tokens (JWT) are accepted; none: `authorization` is not the gateway's business, but for API keys.
    pub issuers: Vec<Issuer>,
    /// How far clocks may differ, 0 to 5 min.
    #[serde(with = "humantime_serde")]
    pub clock_skew: Duration,
    /// How far away the end of a token may be, 1 min to 30 days: one that hardly ends is refused.
    #[serde(with = "humantime_serde")]
    pub lifetime_limit: Duration,
    /// How often an issuer's keys are read again, 10 s to 1 day.
    #[serde(with = "humantime_serde")]
    pub refresh: Duration,
    /// The least time between two readings that tokens with an unknown key ask for, 100 ms to 1 h.
    #[serde(with = "humantime_serde")]
    pub refresh_pause: Duration,
    /// Roots (PEM) that the sites of issuers' keys must chain to.
    pub roots: PathBuf,
    /// A file of 32 random bytes in base64: subjects that are no pseudonyms travel as a keyed hash under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudonym_key: Option<PathBuf>,
    /// A file of 32 random bytes in base64, the same for all gateways: sessions are sealed with it. Of several lines the
    /// first seals and all open. Absent: no sessions, unless `development`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<PathBuf>,
    /// How long a session lasts without use, 1 min to 1 day.
    #[serde(with = "humantime_serde")]
    pub session_idle: Duration,
    /// How long a session lasts at the most, 1 min to 7 days.
    #[serde(with = "humantime_serde")]
    pub session_limit: Duration,
    /// Anybody may sign in as anybody, and tokens of `lyceum token` are accepted: for one machine, on loopback alone.
    pub development: bool,
}

/// One issuer of tokens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// What its tokens must say in `aud`: one of these.
    pub audience: Vec<String>,
    /// Its public keys, a JWK Set: an `https://` address (`http://` to loopback), or a file, read again when it changes.
    pub keys: String,
    /// The claim that tells who it is.
    #[serde(default = "subject")]
    pub subject: String,
    /// The claim that lists roles; `a.b` looks inside an object.
    #[serde(default = "roles")]
    pub roles: String,
    /// The claim that lists the students whose data is theirs.
    #[serde(default = "students")]
    pub students: String,
    /// The claim that lists classes.
    #[serde(default = "classes")]
    pub classes: String,
    /// The issuer's names of roles, where they are not ours: `teacher = "educator"`.
    #[serde(default)]
    pub role_names: BTreeMap<String, String>,
    /// The only roles that its tokens can give; empty: all.
    #[serde(default)]
    pub may_grant: Vec<String>,
    /// Whether subjects, students and classes travel as a keyed hash even if they look like pseudonyms.
    #[serde(default)]
    pub hash_subjects: bool,
}

impl Default for Authentication {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            clock_skew: Duration::from_secs(60),
            lifetime_limit: Duration::from_secs(24 * 3600),
            refresh: Duration::from_secs(300),
            refresh_pause: Duration::from_secs(10),
            roots: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
            pseudonym_key: None,
            session_key: None,
            session_idle: Duration::from_secs(30 * 60),
            session_limit: Duration::from_secs(12 * 3600),
            development: false,
        }
    }
}

impl Issuer {
    /// An issuer with the usual claims.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: vec![audience.into()],
            keys: keys.into(),
            subject: subject(),
            roles: roles(),
            students: students(),
            classes: classes(),
            role_names: BTreeMap::new(),
            may_grant: Vec::new(),
            hash_subjects: false,
        }
    }
}

fn subject() -> String {
    "sub".to_owned()
}

fn roles() -> String {
    "roles".to_owned()
}

fn students() -> String {
    "students".to_owned()
}

fn classes() -> String {
    "classes".to_owned()
}

pub(super) fn check(authentication: &Authentication, address: SocketAddr, errors: &mut Errors) {
    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    for (name, value, least, most) in [
        ("clock_skew", authentication.clock_skew, Duration::ZERO, 5 * MINUTE),
        ("lifetime_limit", authentication.lifetime_limit, MINUTE, 30 * DAY),
        ("refresh", authentication.refresh, 10 * SECOND, DAY),
        ("refresh_pause", authentication.refresh_pause, SECOND / 10, HOUR),
        ("session_idle", authentication.session_idle, MINUTE, DAY),
        ("session_limit", authentication.session_limit, MINUTE, 7 * DAY),
    ] {
        within(errors, &format!("gateway.authentication.{name}"), value, least, most);
    }
    if authentication.development && !address.ip().is_loopback() {
        errors.add(
            "gateway.authentication.development",
            format!(
                "lets anybody be anybody, and gateway.address is {address}: listen on loopback, or set it to false"
            ),
        );
    }
    for issuer in &authentication.issuers {
        issuer.check(errors);
    }
}

impl Issuer {
    fn check(&self, errors: &mut Errors) {
        let mut wrong = |problem: String| {
            errors.add(
                "gateway.authentication.issuers",
                format!("{:?}: {problem}", self.issuer),
            );
        };
        if self.issuer.is_empty() {
            wrong("must say what stands in the tokens' iss".to_owned());
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            wrong("audience must say what stands in the tokens' aud".to_owned());
        }
        let host = || self.keys.parse::<http::Uri>().ok()?.host().map(str::to_owned);
        match (self.keys.split_once("://"), host()) {
            (None, _) if !self.keys.is_empty() => {}
            (Some(("https", _)), Some(_)) => {}
            (Some(("http", _)), Some(host)) if is_loopback(&host) => {}
            (Some(("http", _)), Some(_)) => wrong("keys come over https:// from anywhere but loopback".to_owned()),
            _ => wrong("keys must be an https:// address or a file".to_owned()),
        }
        for role in self.may_grant.iter().chain(self.role_names.values()) {
            if role.parse::<Role>().is_err() {
                wrong(format!("{role:?} is no role"));
            }
        }
    }
}

/// Whether a host in a URL is this machine.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}
