//! Authorization: which identity may call which service.
//!
//! The default lets every identity of the same trust domain call; a list in the configuration narrows that, line by
//! line. The decision is a seam ([`Authorize`]), because Consul's intentions decide it next. When not: what a *person*
//! may do (student, educator) is not decided here, but by the principal in the context.
//! Source: Consul intentions; zero trust: the callee decides, on a proven identity, for every request.

use std::fmt;

use crate::identity::{Holder, SpiffeId};

/// Decides about one call.
pub trait Authorize: Send + Sync + fmt::Debug {
    /// Whether `caller` may call `service` at all.
    fn allows(&self, caller: &SpiffeId, service: &str) -> bool;
}

/// A line of the list: `caller -> callee`, each a name or `*`; `operator` means every operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    caller: String,
    callee: String,
}

/// A line that is no rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no rule: write \"caller -> callee\", each a service's name, \"operator\" or \"*\"")]
pub struct NoRule(String);

impl Rule {
    /// Reads a line.
    ///
    /// # Errors
    /// Anything but two names around an arrow.
    pub fn parse(line: &str) -> Result<Self, NoRule> {
        let named = |name: &str| {
            !name.is_empty()
                && (name == "*"
                    || name
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        };
        match line
            .split_once("->")
            .map(|(caller, callee)| (caller.trim(), callee.trim()))
        {
            Some((caller, callee)) if named(caller) && named(callee) => Ok(Self {
                caller: caller.to_owned(),
                callee: callee.to_owned(),
            }),
            _ => Err(NoRule(line.to_owned())),
        }
    }

    fn covers(&self, caller: &SpiffeId, service: &str) -> bool {
        let caller_fits = self.caller == "*"
            || match caller.holder() {
                Holder::Service(name) => *name == self.caller,
                Holder::Operator(_) => self.caller == "operator",
                Holder::Other => false,
            };
        caller_fits && (self.callee == "*" || self.callee == service)
    }
}

/// The configured list; empty lets the whole trust domain in (the handshake has already refused everybody else).
#[derive(Clone, Debug, Default)]
pub struct Listed {
    rules: Vec<Rule>,
}

impl Listed {
    /// The list of the configuration.
    ///
    /// # Errors
    /// The first line that is no rule.
    pub fn parse(lines: &[String]) -> Result<Self, NoRule> {
        Ok(Self {
            rules: lines.iter().map(|line| Rule::parse(line)).collect::<Result<_, _>>()?,
        })
    }
}

impl Authorize for Listed {
    fn allows(&self, caller: &SpiffeId, service: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| rule.covers(caller, service))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn listed(lines: &[&str]) -> Listed {
        Listed::parse(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_empty_list_lets_the_trust_domain_in() {
        let gateway = SpiffeId::service("d", "dc1", "gateway").unwrap();
        assert!(listed(&[]).allows(&gateway, "anything"));
    }

    #[test]
    fn a_list_lets_in_only_whom_it_names() {
        let rules = listed(&["gateway -> writing-analysis", "operator->*"]);
        let gateway = SpiffeId::service("d", "dc1", "gateway").unwrap();
        let other = SpiffeId::service("d", "dc1", "other").unwrap();
        let operator = SpiffeId::operator("d", "ada").unwrap();
        assert!(rules.allows(&gateway, "writing-analysis"));
        assert!(!rules.allows(&gateway, "ai-validator"));
        assert!(!rules.allows(&other, "writing-analysis"));
        assert!(rules.allows(&operator, "ai-validator"));
    }

    #[test]
    fn nonsense_is_no_rule() {
        for line in ["", "a", "a ->", "-> b", "a b -> c", "A -> b"] {
            assert!(Rule::parse(line).is_err(), "{line}");
        }
    }
}
