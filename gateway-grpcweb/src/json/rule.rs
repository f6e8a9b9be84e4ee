//! One binding of a method to an HTTP method and a path, as its contract's `google.api.http` says.
//!
//! Read by name from what was reflected, so that a newer version of the annotation does no harm. A rule that names a field
//! that is not there, or a path that is the gateway's own, is left out and logged: the method itself can still be called
//! below `/api/`. Source: `google/api/http.proto`, AIP-127.

use std::sync::Arc;

use http::Method;
use prost_reflect::{DynamicMessage, FieldDescriptor, Value};

use super::fields;
use super::template::{self, Template};
use crate::schema::MethodInfo;

/// First segments that are not a service's to take.
const OWN: [&str; 7] = ["api", "batch", "gateway", "graphql", "mcp", "openapi", ".well-known"];
/// The most bindings of one method.
const BINDINGS: usize = 64;

/// A binding.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) method: Arc<MethodInfo>,
    pub(crate) http: Method,
    pub(crate) template: Template,
    /// As the contract writes it.
    pub(crate) path: String,
    /// The fields of the template's variables.
    pub(crate) variables: Vec<Vec<FieldDescriptor>>,
    pub(crate) body: Body,
    /// The only field of the answer that is told.
    pub(crate) response_body: Option<FieldDescriptor>,
}

/// What of a message a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nothing: fields come from the path and the query.
    None,
    /// All that the path does not say.
    All,
    /// This field.
    Field(FieldDescriptor),
}

/// Why a binding is left out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Template(#[from] template::Error),
    #[error("the path is the gateway's own")]
    Own,
    #[error("{0} is no field that a path can hold")]
    Variable(String),
    #[error("{0} is not a field that a body can be")]
    Body(String),
    #[error("the HTTP method cannot be read")]
    Verb,
    #[error("more than {BINDINGS} bindings")]
    TooMany,
}

/// The bindings of a method, with what was wrong with some.
pub(crate) fn of(method: &Arc<MethodInfo>) -> (Vec<Rule>, Vec<Error>) {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    let Some(Value::Message(http)) = method.option("google.api.http") else {
        return (rules, errors);
    };
    let more = http.get_field_by_name("additional_bindings");
    let more = more.as_deref().and_then(Value::as_list).unwrap_or_default();
    if more.len() >= BINDINGS {
        errors.push(Error::TooMany);
    }
    let all = std::iter::once(&http)
        .chain(more.iter().filter_map(Value::as_message))
        .take(BINDINGS);
    for binding in all {
        match Rule::read(method, binding) {
            Ok(rule) => rules.push(rule),
            Err(error) => errors.push(error),
        }
    }
    (rules, errors)
}

impl Rule {
    pub(super) fn read(method: &Arc<MethodInfo>, binding: &DynamicMessage) -> Result<Self, Error> {
        let (http, path) = pattern(binding).ok_or(Error::Verb)?;
        let template = Template::parse(&path)?;
        let first = path[1..].split(['/', ':']).next().unwrap_or_default();
        // A first segment with a dot is a package: those paths are gRPC's.
        if OWN.contains(&first) || first.starts_with(['{', '*']) || first.contains('.') {
            return Err(Error::Own);
        }
        let variables = template
            .variables
            .iter()
            .map(|variable| {
                fields::path(&method.input, &variable.field)
                    .filter(|path| {
                        path.last()
                            .is_some_and(|field| !field.is_list() && fields::is_single(field))
                    })
                    .ok_or_else(|| Error::Variable(variable.field.clone()))
            })
            .collect::<Result<_, _>>()?;
        let field = |message: &prost_reflect::MessageDescriptor, name: &str| {
            message
                .get_field_by_name(name)
                .ok_or_else(|| Error::Body(name.to_owned()))
        };
        let body = match &*text(binding, "body") {
            "" => Body::None,
            "*" => Body::All,
            name => Body::Field(field(&method.input, name)?),
        };
        let response_body = match &*text(binding, "response_body") {
            "" | "*" => None,
            name => Some(field(&method.output, name)?),
        };
        Ok(Self {
            method: Arc::clone(method),
            http,
            template,
            path,
            variables,
            body,
            response_body,
        })
    }
}

fn pattern(binding: &DynamicMessage) -> Option<(Method, String)> {
    for (name, method) in [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ] {
        if binding.has_field_by_name(name) {
            return Some((method, text(binding, name)));
        }
    }
    let custom = binding.get_field_by_name("custom")?;
    let custom = custom.as_message()?;
    let kind = text(custom, "kind");
    // Preflights are the gateway's to answer.
    (kind != "OPTIONS").then_some(())?;
    Some((Method::from_bytes(kind.as_bytes()).ok()?, text(custom, "path")))
}

fn text(message: &DynamicMessage, name: &str) -> String {
    message
        .get_field_by_name(name)
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
