//! What the policy says of versions, laid out for a request: defaults, keys, and versions that are to go.
//!
//! Which key calls is read from the key's public id, before anything is proven: a version is no privilege, and whoever
//! claims another's id gets the same answer that `lyceum-version` would have given. When not: who calls is for `guard`.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use lyceum::policy::{Deprecation, Versions};

use super::{Offered, Version, parted};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What callers get that name no version, and what is to go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    defaults: HashMap<String, Version>,
    keys: HashMap<String, Version>,
    /// By package.
    deprecated: HashMap<String, Notice>,
}

/// What is told of a version that is to go.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) since: HeaderValue,
    pub(super) sunset: Option<HeaderValue>,
    pub(super) link: Option<HeaderValue>,
}

impl Choices {
    /// The policy was checked before: what is no version is not in it.
    pub(crate) fn of_policy(said: &Versions) -> Self {
        let version = |(name, version): (&String, &String)| Some((name.clone(), Version::parse(version)?));
        Self {
            defaults: said.defaults.iter().filter_map(version).collect(),
            keys: said.keys.iter().filter_map(version).collect(),
            deprecated: said
                .deprecated
                .iter()
                .filter_map(|(package, said)| Some((package.clone(), Notice::of(said)?)))
                .collect(),
        }
    }

    /// The versions of a name that has none, as far as anybody said something of it, first what counts most.
    pub(super) fn of<'a>(
        &'a self,
        name: &'a str,
        newest: &'a Offered,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = Version> + 'a {
        let by_key = || (!self.keys.is_empty()).then(|| self.keys.get(key(headers)?)).flatten();
        let by_name = || {
            if self.defaults.is_empty() {
                return None;
            }
            let of = |name: &str| self.defaults.get(name);
            of(name)
                .or_else(|| of(&newest.method.owner))
                .or_else(|| of(&parted(&newest.method.service).1))
        };
        by_key().into_iter().chain(by_name()).copied()
    }

    /// Whether any version is to go.
    pub(super) fn deprecates(&self) -> bool {
        !self.deprecated.is_empty()
    }

    pub(super) fn notice(&self, package: &str) -> Option<&Notice> {
        self.deprecated.get(package)
    }
}

impl Notice {
    fn of(said: &Deprecation) -> Option<Self> {
        let since = said.since()?.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let sunset = |at: SystemTime| HeaderValue::try_from(httpdate::fmt_http_date(at)).ok();
        let link = |link: &String| HeaderValue::try_from(format!("<{link}>; rel=\"deprecation\"")).ok();
        Some(Self {
            since: HeaderValue::try_from(format!("@{since}")).ok()?,
            sunset: said.sunset().and_then(sunset),
            link: said.link.as_ref().and_then(link),
        })
    }
}

/// The id in `lyk_<id>_<secret>`.
fn key(headers: &HeaderMap) -> Option<&str> {
    let bearer = || {
        let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    };
    let given = headers
        .get(API_KEY)
        .and_then(|value| value.to_str().ok())
        .or_else(bearer)?;
    given.trim().strip_prefix("lyk_")?.split_once('_').map(|(id, _)| id)
}
