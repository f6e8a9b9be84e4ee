//! `[edge]`: what the gateway lets in and out, changed while it runs.
//!
//! **What.** Which other sites may call, headers that are added or taken away, how large and how long calls of a route
//! may be, who may call methods that no contract here knows, and how many good calls are logged. It is read from the
//! document of the service `gateway`, above `[policy.edge]` of the configuration.
//!
//! **Why.** A new school's site or a leaking header must not wait for a restart. **When not.** Ports, certificates and
//! what else is settled before the first connection are `[gateway]` of the configuration; rules of a service's own
//! contract stand in the contract. Source: RFC 9110, 7.6.1, for headers that belong to one connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::rules::Rules;
use super::versions::Versions;
use crate::configuration::Problem;
use crate::principal::{self, Role};

/// The least and the most that a body may be limited to.
const BYTES: (u32, u32) = (1024, 64 * 1024 * 1024);
/// The longest value that a rule gives a header.
const VALUE_LIMIT: usize = 4096;
/// Rules of one kind.
const RULES: usize = 64;
/// Routes, accesses and origins.
const ENTRIES: usize = 1024;

/// What the gateway lets in and out.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edge {
    /// Origins that may call from another site, such as `https://school.example`; `*` allows all. The page itself
    /// needs none.
    pub origins: Vec<String>,
    /// How long a browser remembers a preflight, 0 to 1 day.
    #[serde(with = "humantime_serde")]
    pub preflight_age: Duration,
    /// The largest request body in bytes, 1 KiB to 64 MiB.
    pub body_limit: u32,
    /// The largest message of a request in bytes, 1 KiB to 64 MiB; never more than a body's limit.
    pub message_limit: u32,
    /// The longest deadline that a browser gets, 1 s to 1 h; also what a method that no contract here knows gets when
    /// the browser names none.
    #[serde(with = "humantime_serde")]
    pub deadline_limit: Duration,
    /// What happens to the headers of a call on its way to a service.
    pub request_headers: HeaderRules,
    /// What happens to the headers of every answer.
    pub response_headers: HeaderRules,
    /// Other limits, by `package.Service/Method` or `package.Service/*`.
    pub routes: BTreeMap<String, Route>,
    /// Who may call a method whose contract does not say, by `package.Service/Method` or `package.Service/*`.
    pub access: BTreeMap<String, Access>,
    /// How often it may be called.
    pub limits: Limits,
    /// The access log.
    pub log: Log,
    /// Which version of an API a caller gets, and which are to go.
    pub versions: Versions,
}

/// Headers removed, then set, then added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderRules {
    /// Taken away.
    pub remove: Vec<String>,
    /// Given this value, whatever was there.
    pub set: BTreeMap<String, String>,
    /// Given this value too.
    pub add: BTreeMap<String, String>,
}

/// What a route has otherwise than the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// The largest request body in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<u32>,
    /// The largest message of a request in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_limit: Option<u32>,
    /// The longest deadline.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub deadline_limit: Option<Duration>,
}

/// Who may call a method.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Whoever has one of these roles: student, educator, administrator, service, parent.
    pub roles: BTreeSet<String>,
    /// Everybody, without saying who they are.
    pub anyone: bool,
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The share of calls that is logged, 0 to 1; errors always are.
    pub sample: f64,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            preflight_age: Duration::from_secs(7200),
            body_limit: 8 * 1024 * 1024,
            message_limit: 8 * 1024 * 1024,
            deadline_limit: Duration::from_secs(300),
            request_headers: HeaderRules::default(),
            response_headers: HeaderRules::default(),
            routes: BTreeMap::new(),
            access: BTreeMap::new(),
            limits: Limits::default(),
            log: Log::default(),
            versions: Versions::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { sample: 1.0 }
    }
}

impl Edge {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        self.limits.check(&mut Rules::of("edge.limits", problems));
        self.versions.check(&mut Rules::of("edge.versions", problems));
        let rules = &mut Rules::of("edge", problems);
        for origin in &self.origins {
            if !is_origin(origin) {
                rules.broken(
                    "origins",
                    format!("\"{origin}\" is no origin: write scheme://host[:port] or *"),
                );
            }
        }
        rules.time("preflight_age", self.preflight_age, "0s", "1d");
        rules.count("body_limit", self.body_limit, BYTES.0, BYTES.1);
        rules.count("message_limit", self.message_limit, BYTES.0, BYTES.1);
        rules.time("deadline_limit", self.deadline_limit, "1s", "1h");
        self.request_headers.check("request_headers", is_kept_up, rules);
        self.response_headers.check("response_headers", is_kept_down, rules);
        for (name, route) in &self.routes {
            if !is_method(name) {
                rules.broken(&format!("routes.{name}"), NO_METHOD);
            }
            for (key, limit) in [("body_limit", route.body_limit), ("message_limit", route.message_limit)] {
                if let Some(limit) = limit {
                    rules.count(&format!("routes.{name}.{key}"), limit, BYTES.0, BYTES.1);
                }
            }
            if let Some(limit) = route.deadline_limit {
                rules.time(&format!("routes.{name}.deadline_limit"), limit, "10ms", "1h");
            }
        }
        for (name, access) in &self.access {
            let key = format!("access.{name}");
            if !is_method(name) {
                rules.broken(&key, NO_METHOD);
            }
            if access.anyone != access.roles.is_empty() {
                rules.broken(&key, "must have either roles or anyone = true");
            }
            for role in &access.roles {
                if let Err(error) = role.parse::<Role>() {
                    rules.broken(&format!("{key}.roles"), format!("\"{role}\" is none: {error}"));
                }
            }
        }
        for (key, entries) in [
            ("origins", self.origins.len()),
            ("routes", self.routes.len()),
            ("access", self.access.len()),
        ] {
            if entries > ENTRIES {
                rules.broken(key, format!("must have at most {ENTRIES} entries"));
            }
        }
        rules.share("log.sample", self.log.sample, 0.0, 1.0);
    }
}

impl Access {
    /// As methods' contracts say it.
    #[must_use]
    pub fn to_rule(&self) -> principal::Access {
        if self.anyone {
            return principal::Access::ANYONE;
        }
        let roles: Vec<Role> = self.roles.iter().filter_map(|role| role.parse().ok()).collect();
        principal::Access::of(&roles)
    }
}

const NO_METHOD: &str = "is no name of a method: write package.Service/Method or package.Service/*";

impl HeaderRules {
    fn check(&self, section: &str, is_kept: fn(&str) -> bool, rules: &mut Rules<'_>) {
        let removed = self.remove.iter().map(|name| ("remove", name, None));
        let set = self.set.iter().map(|(name, value)| ("set", name, Some(value)));
        let added = self.add.iter().map(|(name, value)| ("add", name, Some(value)));
        for (kind, name, value) in removed.chain(set).chain(added) {
            let key = format!("{section}.{kind}");
            match HeaderName::from_bytes(name.as_bytes()) {
                Err(_) => rules.broken(&key, format!("\"{name}\" is no name of a header")),
                Ok(name) if is_kept(name.as_str()) => {
                    rules.broken(&key, format!("{name} belongs to the protocol or to the gateway"));
                }
                Ok(_) => {}
            }
            if value.is_some_and(|value| value.len() > VALUE_LIMIT || HeaderValue::from_str(value).is_err()) {
                rules.broken(
                    &key,
                    format!("the value of {name} must be visible ASCII of at most {VALUE_LIMIT} bytes"),
                );
            }
        }
        if self.remove.len() + self.set.len() + self.add.len() > RULES {
            rules.broken(section, format!("must have at most {RULES} rules"));
        }
    }
}

fn is_origin(origin: &str) -> bool {
    origin == "*"
        || origin
            .split_once("://")
            .is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains('/'))
}

/// `package.Service/Method`, or every method of a service.
fn is_method(name: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    name.split_once('/').is_some_and(|(service, method)| {
        is_name(service) && (method == "*" || (is_name(method) && !method.contains('.')))
    })
}

/// Headers of a request that no rule may touch: of the connection, of gRPC, of the body, of the call's context.
fn is_kept_up(name: &str) -> bool {
    is_of_protocol(name)
        || matches!(
            name,
            "traceparent" | "tracestate" | "x-correlation-id" | "cookie" | "origin"
        )
}

/// Headers of an answer that no rule may touch; what keeps other sites out may be made stricter, so it may be set.
fn is_kept_down(name: &str) -> bool {
    is_of_protocol(name)
        || name.starts_with("access-control-")
        || matches!(name, "vary" | "date" | "set-cookie" | "alt-svc" | "x-correlation-id")
}

fn is_of_protocol(name: &str) -> bool {
    name.starts_with("lyceum-")
        || name.starts_with("grpc-")
        || name.starts_with("proxy-")
        || matches!(
            name,
            "connection"
                | "content-encoding"
                | "content-length"
                | "content-type"
                | "expect"
                | "host"
                | "http2-settings"
                | "keep-alive"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use crate::policy::{Error, Policy};

    fn keys(document: &str) -> Vec<String> {
        match Policy::default().with(document.as_bytes()) {
            Err(Error::Wrong(problems)) => problems.into_iter().map(|problem| problem.key).collect(),
            other => panic!("{document}: {other:?}"),
        }
    }

    #[test]
    fn a_document_says_everything_about_the_edge() {
        let policy = Policy::default()
            .with(
                br#"
                [edge]
                origins = ["https://school.example", "http://127.0.0.1:5173"]
                preflight_age = "10min"
                [edge.request_headers]
                remove = ["x-debug"]
                set.x-school = "north"
                [edge.response_headers]
                set.content-security-policy = "default-src 'self'"
                add.x-served-by = "lyceum"
                [edge.routes."lyceum.writing_analysis.v1.WritingAnalysisService/AnalyzeWriting"]
                body_limit = 65536
                deadline_limit = "4s"
                [edge.routes."mirror.v1.MirrorService/*"]
                message_limit = 1024
                [edge.access."mirror.v1.MirrorService/Echo"]
                roles = ["educator", "service"]
                [edge.access."mirror.v1.MirrorService/*"]
                anyone = true
                [edge.log]
                sample = 0.1
                "#,
            )
            .unwrap();
        let edge = &policy.edge;
        assert_eq!(edge.routes.len(), 2);
        assert_eq!(edge.routes["mirror.v1.MirrorService/*"].message_limit, Some(1024));
        assert!(edge.access["mirror.v1.MirrorService/*"].anyone);
        assert_eq!(edge.access["mirror.v1.MirrorService/Echo"].roles.len(), 2);
        assert_eq!((edge.preflight_age.as_secs(), edge.body_limit), (600, 8 * 1024 * 1024));
        let written = toml::to_string(&policy).unwrap();
        assert_eq!(Policy::default().with(written.as_bytes()).unwrap(), policy);
    }

    #[test]
    fn what_breaks_a_rule_is_told_with_its_key() {
        for (document, key) in [
            ("[edge]\norigins = [\"school.example\"]", "edge.origins"),
            ("[edge]\norigins = [\"https://a/b\"]", "edge.origins"),
            ("[edge]\npreflight_age = \"2days\"", "edge.preflight_age"),
            ("[edge]\nbody_limit = 100", "edge.body_limit"),
            ("[edge]\nmessage_limit = 4000000000", "edge.message_limit"),
            ("[edge]\ndeadline_limit = \"2h\"", "edge.deadline_limit"),
            (
                "[edge.request_headers]\nremove = [\"lyceum-principal\"]",
                "edge.request_headers.remove",
            ),
            (
                "[edge.request_headers]\nset.Grpc-Timeout = \"1S\"",
                "edge.request_headers.set",
            ),
            ("[edge.request_headers]\nadd.te = \"gzip\"", "edge.request_headers.add"),
            (
                "[edge.request_headers]\nadd.\"a b\" = \"x\"",
                "edge.request_headers.add",
            ),
            (
                "[edge.request_headers]\nadd.x-a = \"x\\r\\ny: z\"",
                "edge.request_headers.add",
            ),
            (
                "[edge.response_headers]\nset.connection = \"close\"",
                "edge.response_headers.set",
            ),
            (
                "[edge.response_headers]\nset.access-control-allow-origin = \"*\"",
                "edge.response_headers.set",
            ),
            ("[edge.routes.\"a.B\"]\nbody_limit = 2048", "edge.routes.a.B"),
            ("[edge.routes.\"a.B/C/D\"]\nbody_limit = 2048", "edge.routes.a.B/C/D"),
            (
                "[edge.routes.\"a.B/C\"]\nbody_limit = 1",
                "edge.routes.a.B/C.body_limit",
            ),
            (
                "[edge.routes.\"a.B/*\"]\ndeadline_limit = \"1us\"",
                "edge.routes.a.B/*.deadline_limit",
            ),
            ("[edge.routes.\"a.B/*\"]\nnosuch = 1", "edge.routes.a.B/*.nosuch"),
            ("[edge.access.\"a.B/C\"]\nanyone = false", "edge.access.a.B/C"),
            (
                "[edge.access.\"a.B/C\"]\nanyone = true\nroles = [\"parent\"]",
                "edge.access.a.B/C",
            ),
            ("[edge.access.\"a.B/C\"]\nroles = [\"king\"]", "edge.access.a.B/C.roles"),
            ("[edge.log]\nsample = 2.0", "edge.log.sample"),
        ] {
            assert!(
                keys(document).contains(&key.to_owned()),
                "{document}: {:?}",
                keys(document)
            );
        }
        let many: String = (0..65).map(|number| format!("\"x-{number}\",")).collect();
        assert_eq!(
            keys(&format!("[edge.response_headers]\nremove = [{many}]")),
            ["edge.response_headers"]
        );
    }
}
