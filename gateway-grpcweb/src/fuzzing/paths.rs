//! Paths and queries, and the templates of `google.api.http` that they may meet.
//!
//! The input is text: the path, the query, and a binding a line (`get /v1/{text}:check body response_body`).

use std::sync::{Arc, LazyLock};

use prost_reflect::{DynamicMessage, Value};

use super::{CONTRACTS, MESSAGE, services};
use crate::json::{Template, lead, query};
use crate::schema::MethodInfo;

/// More are not read.
const BINDINGS: usize = 8;

static METHOD: LazyLock<Option<Arc<MethodInfo>>> = LazyLock::new(|| {
    let services = services();
    let mut methods = services.iter().flat_map(|service| &service.methods);
    methods.find(|method| method.name == "AnalyzeWriting").map(Arc::clone)
});

/// Templates of paths, paths that meet them, and queries.
pub fn paths(data: &[u8]) {
    let (Some(message), Some(method)) = (&*MESSAGE, &*METHOD) else {
        panic!("the contract has them");
    };
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let (path, said) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let _ = query(&mut DynamicMessage::new(message.clone()), said, &["revision"]);
    let bindings: Vec<DynamicMessage> = lines.take(BINDINGS).filter_map(binding).collect();
    lead(method, &bindings, path);
}

fn binding(line: &str) -> Option<DynamicMessage> {
    let mut words = line.split(' ');
    let verb = words.next()?;
    let path = words.next()?;
    let _ = Template::parse(path);
    let mut binding = DynamicMessage::new(CONTRACTS.get_message_by_name("google.api.HttpRule")?);
    if matches!(verb, "get" | "put" | "post" | "delete" | "patch") {
        binding.set_field_by_name(verb, Value::String(path.to_owned()));
    } else {
        let mut custom = DynamicMessage::new(CONTRACTS.get_message_by_name("google.api.CustomHttpPattern")?);
        custom.set_field_by_name("kind", Value::String(verb.to_owned()));
        custom.set_field_by_name("path", Value::String(path.to_owned()));
        binding.set_field_by_name("custom", Value::Message(custom));
    }
    for (name, word) in ["body", "response_body"].into_iter().zip(words) {
        binding.set_field_by_name(name, Value::String(word.to_owned()));
    }
    Some(binding)
}
