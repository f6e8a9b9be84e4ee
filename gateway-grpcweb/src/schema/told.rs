//! The schema as one JSON document, `/gateway/schema`, for who looks at services or makes forms of them.
//!
//! Services with their methods, what their contracts say, and every type that they use as JSON Schema, once. It is made
//! when it is asked for after a change, and kept until the next. When not: a description of the HTTP interface is
//! OpenAPI's. Source: JSON Schema 2020-12.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lyceum::principal::Access;
use prost_reflect::MessageDescriptor;
use serde::Serialize;
use serde_json::{Map, Value};

use super::json_schema::{Definitions, Side};
use super::{Idempotency, MethodInfo, Schema};

/// What leads to a type.
pub(crate) const TYPES: &str = "#/types/";

/// The document of the newest generation.
#[derive(Debug, Default)]
pub(crate) struct Told {
    kept: Mutex<Option<(u64, Bytes)>>,
}

#[derive(Serialize)]
struct Document {
    generation: u64,
    services: Vec<Service>,
    types: Map<String, Value>,
}

#[derive(Serialize)]
struct Service {
    name: String,
    /// The Consul service that serves it.
    owner: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    deprecated: bool,
    methods: Vec<Method>,
}

#[derive(Serialize)]
struct Method {
    name: String,
    path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    deprecated: bool,
    client_streaming: bool,
    server_streaming: bool,
    idempotency: &'static str,
    /// Roles by name, `anyone`, or nobody.
    access: Vec<&'static str>,
    input: Value,
    output: Value,
    /// The full names of what is sent and answered.
    input_type: String,
    output_type: String,
}

// === impl Told ===

impl Told {
    /// The document.
    pub(crate) fn document(&self, schema: &Schema) -> Bytes {
        let generation = schema.generation();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, document)) = &*kept
            && *of == generation
        {
            return document.clone();
        }
        // Strings and numbers always can be written.
        let document: Bytes = serde_json::to_vec(&write(schema, generation))
            .unwrap_or_default()
            .into();
        *kept = Some((generation, document.clone()));
        document
    }
}

fn write(schema: &Schema, generation: u64) -> Document {
    let mut types = Definitions::new(TYPES, Side::Request).ordered();
    let services = schema
        .services()
        .iter()
        .map(|service| Service {
            name: service.name.clone(),
            owner: Arc::clone(&service.owner),
            comment: service.comment.clone(),
            deprecated: service.methods.iter().all(|method| method.deprecated),
            methods: service
                .methods
                .iter()
                .map(|method| Method::new(method, &mut types))
                .collect(),
        })
        .collect();
    Document {
        generation,
        services,
        types: types.finish(),
    }
}

// === impl Method ===

impl Method {
    fn new(method: &MethodInfo, types: &mut Definitions) -> Self {
        let name = |message: &MessageDescriptor| message.full_name().to_owned();
        Self {
            name: method.name.clone(),
            path: method.path.clone(),
            comment: method.comment.clone(),
            deprecated: method.deprecated,
            client_streaming: method.client_streaming,
            server_streaming: method.server_streaming,
            idempotency: match method.idempotency {
                Idempotency::Unknown => "unknown",
                Idempotency::Idempotent => "idempotent",
                Idempotency::NoSideEffects => "no_side_effects",
            },
            access: callers(method.access.unwrap_or(Access::DENIED)),
            input: types.message(&method.input),
            output: types.message(&method.output),
            input_type: name(&method.input),
            output_type: name(&method.output),
        }
    }
}

fn callers(access: Access) -> Vec<&'static str> {
    if access.is_for_anyone() {
        return vec!["anyone"];
    }
    access.roles().iter().map(|role| role.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::reflected;

    #[test]
    fn a_reader_finds_every_type_that_a_method_uses() {
        let pool = prost_reflect::DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
        let schema = Schema::new();
        let names = ["lyceum.writing_analysis.v1.WritingAnalysisService"];
        schema.learn("own", reflected(&pool, &"own".into(), names.into_iter()));
        let told = Told::default();
        let document = told.document(&schema);
        let read: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(read["generation"], schema.generation());
        let methods = read["services"][0]["methods"].as_array().unwrap();
        let method = methods
            .iter()
            .find(|method| method["name"] == "AnalyzeWriting")
            .unwrap();
        assert_eq!(method["idempotency"], "no_side_effects");
        assert!(method["access"].as_array().unwrap().contains(&Value::from("student")));
        for way in ["input", "output"] {
            let reference = method[way]["$ref"].as_str().unwrap();
            let name = reference.strip_prefix(TYPES).unwrap();
            assert!(read["types"][name]["properties"].is_object(), "{name}");
        }
        let request = &read["types"]["lyceum.writing_analysis.v1.AnalyzeDraftRequest"];
        assert_eq!(request["x-order"][0], "text");
        // Not made again.
        assert_eq!(told.document(&schema).as_ptr(), document.as_ptr());
        schema.learn("own", Vec::new());
        let read: Value = serde_json::from_slice(&told.document(&schema)).unwrap();
        assert!(read["services"].as_array().unwrap().is_empty());
    }
}
