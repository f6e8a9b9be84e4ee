//! Versions of an API side by side, and the names that services go by.
//!
//! **What.** `lyceum.writing_analysis.v1.WritingAnalysisService` can be called by its full name, without its version
//! (`lyceum.writing_analysis.WritingAnalysisService`), or as the service that serves it (`writing-analysis`); its methods
//! as `AnalyzeWriting` or `analyze-writing`. A name without a version means the one that the caller asked for
//! (`lyceum-version: v1`), or that the policy gives its API key or everybody ([`Choices`]), or else the newest stable one.
//!
//! **Why.** A caller that does not care moves along when a version becomes stable; one that does stays where it is until
//! it decides, and hears in the answer's headers that its version is to go.
//!
//! In a path as gRPC has it ([`Edge::meant`]) only the full name without its version may stand, so that no service of the
//! mesh hides another.
//!
//! **When not.** GraphQL's fields and agents' tools are of one version each: their reader has a list of them, and chooses.
//! **Source.** AIP-185 and protobuf's package versions;
//! RFC 9745 (`deprecation`), RFC 8594 (`sunset`), RFC 8288 and RFC 5829 (`link`).

mod choices;

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::header::LINK;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use lyceum::error::Error as Refusal;
use tonic::Code;

use crate::edge::Edge;
use crate::route::Found;
use crate::schema::{MethodInfo, ServiceInfo};

pub(crate) use choices::Choices;

/// The version that a caller wants.
pub(crate) const VERSION: HeaderName = HeaderName::from_static("lyceum-version");
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// `v1`, `v2beta1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    major: u32,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Alpha(u32),
    Beta(u32),
    Stable,
}

/// Every name that a method goes by.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Service, then method; what a call without a version gets is first.
    services: HashMap<String, HashMap<String, Vec<Offered>>>,
    /// Whether any contract says of a method that it is to go.
    deprecates: bool,
}

/// One version of a method.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    pub(crate) version: Option<Version>,
    pub(crate) method: Arc<MethodInfo>,
}

// === impl Version ===

impl Version {
    /// Reads the last part of a package's name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('v')?;
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (major, stage) = rest.split_at(digits);
        let number = |text: &str| if text.is_empty() { Some(1) } else { digits_of(text) };
        let stage = match stage {
            "" => Stage::Stable,
            stage => match (stage.strip_prefix("alpha"), stage.strip_prefix("beta")) {
                (Some(rest), _) => Stage::Alpha(number(rest)?),
                (_, Some(rest)) => Stage::Beta(number(rest)?),
                _ => return None,
            },
        };
        Some(Self {
            major: digits_of(major)?,
            stage,
        })
    }

    fn is_stable(self) -> bool {
        self.stage == Stage::Stable
    }
}

fn digits_of(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v{}", self.major)?;
        match self.stage {
            Stage::Alpha(number) => write!(formatter, "alpha{number}"),
            Stage::Beta(number) => write!(formatter, "beta{number}"),
            Stage::Stable => Ok(()),
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The better default is greater: any stable one before any that is not, then the newer.
impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.is_stable(), self.major, self.stage).cmp(&(other.is_stable(), other.major, other.stage))
    }
}

/// The version in a service's package, and its full name without it.
pub(crate) fn parted(service: &str) -> (Option<Version>, String) {
    let parted = service.rsplit_once('.').and_then(|(package, name)| {
        let (package, version) = package.rsplit_once('.')?;
        Some((Version::parse(version)?, format!("{package}.{name}")))
    });
    match parted {
        Some((version, name)) => (Some(version), name),
        None => (None, service.to_owned()),
    }
}

/// `AnalyzeWriting` as `analyze-writing`.
pub(crate) fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    let letters: Vec<char> = name.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            let after = !letters[index - 1].is_ascii_uppercase();
            let before = letters.get(index + 1).is_some_and(char::is_ascii_lowercase);
            if after || before {
                kebab.push('-');
            }
        }
        kebab.push(if *letter == '_' {
            '-'
        } else {
            letter.to_ascii_lowercase()
        });
    }
    kebab
}

// === impl Names ===

impl Names {
    pub(crate) fn new(services: &[Arc<ServiceInfo>]) -> Self {
        let mut names = Self {
            deprecates: services
                .iter()
                .flat_map(|service| &service.methods)
                .any(|method| method.deprecated),
            ..Self::default()
        };
        for service in services {
            let (version, unversioned) = parted(&service.name);
            names.add(&service.name, version, service);
            if version.is_some() {
                names.add(&unversioned, version, service);
            }
            names.add(&service.owner, version, service);
        }
        for offered in names.services.values_mut().flat_map(HashMap::values_mut) {
            // Stable sort: of two services with the same method, the first by name.
            offered.sort_by_key(|offered| Reverse(offered.version));
        }
        names
    }

    fn add(&mut self, name: &str, version: Option<Version>, service: &ServiceInfo) {
        let methods = self.services.entry(name.to_owned()).or_default();
        for method in &service.methods {
            let offered = Offered {
                version,
                method: Arc::clone(method),
            };
            let other = kebab(&method.name);
            if other != method.name {
                methods.entry(other).or_default().push(offered.clone());
            }
            methods.entry(method.name.clone()).or_default().push(offered);
        }
    }

    /// The method of a service, in the version that the caller asks for, or else the one that it gets.
    pub(crate) fn find(
        &self,
        service: &str,
        method: &str,
        headers: &HeaderMap,
        choices: &Choices,
    ) -> Result<&Offered, Refusal> {
        let methods = self
            .services
            .get(service)
            .ok_or_else(|| unknown("SERVICE_UNKNOWN", "no service has this name; /openapi lists them"))?;
        // What is listed has at least one.
        let (newest, offered) = methods
            .get(method)
            .and_then(|offered| Some((offered.first()?, offered)))
            .ok_or_else(|| unknown("METHOD_UNKNOWN", "the service has no such method; /openapi lists them"))?;
        let in_version = |version| offered.iter().find(|offered| offered.version == Some(version));
        let Some(wanted) = headers.get(VERSION) else {
            let preferred = choices.of(service, newest, headers).find_map(in_version);
            return Ok(preferred.unwrap_or(newest));
        };
        let version = wanted.to_str().ok().and_then(Version::parse).ok_or_else(|| {
            Refusal::invalid_argument("VERSION_INVALID", "lyceum-version must be as in v1 or v2beta1")
        })?;
        in_version(version).ok_or_else(|| {
            let versions = offered.iter().filter_map(|offered| offered.version);
            let versions: Vec<String> = versions.map(|version| version.to_string()).collect();
            unknown("VERSION_UNKNOWN", "the method is not offered in this version")
                .with_metadata("versions", versions.join(","))
        })
    }

    /// The newest stable version of a method that is newer than this.
    fn successor(&self, method: &MethodInfo) -> Option<&Offered> {
        let (version, unversioned) = parted(&method.service);
        let newest = self.services.get(&unversioned)?.get(&method.name)?.first()?;
        (newest.version > version && newest.version.is_some_and(Version::is_stable)).then_some(newest)
    }

    /// What the headers of an answer say of a version that is to go; nothing of any other.
    pub(crate) fn warn(&self, method: &MethodInfo, headers: &mut HeaderMap, choices: &Choices) {
        let package = method.service.rsplit_once('.').map_or("", |(package, _)| package);
        let notice = choices.notice(package);
        if (notice.is_none() && !method.deprecated) || headers.contains_key(DEPRECATION) {
            return;
        }
        // Where only the contract says so, it does not say since when: since before anybody asked.
        let since = notice.map_or(HeaderValue::from_static("@0"), |notice| notice.since.clone());
        headers.insert(DEPRECATION, since);
        if let Some(sunset) = notice.and_then(|notice| notice.sunset.clone()) {
            headers.insert(SUNSET, sunset);
        }
        let own = || HeaderValue::try_from(format!("</openapi#{}>; rel=\"deprecation\"", method.service)).ok();
        let link = notice.and_then(|notice| notice.link.clone()).or_else(own);
        headers.extend(link.map(|link| (LINK, link)));
        if let Some(newer) = self.successor(method) {
            let link = format!(
                "</api/{}/{}>; rel=\"successor-version\"",
                newer.method.service, newer.method.name
            );
            if let Ok(link) = HeaderValue::try_from(link) {
                headers.append(LINK, link);
            }
        }
    }
}

// === impl Edge ===

impl Edge {
    /// The request's path as it is meant: `/package.Service/Method` with the version that its caller gets. None for a
    /// path that says its version, or has none.
    ///
    /// # Errors
    /// A version that cannot be had.
    pub(crate) fn meant(&self, uri: &Uri, headers: &HeaderMap) -> Option<Result<Uri, Refusal>> {
        let (service, method) = unversioned(uri.path())?;
        if matches!(self.routes.find(uri.path()), Found::Method(..)) {
            return None;
        }
        let table = self.rest.load();
        match table.names.find(service, method, headers, &self.live.load().versions) {
            Ok(offered) if offered.method.service != service => renamed(uri, &offered.method.path).map(Ok),
            Ok(_) => None,
            Err(refusal) if matches!(refusal.reason(), "SERVICE_UNKNOWN" | "METHOD_UNKNOWN") => None,
            Err(refusal) => Some(Err(refusal)),
        }
    }

    /// Whether somebody announced a version of the service that a path names without one.
    pub(crate) fn is_announced(&self, path: &str) -> bool {
        unversioned(path).is_some_and(|(service, _)| {
            let services = self.routes.services();
            let announced = services.iter().flat_map(|known| &known.methods);
            announced.into_iter().any(|name| is_version_of(name, service))
        })
    }

    /// Says in an answer's headers what is to be said of the version of the method at a path.
    pub(crate) fn warn(&self, path: &str, headers: &mut HeaderMap) {
        let (table, live) = (self.rest.load(), self.live.load());
        if (table.names.deprecates || live.versions.deprecates())
            && let Some(method) = self.schema.method(path)
        {
            table.names.warn(&method, headers, &live.versions);
        }
    }
}

/// Service and method of a path of gRPC's whose package ends in no version.
fn unversioned(path: &str) -> Option<(&str, &str)> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let (package, _) = service.rsplit_once('.')?;
    let last = package.rsplit('.').next()?;
    (Version::parse(last).is_none() && !method.contains('/')).then_some((service, method))
}

/// Whether a service's full name is the other with a version.
fn is_version_of(full: &str, service: &str) -> bool {
    let parted = full.rsplit_once('.').and_then(|(package, name)| {
        let (package, version) = package.rsplit_once('.')?;
        Version::parse(version)?;
        Some((package, name))
    });
    parted.is_some_and(|(package, name)| {
        let rest = service.strip_prefix(package).and_then(|rest| rest.strip_prefix('.'));
        rest == Some(name)
    })
}

/// The same, with another path.
fn renamed(uri: &Uri, path: &str) -> Option<Uri> {
    let renamed: PathAndQuery = match uri.query() {
        None => path.parse().ok()?,
        Some(query) => format!("{path}?{query}").parse().ok()?,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(renamed);
    Uri::from_parts(parts).ok()
}

fn unknown(reason: &'static str, message: &'static str) -> Refusal {
    Refusal::new(Code::NotFound, reason, message)
}

#[cfg(test)]
mod tests;
