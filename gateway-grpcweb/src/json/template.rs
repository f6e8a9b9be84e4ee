//! The paths of `google.api.http`: `/v1/{name=shelves/*}/books/{id}:check`.
//!
//! A template is segments, of which some are variables, and perhaps a verb behind a colon. When not: which of many
//! templates a path meets is for [`tree`](super::tree) to find. Source: `google/api/http.proto`.

/// The longest template, in bytes, and the most segments of a path.
const BYTES: usize = 1024;
pub(super) const SEGMENTS: usize = 64;

/// A template, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(super) segments: Vec<Segment>,
    pub(super) verb: Option<String>,
    pub(crate) variables: Vec<Variable>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// This and nothing else.
    Literal(String),
    /// Anything.
    One,
    /// Anything, and all that follows.
    Rest,
}

/// A part of the path that becomes a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The field, as `shelf.name`.
    pub(crate) field: String,
    /// Its first segment.
    pub(super) from: usize,
    /// One behind its last segment.
    pub(super) to: usize,
    /// Whether it may hold slashes.
    pub(super) many: bool,
}

/// Why a template is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("the path is longer than {BYTES} bytes or {SEGMENTS} segments")]
    TooLong,
    #[error("the path does not begin with a slash")]
    NoSlash,
    #[error("a segment is empty")]
    Empty,
    #[error("a brace is not closed, or not opened")]
    Brace,
    #[error("a variable has no name, or stands within another")]
    Variable,
    #[error("** stands before other segments")]
    NotLast,
}

impl Template {
    /// Takes a template apart.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > BYTES {
            return Err(Error::TooLong);
        }
        let rest = text.strip_prefix('/').ok_or(Error::NoSlash)?;
        let (path, verb) = verb(rest);
        let mut template = Self {
            segments: Vec::new(),
            verb: verb.map(str::to_owned),
            variables: Vec::new(),
        };
        if template.verb.as_deref() == Some("") {
            return Err(Error::Empty);
        }
        let mut rest = path;
        loop {
            rest = match rest.strip_prefix('{') {
                Some(inside) => {
                    let (variable, behind) = inside.split_once('}').ok_or(Error::Brace)?;
                    template.variable(variable)?;
                    behind
                }
                None => {
                    let end = rest.find('/').unwrap_or(rest.len());
                    template.segment(&rest[..end])?;
                    &rest[end..]
                }
            };
            match rest.strip_prefix('/') {
                Some(next) => rest = next,
                None if rest.is_empty() => break,
                None => return Err(Error::Brace),
            }
        }
        if template.segments.len() > SEGMENTS {
            return Err(Error::TooLong);
        }
        let ends = template.segments.iter().rev().skip(1);
        if ends.into_iter().any(|segment| *segment == Segment::Rest) {
            return Err(Error::NotLast);
        }
        Ok(template)
    }

    fn variable(&mut self, text: &str) -> Result<(), Error> {
        let (field, pattern) = text.split_once('=').unwrap_or((text, "*"));
        let named =
            !field.is_empty() && field.split('.').all(|name| !name.is_empty()) && !field.contains(['/', '{', '*']);
        if !named {
            return Err(Error::Variable);
        }
        let from = self.segments.len();
        for segment in pattern.split('/') {
            self.segment(segment)?;
        }
        let to = self.segments.len();
        self.variables.push(Variable {
            field: field.to_owned(),
            from,
            to,
            many: to - from > 1 || self.segments.last() == Some(&Segment::Rest),
        });
        Ok(())
    }

    fn segment(&mut self, text: &str) -> Result<(), Error> {
        self.segments.push(match text {
            "" => return Err(Error::Empty),
            "*" => Segment::One,
            "**" => Segment::Rest,
            text if text.contains(['{', '}']) => return Err(Error::Brace),
            text => Segment::Literal(text.to_owned()),
        });
        Ok(())
    }

    /// What a path that met this template says of each variable; segments are decoded.
    pub(super) fn values(&self, segments: &[String]) -> Vec<String> {
        self.variables
            .iter()
            .map(|variable| {
                let ends_open = variable.to == self.segments.len() && self.segments.last() == Some(&Segment::Rest);
                let to = if ends_open { segments.len() } else { variable.to };
                let taken = segments.get(variable.from..to).unwrap_or_default();
                if variable.many {
                    // A slash that was encoded is not one that parts segments.
                    let taken: Vec<String> = taken.iter().map(|segment| segment.replace('/', "%2F")).collect();
                    taken.join("/")
                } else {
                    taken.concat()
                }
            })
            .collect()
    }
}

/// A path without its verb, and the verb: what stands behind a colon that is in no braces and in the last segment.
fn verb(path: &str) -> (&str, Option<&str>) {
    let behind = path.rfind(['/', '}']).map_or(0, |at| at + 1);
    match path[behind..].rfind(':') {
        Some(colon) => (&path[..behind + colon], Some(&path[behind + colon + 1..])),
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_taken_apart() {
        let template = Template::parse("/v1/{name=shelves/*}/books/{book.id}:check").unwrap();
        assert_eq!(template.verb.as_deref(), Some("check"));
        assert_eq!(template.segments.len(), 5);
        assert_eq!(template.segments[3], Segment::Literal("books".to_owned()));
        let path = ["v1", "shelves", "7", "books", "a/b"].map(str::to_owned);
        assert_eq!(template.values(&path), ["shelves/7", "a/b"]);

        let template = Template::parse("/files/{path=**}").unwrap();
        let path = ["files", "a", "b/c", "d"].map(str::to_owned);
        assert_eq!(template.values(&path), ["a/b%2Fc/d"]);
        assert_eq!(template.values(&path[..1]), [""]);
        assert_eq!(
            Template::parse("/v1/drafts:analyze").unwrap().verb.as_deref(),
            Some("analyze")
        );
        assert_eq!(Template::parse("/{a=b:c/*}").unwrap().verb, None);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, error) in [
            ("v1", Error::NoSlash),
            ("/", Error::Empty),
            ("/v1//a", Error::Empty),
            ("/v1/a/", Error::Empty),
            ("/v1:", Error::Empty),
            ("/{a", Error::Brace),
            ("/a}", Error::Brace),
            ("/{a}b", Error::Brace),
            ("/{}", Error::Variable),
            ("/{a.}", Error::Variable),
            ("/{a={b}}", Error::Brace),
            ("/**/a", Error::NotLast),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
        assert_eq!(Template::parse(&"/a".repeat(65)), Err(Error::TooLong));
        assert_eq!(Template::parse(&"/a".repeat(10_000)), Err(Error::TooLong));
    }
}
