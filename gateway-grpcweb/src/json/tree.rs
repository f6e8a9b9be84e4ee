//! Every template at once: from a path to the rule that it meets.
//!
//! What is written out goes before `*`, and `*` before `**`, segment by segment, so that it does not matter who was first.
//! When not: a path below `/api/` names its method; it is in [`versions`](crate::versions).

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use percent_encoding::percent_decode_str;

use super::rule::Rule;
use super::template::{SEGMENTS, Segment};

/// Rules by their templates.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    one: Option<Box<Node>>,
    rest: Vec<Arc<Rule>>,
    here: Vec<Arc<Rule>>,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Met {
    /// To this rule, with these values for its variables.
    Rule(Arc<Rule>, Vec<String>),
    /// To rules for other HTTP methods.
    Others(Vec<Method>),
    /// Nowhere.
    Nothing,
}

// === impl Tree ===

impl Tree {
    /// Adds a rule, unless another has its path already.
    pub(crate) fn add(&mut self, rule: Rule) -> Result<Arc<Rule>, Arc<Rule>> {
        let mut node = &mut self.root;
        let mut open = false;
        for segment in &rule.template.segments {
            match segment {
                Segment::Literal(text) => node = node.literals.entry(text.clone()).or_default(),
                Segment::One => node = node.one.get_or_insert_default(),
                Segment::Rest => open = true,
            }
        }
        let rules = if open { &mut node.rest } else { &mut node.here };
        let same = rules
            .iter()
            .find(|known| known.http == rule.http && known.template.verb == rule.template.verb);
        if let Some(known) = same {
            return Err(Arc::clone(known));
        }
        let rule = Arc::new(rule);
        rules.push(Arc::clone(&rule));
        Ok(rule)
    }

    /// Where a request's path leads.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Met {
        let Some(path) = path.strip_prefix('/') else {
            return Met::Nothing;
        };
        if path.bytes().filter(|byte| *byte == b'/').count() >= SEGMENTS {
            return Met::Nothing;
        }
        let mut search = Search {
            method,
            others: Vec::new(),
        };
        let verb = path.rsplit_once(':').filter(|(_, verb)| !verb.contains('/'));
        for (path, verb) in verb
            .map(|(path, verb)| (path, Some(verb)))
            .into_iter()
            .chain([(path, None)])
        {
            let decoded: Option<Vec<String>> = path
                .split('/')
                .map(|segment| percent_decode_str(segment).decode_utf8().ok().map(Into::into))
                .collect();
            let Some(segments) = decoded else { return Met::Nothing };
            if let Some(rule) = search.below(&self.root, &segments, verb) {
                let values = rule.template.values(&segments);
                return Met::Rule(Arc::clone(rule), values);
            }
        }
        if search.others.is_empty() {
            Met::Nothing
        } else {
            Met::Others(search.others)
        }
    }
}

struct Search<'m> {
    method: &'m Method,
    others: Vec<Method>,
}

impl Search<'_> {
    fn below<'t>(&mut self, node: &'t Node, segments: &[String], verb: Option<&str>) -> Option<&'t Arc<Rule>> {
        let found = match segments {
            [] => self.among(&node.here, verb),
            [first, rest @ ..] => {
                let literal = node.literals.get(first);
                literal.and_then(|node| self.below(node, rest, verb)).or_else(|| {
                    let one = node.one.as_deref().filter(|_| !first.is_empty())?;
                    self.below(one, rest, verb)
                })
            }
        };
        found.or_else(|| self.among(&node.rest, verb))
    }

    fn among<'t>(&mut self, rules: &'t [Arc<Rule>], verb: Option<&str>) -> Option<&'t Arc<Rule>> {
        let here = rules.iter().filter(|rule| rule.template.verb.as_deref() == verb);
        let (same, others): (Vec<_>, Vec<_>) = here.partition(|rule| rule.http == *self.method);
        self.others.extend(others.into_iter().map(|rule| rule.http.clone()));
        same.into_iter().next()
    }
}
