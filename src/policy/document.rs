//! Reading a document above what lies below it, and telling everything that is wrong with it.

use toml::{Table, Value};

use super::Policy;
use super::rules::Rules;
use crate::configuration::{Problem, overlay};
use crate::contracts::{METHODS, Method};

/// The longest document that is read, in bytes; Consul itself takes 512 KiB.
pub const DOCUMENT_LIMIT: usize = 64 * 1024;

/// Why a document does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is too long.
    #[error("the policy has {0} bytes; at most {DOCUMENT_LIMIT} are read")]
    TooLong(usize),
    /// It cannot be read at all.
    #[error("the policy is not TOML: {0}")]
    NotToml(String),
    /// Keys that are wrong, all of them.
    #[error("the policy has {}", listed(.0))]
    Wrong(Vec<Problem>),
}

fn listed(problems: &[Problem]) -> String {
    let plural = if problems.len() == 1 { "" } else { "s" };
    let mut text = format!("{} problem{plural}:", problems.len());
    for Problem { key, problem } in problems {
        text.push_str(&format!("\n  {key}: {problem}"));
    }
    text
}

/// A document's tables.
pub(super) fn parse(document: &[u8]) -> Result<Table, Error> {
    if document.len() > DOCUMENT_LIMIT {
        return Err(Error::TooLong(document.len()));
    }
    let text = std::str::from_utf8(document).map_err(|error| Error::NotToml(error.to_string()))?;
    text.parse::<Table>().map_err(|error| {
        // As a person counts them; the error's own picture of the place takes several lines.
        let line = error
            .span()
            .map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Error::NotToml(format!("line {line}: {}", first_line(error.message())))
    })
}

impl Policy {
    /// This policy with a document above it.
    ///
    /// # Errors
    /// Everything that is wrong with the document, and with what it and this policy add up to.
    pub fn with(&self, document: &[u8]) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let policy = self.with_table(parse(document)?, &mut problems);
        if problems.is_empty() {
            Ok(policy)
        } else {
            Err(Error::Wrong(problems))
        }
    }

    /// As [`Policy::with`], out of tables; worth something only where there are no problems.
    pub(crate) fn with_table(&self, mut document: Table, problems: &mut Vec<Problem>) -> Self {
        let mut unread: Vec<Vec<String>> = Vec::new();
        for (path, value) in leaves(&document) {
            if let Some(problem) = wrong(&path, value) {
                problems.push(Problem {
                    key: path.join("."),
                    problem,
                });
                unread.push(path.into_iter().map(str::to_owned).collect());
            }
        }
        // The rest is read without them, so that what else is wrong is told too.
        for path in &unread {
            take_out(&mut document, path);
        }
        let mut merged = Table::try_from(self).unwrap_or_default();
        overlay(&mut merged, document);
        match merged.try_into::<Self>() {
            Ok(policy) => {
                policy.check(problems);
                policy
            }
            Err(error) => {
                problems.push(Problem {
                    key: "policy".to_owned(),
                    problem: first_line(error.message()),
                });
                self.clone()
            }
        }
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        let bulkheads = self.serving.bulkheads.keys().map(|name| ("serving.bulkheads", name));
        self.call.check(&mut Rules::of("call", problems));
        for (name, patch) in &self.methods {
            let mut broken = Vec::new();
            let section = format!("methods.{name}");
            self.method(name).check(&mut Rules::of(&section, &mut broken));
            // What the whole service has wrong was told already.
            let own = |problem: &Problem| {
                problem.key[section.len() + 1..]
                    .split('.')
                    .next()
                    .is_some_and(|key| patch.contains_key(key))
                    || !problems.iter().any(|known| {
                        known.problem == problem.problem
                            && known.key.strip_prefix("call.") == Some(&problem.key[section.len() + 1..])
                    })
            };
            broken.retain(own);
            problems.extend(broken);
        }
        for (section, name) in self.methods.keys().map(|name| ("methods", name)).chain(bulkheads) {
            let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !named {
                Rules::of(section, problems)
                    .broken(name, "is no name of a method: letters and digits, as AnalyzeWriting");
            }
        }
        self.budget.check(&mut Rules::of("budget", problems));
        self.balancing.check(&mut Rules::of("balancing", problems));
        self.serving.check(&mut Rules::of("serving", problems));
        self.edge.check(problems);
    }

    /// The names in this policy that are no methods of the service, as far as this program knows it: none where it does
    /// not. Not an error, as the contract may be newer than the program.
    #[must_use]
    pub fn unknown_methods(&self, service: &str) -> Vec<String> {
        let known: Vec<&str> = METHODS
            .iter()
            .filter(|method| is_of(method, service))
            .map(name)
            .collect();
        if known.is_empty() {
            return Vec::new();
        }
        let names = self.methods.keys().chain(self.serving.bulkheads.keys());
        let mut unknown: Vec<_> = names.filter(|name| !known.contains(&name.as_str())).cloned().collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }
}

/// The last part of a method's path, which is its name in a policy.
pub(super) fn name(method: &Method) -> &'static str {
    method.path.rsplit('/').next().unwrap_or_default()
}

/// Whether a method belongs to the service with this name in Consul: the contract's package is
/// `lyceum.<service>.<version>`.
pub(super) fn is_of(method: &Method, service: &str) -> bool {
    let package = method.service.split('.').nth(1).unwrap_or_default();
    package.len() == service.len()
        && package
            .bytes()
            .zip(service.bytes())
            .all(|(a, b)| a == b || (a, b) == (b'_', b'-'))
}

/// Every value of a document with its path; an empty table is one.
pub(super) fn leaves(table: &Table) -> Vec<(Vec<&str>, &Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(below) if !below.is_empty() => found.extend(leaves(below).into_iter().map(|(path, value)| {
                let path = std::iter::once(key.as_str()).chain(path).collect();
                (path, value)
            })),
            value => found.push((vec![key.as_str()], value)),
        }
    }
    found
}

fn take_out(table: &mut Table, path: &[String]) {
    match path {
        [key] => {
            table.remove(key);
        }
        [key, below @ ..] => {
            if let Some(Value::Table(inner)) = table.get_mut(key) {
                take_out(inner, below);
                if inner.is_empty() {
                    table.remove(key);
                }
            }
        }
        [] => {}
    }
}

/// What is wrong with one value alone, so that each mistake is told.
fn wrong(path: &[&str], value: &Value) -> Option<String> {
    let path = match path {
        ["methods", _, key @ ..] if !key.is_empty() => std::iter::once("call").chain(key.iter().copied()).collect(),
        path => path.to_vec(),
    };
    let alone = path.iter().rev().fold(value.clone(), |value, key| {
        Value::Table(Table::from_iter([((*key).to_owned(), value)]))
    });
    alone
        .try_into::<Policy>()
        .err()
        .map(|error| first_line(error.message()))
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
