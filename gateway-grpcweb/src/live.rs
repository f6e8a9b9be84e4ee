//! The policy's `[edge]`, laid out for the path of a request and followed while the gateway runs.
//!
//! **What.** [`Live`] holds the newest [`Rules`]; a request reads them without a lock and without a look-up where no
//! route has a limit of its own. A document that has a mistake never gets here: the last good one stays.
//!
//! **When not.** What holds from the start to the end of a process is `configuration.gateway`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use http::{HeaderMap, HeaderName, HeaderValue};
use lyceum::policy::{Edge, HeaderRules, Watched};
use lyceum::principal::{Access, Role};

use crate::cors::Cors;
use crate::request::Limits;
use crate::versions::Choices;

/// The newest rules.
#[derive(Debug)]
pub(crate) struct Live {
    policy: Arc<Watched>,
    current: ArcSwap<Rules>,
    /// How long a body may send nothing: the same for all.
    idle: Duration,
}

/// What holds now.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Who may read answers.
    pub(crate) cors: Cors,
    /// What happens to headers on their way up.
    pub(crate) request: Headers,
    /// What happens to headers on their way down.
    pub(crate) response: Headers,
    /// Which version of an API a caller gets.
    pub(crate) versions: Choices,
    usual: Bounds,
    routes: ByMethod<Bounds>,
    access: ByMethod<Access>,
}

/// By `package.Service/Method`, or `package.Service/*`.
#[derive(Clone, Debug)]
struct ByMethod<T>(HashMap<String, T>);

/// How large and how long a call may be.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    limits: Limits,
    deadline: Duration,
}

/// Rules for headers: what is taken away, set, added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

// === impl Live ===

impl Live {
    /// What the policy says now; bodies may send nothing for as long as `idle`.
    pub(crate) fn new(policy: Arc<Watched>, idle: Duration) -> Self {
        let current = ArcSwap::from_pointee(Rules::of(&policy.load().edge, idle));
        Self { policy, current, idle }
    }

    /// What holds now. Not to be kept across a wait.
    pub(crate) fn load(&self) -> Guard<Arc<Rules>> {
        self.current.load()
    }

    /// Takes changes over for as long as it runs.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut changes = self.policy.changes();
        loop {
            changes.borrow_and_update();
            self.current
                .store(Arc::new(Rules::of(&self.policy.load().edge, self.idle)));
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

// === impl Rules ===

impl Rules {
    pub(crate) fn of(edge: &Edge, idle: Duration) -> Self {
        let bounds = |body: u32, message: u32, deadline| Bounds {
            limits: Limits {
                bytes: usize::try_from(body).unwrap_or(usize::MAX),
                message: usize::try_from(message.min(body)).unwrap_or(usize::MAX),
                idle,
            },
            deadline,
        };
        let route = |(name, route): (&String, &lyceum::policy::Route)| {
            let bounds = bounds(
                route.body_limit.unwrap_or(edge.body_limit),
                route.message_limit.unwrap_or(edge.message_limit),
                route.deadline_limit.unwrap_or(edge.deadline_limit),
            );
            (name.clone(), bounds)
        };
        let access = |(name, access): (&String, &lyceum::policy::Access)| (name.clone(), access_of(access));
        Self {
            cors: Cors::new(&edge.origins, edge.preflight_age),
            request: Headers::of(&edge.request_headers),
            response: Headers::of(&edge.response_headers),
            versions: Choices::of_policy(&edge.versions),
            usual: bounds(edge.body_limit, edge.message_limit, edge.deadline_limit),
            routes: ByMethod(edge.routes.iter().map(route).collect()),
            access: ByMethod(edge.access.iter().map(access).collect()),
        }
    }

    /// How large a call of `/package.Service/Method` may be.
    pub(crate) fn limits(&self, path: &str) -> Limits {
        self.bounds(path).limits
    }

    /// The longest that it may take.
    pub(crate) fn deadline_limit(&self, path: &str) -> Duration {
        self.bounds(path).deadline
    }

    /// Who may call it, where an operator said so.
    pub(crate) fn access(&self, path: &str) -> Option<Access> {
        self.access.of(path).copied()
    }

    fn bounds(&self, path: &str) -> &Bounds {
        self.routes.of(path).unwrap_or(&self.usual)
    }
}

// === impl ByMethod ===

impl<T> ByMethod<T> {
    /// What was said of `/package.Service/Method`, else of its service.
    fn of(&self, path: &str) -> Option<&T> {
        if self.0.is_empty() {
            return None;
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        self.0.get(path).or_else(|| {
            let (service, _) = path.split_once('/')?;
            self.0.get(&format!("{service}/*"))
        })
    }
}

fn access_of(said: &lyceum::policy::Access) -> Access {
    if said.anyone {
        return Access::ANYONE;
    }
    // The policy was read before: what is no role is not in it.
    let roles: Vec<Role> = said.roles.iter().filter_map(|role| role.parse().ok()).collect();
    Access::of(&roles)
}

// === impl Headers ===

impl Headers {
    /// The policy was read before: what is no header is not in it.
    fn of(rules: &HeaderRules) -> Self {
        let name = |name: &String| HeaderName::from_bytes(name.as_bytes()).ok();
        let pair = |(key, value): (&String, &String)| Some((name(key)?, HeaderValue::from_str(value).ok()?));
        Self {
            remove: rules.remove.iter().filter_map(name).collect(),
            set: rules.set.iter().filter_map(pair).collect(),
            add: rules.add.iter().filter_map(pair).collect(),
        }
    }

    /// Does to headers what the rules say.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use lyceum::policy::Policy;

    use super::*;

    fn rules(document: &str) -> Rules {
        let policy = Policy::default().with(document.as_bytes()).unwrap();
        Rules::of(&policy.edge, Duration::from_secs(1))
    }

    #[test]
    fn access_is_what_was_said_of_a_method_then_of_its_service() {
        let rules = rules("[edge.access.\"a.B/C\"]\nroles = [\"parent\"]\n[edge.access.\"a.B/*\"]\nanyone = true");
        assert_eq!(rules.access("/a.B/C"), Some(Access::of(&[Role::Parent])));
        assert_eq!(rules.access("/a.B/D"), Some(Access::ANYONE));
        assert_eq!(rules.access("/a.C/C"), None);
    }

    #[test]
    fn a_method_has_its_own_limits_then_its_services_then_the_usual() {
        let rules = rules(
            "[edge]\nbody_limit = 4096\nmessage_limit = 8192\n[edge.routes.\"a.B/C\"]\nbody_limit = 2048\n\
             [edge.routes.\"a.B/*\"]\nmessage_limit = 1024\ndeadline_limit = \"3s\"",
        );
        let of = |path| (rules.limits(path).bytes, rules.limits(path).message);
        assert_eq!(of("/a.B/C"), (2048, 2048), "no message is larger than its body");
        assert_eq!(of("/a.B/D"), (4096, 1024));
        assert_eq!(of("/a.C/C"), (4096, 4096));
        assert_eq!(of("/"), (4096, 4096));
        assert_eq!(rules.deadline_limit("/a.B/D").as_secs(), 3);
        assert_eq!(rules.deadline_limit("/a.B/C").as_secs(), 300);
    }

    #[test]
    fn headers_are_taken_away_then_set_then_added() {
        let rules =
            rules("[edge.response_headers]\nremove = [\"x-a\"]\nset.x-b = \"2\"\nadd.x-c = \"3\"\nadd.x-a = \"new\"");
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-a", "old"), ("x-b", "1"), ("x-c", "1"), ("x-d", "1")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        rules.response.apply(&mut headers);
        let values = |name| headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(values("x-a"), ["new"]);
        assert_eq!(values("x-b"), ["2"]);
        assert_eq!(values("x-c"), ["1", "3"]);
        assert_eq!(values("x-d"), ["1"]);
    }
}
