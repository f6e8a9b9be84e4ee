//! Descriptors that a service reflects, and all that is made of them.
//!
//! The input is a `FileDescriptorSet`. What it imports and does not bring is taken from our own contracts, as a service's
//! own reflection would tell it, so that options of `google.api`, `buf.validate` and `lyceum.options` have their types.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value};

use crate::schema::codec;
use crate::{graphql, json, mcp, openapi, schema};

/// A `FileDescriptorSet` whose files stay as they came: decoding them would lose their options.
#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    files: Vec<Bytes>,
}

static KNOWN: LazyLock<HashMap<String, Bytes>> = LazyLock::new(|| {
    let set = Set::decode(lyceum::contracts::DESCRIPTORS).unwrap_or_default();
    let name = |file: &Bytes| prost_types::FileDescriptorProto::decode(file.clone()).ok()?.name;
    set.files
        .into_iter()
        .filter_map(|file| Some((name(&file)?, file)))
        .collect()
});

thread_local! {
    static APART: Cell<bool> = const { Cell::new(false) };
}

/// Whoever fuzzes ends with any panic, even with one that is caught.
static SPARING: LazyLock<()> = LazyLock::new(|| {
    let end = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !APART.get() {
            end(info);
        }
    }));
});

/// Methods whose messages are read and written.
const METHODS: usize = 4;

/// Descriptors, and everything that is made of services.
pub fn descriptors(data: &[u8]) {
    let Ok(set) = Set::decode(data) else { return };
    let Some(services) = apart(|| schema::believed(set.files, |name| KNOWN.get(name).cloned())) else {
        return;
    };
    let _ = schema::tell(&services);
    let table = json::Table::new(services.clone());
    drop(openapi::Documents::new(&table));
    drop(graphql::described(&services));
    mcp::describe(&services);
    for method in services.iter().flat_map(|service| &service.methods).take(METHODS) {
        let _ = codec::to_bytes(&method.input, b"{}");
        for bytes in [Bytes::copy_from_slice(data), codec::encode(&filled(&method.output))] {
            if let Ok(json) = codec::to_json(&method.output, &bytes) {
                let _ = codec::to_bytes(&method.output, &json);
            }
        }
    }
}

/// Types are built apart, where a panic of the builder harms nothing but the service that it is about; what is made of
/// types is not.
fn apart<T>(build: impl FnOnce() -> Option<T>) -> Option<T> {
    LazyLock::force(&SPARING);
    APART.set(true);
    let built = panic::catch_unwind(AssertUnwindSafe(build));
    APART.set(false);
    built.ok().flatten()
}

/// A message with something in each of its fields.
fn filled(message: &MessageDescriptor) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let value = match (field.kind(), Value::default_value(&field.kind())) {
            (Kind::Message(entry), _) if field.is_map() => {
                let key = MapKey::default_value(&entry.map_entry_key_field().kind());
                let value = Value::default_value(&entry.map_entry_value_field().kind());
                Value::Map(HashMap::from([(key, value)]))
            }
            (_, one) if field.is_list() => Value::List(vec![one]),
            (_, one) => one,
        };
        filled.set_field(&field, value);
    }
    filled
}
