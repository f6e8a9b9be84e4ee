//! The OpenAPI document of every method.
//!
//! Requests and answers have schemas of their own (`request.<name>` and `<name>`): a request is held to its contract's
//! rules, an answer may leave out what stands at its default and may have more than the document knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;
use lyceum::principal::Role;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::json::{BodyOf as Body, Rule, Table, is_single};
use crate::schema::comments::Comments;
use crate::schema::json_schema::{Definitions, Side};
use crate::schema::{MethodInfo, ServiceInfo};
use crate::versions::{Choices, kebab};

/// The most parameters of a query that one operation lists.
const PARAMETERS: usize = 200;
/// How deep a field may stand to be listed.
const DEPTH: usize = 4;

const REQUEST: &str = "#/components/schemas/request.";
const ANSWER: &str = "#/components/schemas/";

/// A document in the making.
struct Writing {
    requests: Definitions,
    answers: Definitions,
    comments: Comments,
    paths: BTreeMap<String, Map<String, Value>>,
}

/// The whole document.
pub(super) fn of(table: &Table) -> Value {
    let mut writing = Writing {
        requests: Definitions::new(REQUEST, Side::Request),
        answers: Definitions::new(ANSWER, Side::Answer),
        comments: Comments::default(),
        paths: BTreeMap::new(),
    };
    let services = table.services();
    for method in services.iter().flat_map(|service| &service.methods) {
        writing.named(table, method);
    }
    for rule in table.rules() {
        writing.bound(rule);
    }
    let mut schemas = writing.answers.finish();
    schemas.extend(
        writing
            .requests
            .finish()
            .into_iter()
            .map(|(name, schema)| (format!("request.{name}"), schema)),
    );
    schemas.insert("google.rpc.Status".to_owned(), status());
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Lyceum",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every method that is served here, as its service reflects it.",
        },
        "servers": [{ "url": "/" }],
        "tags": services.iter().map(|service| tag(service)).collect::<Vec<_>>(),
        "paths": writing.paths,
        "components": {
            "schemas": schemas,
            "responses": { "Failure": failure() },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
        },
    })
}

fn tag(service: &ServiceInfo) -> Value {
    json!({ "name": service.name, "description": service.comment })
}

impl Writing {
    /// The path below `/api/`: the short one, where it means this method.
    fn named(&mut self, table: &Table, method: &Arc<MethodInfo>) {
        let short = kebab(&method.name);
        let is_default = table
            .names
            .find(&method.owner, &short, &HeaderMap::new(), &Choices::default())
            .is_ok_and(|found| Arc::ptr_eq(&found.method, method));
        let path = if is_default {
            format!("/api/{}/{short}", method.owner)
        } else {
            format!("/api/{}/{}", method.service, method.name)
        };
        let mut operation = self.operation(method, "");
        let input = self.requests.message(&method.input);
        operation.insert("requestBody".to_owned(), body(method, &input));
        let output = self.answers.message(&method.output);
        operation.insert("responses".to_owned(), self.responses(method, &output));
        self.paths
            .entry(path)
            .or_default()
            .insert("post".to_owned(), operation.into());
    }

    fn bound(&mut self, rule: &Rule) {
        let verb = rule.http.as_str().to_lowercase();
        // What OpenAPI has no word for cannot be told in it.
        if !matches!(&*verb, "get" | "put" | "post" | "delete" | "patch" | "head" | "trace") {
            return;
        }
        let (path, wildcards) = path(&rule.path);
        if self.paths.get(&path).is_some_and(|verbs| verbs.contains_key(&verb)) {
            return;
        }
        let method = &rule.method;
        let mut operation = self.operation(method, &format!("_{verb}_{}", self.paths.len()));
        let mut parameters: Vec<Value> = wildcards
            .into_iter()
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        let mut taken: Vec<String> = Vec::new();
        for (variable, fields) in rule.template.variables.iter().zip(&rule.variables) {
            if let Some(field) = fields.last() {
                parameters.push(self.parameter(&variable.field, "path", field));
            }
            taken.push(variable.field.clone());
        }
        match &rule.body {
            Body::All => {
                let schema = self.requests.message(&method.input);
                operation.insert("requestBody".to_owned(), body(method, &schema));
            }
            Body::Field(field) => {
                let schema = self.requests.field(field);
                operation.insert("requestBody".to_owned(), body(method, &schema));
                taken.push(field.name().to_owned());
                self.query(&method.input, "", &taken, &mut parameters);
            }
            Body::None => self.query(&method.input, "", &taken, &mut parameters),
        }
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        let schema = match &rule.response_body {
            Some(field) => self.answers.field(field),
            None => self.answers.message(&method.output),
        };
        operation.insert("responses".to_owned(), self.responses(method, &schema));
        self.paths.entry(path).or_default().insert(verb, operation.into());
    }

    fn operation(&self, method: &MethodInfo, suffix: &str) -> Map<String, Value> {
        let mut operation = Map::new();
        let id = format!("{}_{}{suffix}", method.service.replace('.', "_"), method.name);
        operation.insert("operationId".to_owned(), id.into());
        operation.insert("tags".to_owned(), json!([method.service]));
        if !method.comment.is_empty() {
            let first = method.comment.split_inclusive(". ").next().unwrap_or_default();
            let summary = first.replace('\n', " ");
            operation.insert("summary".to_owned(), summary.trim().into());
            operation.insert("description".to_owned(), method.comment.as_str().into());
        }
        if method.deprecated {
            operation.insert("deprecated".to_owned(), true.into());
        }
        let access = method.access.unwrap_or(lyceum::principal::Access::DENIED);
        if access.is_for_anyone() {
            operation.insert("security".to_owned(), json!([{}, { "token": [] }, { "key": [] }]));
        } else {
            let roles: Vec<&str> = Role::ALL
                .into_iter()
                .filter(|role| access.roles().contains(*role))
                .map(Role::name)
                .collect();
            operation.insert("x-roles".to_owned(), json!(roles));
            operation.insert("security".to_owned(), json!([{ "token": [] }, { "key": [] }]));
        }
        operation
    }

    fn responses(&mut self, method: &MethodInfo, schema: &Value) -> Value {
        let comment = self.comments.at(&method.output.parent_file(), method.output.path());
        let description = comment
            .filter(|comment| !comment.is_empty())
            .unwrap_or("The answer.")
            .to_owned();
        let content = if method.server_streaming {
            json!({
                "application/x-ndjson": { "schema": {
                    "description": "A line for each message; the last may be an error.",
                    "type": "object",
                    "properties": { "result": schema, "error": { "$ref": format!("{ANSWER}google.rpc.Status") } },
                } },
                "text/event-stream": { "schema": {
                    "description": "An event for each message, then `end` or `error`.",
                    "type": "string",
                } },
            })
        } else {
            json!({ "application/json": { "schema": schema } })
        };
        json!({
            "200": { "description": description, "content": content },
            "default": { "$ref": "#/components/responses/Failure" },
        })
    }

    fn parameter(&mut self, name: &str, place: &str, field: &FieldDescriptor) -> Value {
        let mut schema = self.requests.field(field);
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter = json!({ "name": name, "in": place, "schema": schema });
        if place == "path" {
            parameter["required"] = true.into();
        }
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameter
    }

    /// Every field that a query can say.
    fn query(&mut self, message: &MessageDescriptor, before: &str, taken: &[String], parameters: &mut Vec<Value>) {
        for field in message.fields() {
            let name = format!("{before}{}", field.name());
            if parameters.len() >= PARAMETERS || taken.contains(&name) {
                continue;
            }
            if is_single(&field) {
                let json = format!("{before}{}", field.json_name());
                parameters.push(self.parameter(&json, "query", &field));
            } else if let Kind::Message(inner) = field.kind()
                && !field.is_list()
                && !field.is_map()
                && before.matches('.').count() < DEPTH
            {
                self.query(&inner, &format!("{name}."), taken, parameters);
            }
        }
    }
}

/// A template as OpenAPI has it, and the names of what had none.
fn path(template: &str) -> (String, Vec<String>) {
    let (mut path, mut unnamed, mut rest) = (String::new(), Vec::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        add(before, &mut path, &mut unnamed);
        let (variable, behind) = after.split_once('}').unwrap_or((after, ""));
        let name = variable.split('=').next().unwrap_or_default();
        path.push_str(&format!("{{{name}}}"));
        rest = behind;
    }
    add(rest, &mut path, &mut unnamed);
    (path, unnamed)
}

fn add(text: &str, path: &mut String, unnamed: &mut Vec<String>) {
    for (index, segment) in text.split('/').enumerate() {
        if index > 0 {
            path.push('/');
        }
        if matches!(segment, "*" | "**") {
            let name = format!("segment{}", unnamed.len() + 1);
            path.push_str(&format!("{{{name}}}"));
            unnamed.push(name);
        } else {
            path.push_str(segment);
        }
    }
}

fn body(method: &MethodInfo, schema: &Value) -> Value {
    let kind = if method.client_streaming {
        "application/x-ndjson"
    } else {
        "application/json"
    };
    json!({ "required": true, "content": { kind: { "schema": schema } } })
}

fn failure() -> Value {
    json!({
        "description": "Why not. The HTTP status says what sort of failure it is, the reason among the details which.",
        "content": {
            "application/json": { "schema": { "$ref": format!("{ANSWER}google.rpc.Status") } },
            "application/problem+json": { "schema": { "$ref": format!("{ANSWER}Problem") } },
        },
    })
}

fn status() -> Value {
    json!({
        "type": "object",
        "description": "A gRPC status.",
        "properties": {
            "code": { "type": "integer", "description": "google.rpc.Code", "minimum": 0, "maximum": 16 },
            "message": { "type": "string", "description": "What to do about it." },
            "details": { "type": "array", "items": {
                "type": "object",
                "properties": { "@type": { "type": "string" } },
                "required": ["@type"],
            } },
        },
        "required": ["code", "message", "details"],
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem of RFC 9457.",
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string" },
            "reason": { "type": "string" },
            "errors": { "type": "array", "items": {
                "type": "object",
                "properties": { "field": { "type": "string" }, "detail": { "type": "string" } },
            } },
            "metadata": { "type": "object", "additionalProperties": { "type": "string" } },
        },
        "required": ["type", "title", "status"],
    })
}
