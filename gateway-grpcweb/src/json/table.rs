//! What of a request's path is a method's, looked up without a lock.
//!
//! Made anew with each generation of the schema. When not: paths that begin with a package's name are gRPC's, whoever
//! speaks it.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use http::{HeaderValue, Method, request};
use lyceum::error::Error as Refusal;
use tonic::Code;

use super::rule::{self, Rule};
use super::tree::{Met, Tree};
use crate::openapi::Documents;
use crate::schema::{Idempotency, MethodInfo, Schema, ServiceInfo};
use crate::versions::{Choices, Names};

/// Where methods are named.
const ROOT: &str = "/api/";

/// Every path of a generation.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) names: Names,
    tree: Tree,
    rules: Vec<Arc<Rule>>,
    services: Arc<[Arc<ServiceInfo>]>,
    documents: OnceLock<Documents>,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) method: Arc<MethodInfo>,
    /// The binding that was met, and its variables' values; none below `/api/`.
    pub(crate) rule: Option<(Arc<Rule>, Vec<String>)>,
}

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Place {
    /// A method.
    Method(Target),
    /// Methods for other HTTP methods, which are these.
    Others(HeaderValue),
    /// Nothing, though it is a place for methods.
    Refused(Refusal),
}

// === impl Table ===

impl Table {
    pub(crate) fn new(services: Arc<[Arc<ServiceInfo>]>) -> Self {
        let mut tree = Tree::default();
        let mut all = Vec::new();
        for method in services.iter().flat_map(|service| &service.methods) {
            let (rules, errors) = rule::of(method);
            for error in errors {
                tracing::warn!(method = method.path, %error, "a google.api.http binding is left out");
            }
            for rule in rules {
                match tree.add(rule) {
                    Ok(rule) => all.push(rule),
                    Err(known) => tracing::warn!(
                        method = method.path,
                        has = known.method.path,
                        path = known.path,
                        "two methods want one path"
                    ),
                }
            }
        }
        Self {
            names: Names::new(&services),
            tree,
            rules: all,
            services,
            documents: OnceLock::new(),
        }
    }

    /// Whether it was made of these, the newest.
    pub(crate) fn is_of(&self, services: &Arc<[Arc<ServiceInfo>]>) -> bool {
        Arc::ptr_eq(&self.services, services)
    }

    /// Every service, by name.
    pub(crate) fn services(&self) -> &[Arc<ServiceInfo>] {
        &self.services
    }

    /// Every binding.
    pub(crate) fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// What is told of all this; the first time it takes a while.
    pub(crate) fn documents(&self) -> &Documents {
        self.documents.get_or_init(|| Documents::new(self))
    }

    /// What is at a request's path; none where it is no place for methods.
    pub(crate) fn place(
        &self,
        parts: &request::Parts,
        is_settled: impl FnOnce() -> bool,
        choices: &Choices,
    ) -> Option<Place> {
        let path = parts.uri.path();
        let Some(named) = path.strip_prefix(ROOT) else {
            return match self.tree.find(&parts.method, path) {
                Met::Rule(rule, values) => Some(Place::Method(Target {
                    method: Arc::clone(&rule.method),
                    rule: Some((rule, values)),
                })),
                Met::Others(others) => Some(Place::Others(listed(&others))),
                // Nobody posts to a page: what is posted is meant for a method.
                Met::Nothing if parts.method == Method::POST && !is_settled() => {
                    Some(Place::Refused(crate::refusal::not_ready()))
                }
                Met::Nothing => None,
            };
        };
        Some(match self.named(parts, named, choices) {
            Ok(place) => place,
            // Before everything is known, nothing is unknown.
            Err(_) if !is_settled() => Place::Refused(crate::refusal::not_ready()),
            Err(refusal) => Place::Refused(refusal),
        })
    }

    fn named(&self, parts: &request::Parts, named: &str, choices: &Choices) -> Result<Place, Refusal> {
        let nothing = || Refusal::new(Code::NotFound, "PATH_UNKNOWN", "the path is /api/<service>/<method>");
        let (service, method) = named
            .split_once('/')
            .filter(|(service, method)| !service.is_empty() && !method.is_empty() && !method.contains('/'))
            .ok_or_else(nothing)?;
        let offered = self.names.find(service, method, &parts.headers, choices)?;
        let readable = offered.method.idempotency == Idempotency::NoSideEffects && !offered.method.client_streaming;
        let allowed = parts.method == Method::POST || (parts.method == Method::GET && readable);
        if !allowed {
            let methods: &[Method] = if readable {
                &[Method::GET, Method::POST]
            } else {
                &[Method::POST]
            };
            return Ok(Place::Others(listed(methods)));
        }
        Ok(Place::Method(Target {
            method: Arc::clone(&offered.method),
            rule: None,
        }))
    }
}

fn listed(methods: &[Method]) -> HeaderValue {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    names.push("OPTIONS");
    names.sort_unstable();
    names.dedup();
    // They are tokens, so they are a header.
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static("POST"))
}

/// Keeps the table up to date for as long as it runs.
pub(crate) async fn follow(schema: Arc<Schema>, table: Arc<ArcSwap<Table>>) {
    let mut changes = schema.watch();
    loop {
        changes.mark_unchanged();
        table.store(Arc::new(Table::new(schema.services())));
        if changes.changed().await.is_err() {
            return;
        }
    }
}
