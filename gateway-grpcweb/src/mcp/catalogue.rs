//! The tools that the schema makes, by name.
//!
//! A method becomes a tool where nothing streams from the caller, and where the option `lyceum.options.v1.tool` does not
//! forbid it; who sees it is decided when they ask. Its description is what the contract says of the method and of
//! its service; its schemas are the contract's; its hints are what the contract promises.

use std::sync::Arc;

use prost_reflect::MessageDescriptor;
use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::names;
use crate::schema::json_schema::{Definitions, Side, standalone};
use crate::schema::{Idempotency, MethodInfo, ServiceInfo};

/// The longest description, in bytes: an agent reads all of them at once.
const DESCRIPTION: usize = 4 * 1024;

/// Every tool of one generation of the schema, by name.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) generation: u64,
    entries: Vec<Entry>,
}

/// A method as a tool.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) tool: Tool,
    pub(super) method: Arc<MethodInfo>,
    /// Where a type's JSON is no object: it then stands in a field of this name, as MCP takes objects alone.
    pub(super) wrapped: Wrapped,
}

/// Which messages stand in a field of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wrapped {
    pub(super) input: bool,
    pub(super) output: bool,
}

/// The field of what is wrapped.
pub(super) const VALUE: &str = "value";
/// The field of the messages of a stream.
pub(super) const MESSAGES: &str = "messages";

// === impl Catalogue ===

impl Catalogue {
    /// The tools of these services.
    pub(super) fn new(generation: u64, services: &[Arc<ServiceInfo>]) -> Self {
        let mut methods: Vec<(&ServiceInfo, &Arc<MethodInfo>)> = services
            .iter()
            .flat_map(|service| service.methods.iter().map(move |method| (&**service, method)))
            .filter(|(_, method)| is_tool(method))
            .collect();
        methods.sort_by(|(_, one), (_, other)| one.path.cmp(&other.path));
        let paths: Vec<&str> = methods.iter().map(|(_, method)| method.path.as_str()).collect();
        let mut entries: Vec<Entry> = names::of(&paths)
            .into_iter()
            .zip(&methods)
            .map(|(name, (service, method))| Entry::new(name, service, method))
            .collect();
        entries.sort_by(|one, other| one.tool.name.cmp(&other.tool.name));
        Self { generation, entries }
    }

    /// A tool by its name.
    pub(super) fn find(&self, name: &str) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by(|entry| (*entry.tool.name).cmp(name))
            .ok()?;
        Some(&self.entries[at])
    }

    /// The tools whose names come after this one.
    pub(super) fn after(&self, name: &str) -> &[Entry] {
        let at = self.entries.partition_point(|entry| *entry.tool.name <= *name);
        &self.entries[at..]
    }
}

/// Whether an agent may use the method at all.
fn is_tool(method: &MethodInfo) -> bool {
    let forbidden = method
        .option("lyceum.options.v1.tool")
        .and_then(|value| value.as_bool())
        == Some(false);
    !method.client_streaming && !forbidden
}

// === impl Entry ===

impl Entry {
    fn new(name: String, service: &ServiceInfo, method: &Arc<MethodInfo>) -> Self {
        let title = names::title(&method.name);
        let mut description = method.comment.clone();
        if method.server_streaming {
            description.push_str("\n\nAnswers with several messages: each is told as progress while it comes.");
        }
        if method.deprecated {
            description.push_str("\n\nDeprecated.");
        }
        description.push_str("\n\n");
        description.push_str(&service.comment);
        let reads = method.idempotency == Idempotency::NoSideEffects;
        let hints = ToolAnnotations::with_title(title.clone())
            .read_only(reads)
            .idempotent(method.idempotency != Idempotency::Unknown)
            .open_world(false);
        // What is not known to be harmless may destroy.
        let hints = if reads { hints.destructive(false) } else { hints };
        let input = Self::object(standalone(&method.input, Side::Request));
        let output = if method.server_streaming {
            (stream(&method.output), false)
        } else {
            Self::object(standalone(&method.output, Side::Answer))
        };
        let tool = Tool::new(name, shortened(description.trim()), Arc::new(input.0))
            .with_title(title)
            .with_raw_output_schema(Arc::new(output.0))
            .with_annotations(hints);
        Self {
            tool,
            method: Arc::clone(method),
            wrapped: Wrapped {
                input: input.1,
                output: output.1,
            },
        }
    }

    /// An object's schema, which holds the schema where that is another's.
    fn object(mut schema: Map<String, Value>) -> (Map<String, Value>, bool) {
        if schema.get("type") == Some(&json!("object")) {
            return (schema, false);
        }
        let definitions = schema.remove("$defs");
        let mut outer = Map::new();
        outer.insert("type".to_owned(), json!("object"));
        outer.insert("properties".to_owned(), json!({ VALUE: schema }));
        outer.extend(definitions.map(|definitions| ("$defs".to_owned(), definitions)));
        (outer, true)
    }
}

/// All messages of a stream together.
fn stream(message: &MessageDescriptor) -> Map<String, Value> {
    let mut definitions = Definitions::new("#/$defs/", Side::Answer);
    let items = definitions.message(message);
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert(
        "properties".to_owned(),
        json!({ MESSAGES: { "type": "array", "items": items } }),
    );
    schema.insert("required".to_owned(), json!([MESSAGES]));
    schema.insert("$defs".to_owned(), Value::Object(definitions.finish()));
    schema
}

fn shortened(text: &str) -> String {
    if text.len() <= DESCRIPTION {
        return text.to_owned();
    }
    let mut end = DESCRIPTION;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests;
