//! What the contracts themselves say of their input rules, read from the descriptors that reflection serves.
//!
//! The fabric's rules are generated from the same annotations, so a test of them must not ask the generated code which
//! ones there are. Every field of every request is walked, in messages inside it too; a rule that is not known here
//! fails the test that reads it, by name. Source: the protovalidate specification (`buf/validate/validate.proto`).

mod values;

use lyceum::contracts::DESCRIPTORS;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value,
};

use self::values::{beyond, inner, least, set, size, unknown, values};

/// A request on the wire, right at one of its rules.
#[derive(Debug)]
pub(crate) struct Case {
    /// `/package.Service/Method`.
    pub(crate) path: String,
    /// `package.Message`.
    pub(crate) request: String,
    /// The field's path, as a violation names it.
    pub(crate) field: String,
    /// What is tried, for messages of failed tests.
    pub(crate) what: String,
    pub(crate) message: Vec<u8>,
    /// Whether the rule is broken.
    pub(crate) broken: bool,
}

/// Every contract.
pub(crate) struct Contracts {
    pool: DescriptorPool,
    /// `buf.validate.field`.
    extension: ExtensionDescriptor,
}

/// A value that is tried, what it is, and whether it breaks its rule.
type Try<V> = (V, String, bool);

impl Contracts {
    pub(crate) fn read() -> Self {
        let pool = DescriptorPool::decode(DESCRIPTORS).unwrap_or_else(|error| panic!("{error}"));
        let extension = pool
            .get_extension_by_name("buf.validate.field")
            .unwrap_or_else(|| panic!("the contracts have no rules"));
        Self { pool, extension }
    }

    /// Every rule of every request of every method, just kept and just broken.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for (path, request) in self.requests() {
            for ((field, message), what, broken) in self.tries(&request, &mut Vec::new()) {
                cases.push(Case {
                    path: path.clone(),
                    request: request.full_name().to_owned(),
                    field,
                    what,
                    message: message.encode_to_vec(),
                    broken,
                });
            }
        }
        cases
    }

    /// The methods whose requests have no rule on any field, nor in any message inside.
    pub(crate) fn without_rules(&self) -> Vec<String> {
        self.requests()
            .filter(|(_, request)| {
                let mut free = true;
                self.walk(request, "", &mut Vec::new(), &mut |_, _, rules| free &= rules.is_none());
                free
            })
            .map(|(path, _)| path)
            .collect()
    }

    /// The fields of requests that may be as large as they like, or a number that is none.
    pub(crate) fn unbounded(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (_, request) in self.requests() {
            let name = request.full_name();
            self.walk(&request, "", &mut Vec::new(), &mut |path, field, rules| {
                let mut demand = |met: bool, what: &str| {
                    if !met {
                        found.push(format!("{name}: {path} has no {what}"));
                    }
                };
                let has = |rules: &Option<DynamicMessage>, kind: &str, rule: &str| {
                    rules
                        .as_ref()
                        .is_some_and(|rules| inner(rules, kind).is_some_and(|typed| set(&typed, rule).is_some()))
                };
                let mut one = |kind: &Kind, rules: &Option<DynamicMessage>, of: &str| match kind {
                    Kind::String => demand(has(rules, "string", "max_len"), &format!("{of}string.max_len")),
                    Kind::Bytes => demand(has(rules, "bytes", "max_len"), &format!("{of}bytes.max_len")),
                    Kind::Double | Kind::Float => {
                        let kind = if *kind == Kind::Double { "double" } else { "float" };
                        demand(
                            has(rules, kind, "gte") && has(rules, kind, "lte"),
                            &format!("{of}{kind}.gte and lte"),
                        );
                    }
                    _ => {}
                };
                let part = |list: &str, of: &str| inner(&inner(rules.as_ref()?, list)?, of);
                if field.is_map() {
                    let Kind::Message(entry) = field.kind() else { return };
                    let (keys, values) = (entry.map_entry_key_field(), entry.map_entry_value_field());
                    one(&keys.kind(), &part("map", "keys"), "map.keys.");
                    one(&values.kind(), &part("map", "values"), "map.values.");
                    demand(has(&rules, "map", "max_pairs"), "map.max_pairs");
                } else if field.is_list() {
                    one(&field.kind(), &part("repeated", "items"), "repeated.items.");
                    demand(has(&rules, "repeated", "max_items"), "repeated.max_items");
                } else {
                    one(&field.kind(), &rules, "");
                }
            });
        }
        found
    }

    /// Every method's path and request.
    fn requests(&self) -> impl Iterator<Item = (String, MessageDescriptor)> {
        let ours = |package: &str| package.starts_with("lyceum.");
        self.pool
            .services()
            .filter(move |service| ours(service.package_name()))
            .flat_map(|service| {
                let methods: Vec<_> = service.methods().collect();
                methods
                    .into_iter()
                    .map(move |method| (format!("/{}/{}", service.full_name(), method.name()), method.input()))
            })
    }

    /// Every field of a message and of those inside it, with its path and its rules.
    fn walk(
        &self,
        message: &MessageDescriptor,
        around: &str,
        above: &mut Vec<String>,
        visit: &mut dyn FnMut(&str, &FieldDescriptor, Option<DynamicMessage>),
    ) {
        if above.iter().any(|name| name == message.full_name()) {
            return;
        }
        above.push(message.full_name().to_owned());
        for field in message.fields() {
            let path = format!("{around}{}", field.name());
            visit(&path, &field, self.rules(&field));
            let held = match field.kind() {
                Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
                kind => kind,
            };
            if let Kind::Message(held) = held {
                self.walk(&held, &format!("{path}."), above, visit);
            }
        }
        above.pop();
    }

    fn rules(&self, field: &FieldDescriptor) -> Option<DynamicMessage> {
        let options = field.options();
        if !options.has_extension(&self.extension) {
            return None;
        }
        options.get_extension(&self.extension).as_message().cloned()
    }

    /// A message at each rule of each of its fields, the other fields valid: the field's path is tried with it. A message
    /// that holds itself is not looked into again.
    fn tries(&self, message: &MessageDescriptor, above: &mut Vec<String>) -> Vec<Try<(String, DynamicMessage)>> {
        if above.iter().any(|name| name == message.full_name()) {
            return Vec::new();
        }
        above.push(message.full_name().to_owned());
        let base = self.valid(message);
        let mut tries = Vec::new();
        for field in message.fields() {
            let name = field.name();
            let mut with = |path: String, value: Option<Value>, what, broken| {
                let mut changed = base.clone();
                match value {
                    Some(value) => changed.set_field(&field, value),
                    None => changed.clear_field(&field),
                }
                tries.push(((path, changed), what, broken));
            };
            let rules = self.rules(&field);
            if let Some(rules) = &rules {
                for (value, what, broken) in self.at_rules(&field, rules) {
                    with(name.to_owned(), value, what, broken);
                }
            }
            if let (Kind::Message(held), false) = (field.kind(), field.is_map()) {
                for ((path, held), what, broken) in self.tries(&held, above) {
                    let value = self.holding(&field, rules.as_ref(), Value::Message(held));
                    with(format!("{name}.{path}"), Some(value), what, broken);
                }
            }
        }
        above.pop();
        tries
    }

    /// A field at each of its rules.
    fn at_rules(&self, field: &FieldDescriptor, rules: &DynamicMessage) -> Vec<Try<Option<Value>>> {
        let mut tries = Vec::new();
        for (kind, value) in rules.fields() {
            match (kind.name(), value) {
                ("required", Value::Bool(true)) => {
                    tries.push((None, "nothing".to_owned(), true));
                    tries.push((Some(self.valid_value(field, None)), "something".to_owned(), false));
                }
                ("repeated", Value::Message(typed)) => {
                    let list = |count: u64| {
                        let item = self.valid_item(field, Some(rules));
                        Some(Value::List(vec![item; size(count)]))
                    };
                    for (rule, bound) in typed.fields() {
                        match (rule.name(), bound) {
                            ("min_items" | "max_items", Value::U64(bound)) => {
                                let beyond = beyond(field, rule.name(), *bound);
                                tries.push((list(*bound), format!("{bound} items"), false));
                                tries.push((list(beyond), format!("{beyond} items"), true));
                            }
                            ("items", Value::Message(each)) => {
                                for (item, what, broken) in values(field, each) {
                                    let list = self.holding(field, Some(rules), item);
                                    tries.push((Some(list), format!("an item of {what}"), broken));
                                }
                            }
                            (rule, _) => unknown(field, &format!("repeated.{rule}")),
                        }
                    }
                }
                _ => {}
            }
        }
        let single = values(field, rules).into_iter();
        tries.extend(single.map(|(value, what, broken)| (Some(value), what, broken)));
        assert!(
            !tries.is_empty(),
            "{} has rules, but no case came of them",
            field.full_name()
        );
        tries
    }

    /// The field with `value`: in a list behind valid items, where there is room, so that not only the first is tried.
    fn holding(&self, field: &FieldDescriptor, rules: Option<&DynamicMessage>, value: Value) -> Value {
        if !field.is_list() {
            return value;
        }
        let list = rules.and_then(|rules| inner(rules, "repeated"));
        let bound = |rule| list.as_ref().and_then(|list| set(list, rule)?.as_u64());
        let least = bound("min_items").unwrap_or(0).max(2);
        let count = least.min(bound("max_items").unwrap_or(u64::MAX));
        let mut items = vec![self.valid_item(field, rules); size(count) - 1];
        items.push(value);
        Value::List(items)
    }

    /// The least that the rules of a message accept.
    fn valid(&self, message: &MessageDescriptor) -> DynamicMessage {
        let mut valid = DynamicMessage::new(message.clone());
        for field in message.fields() {
            let Some(rules) = self.rules(&field) else { continue };
            if !field.supports_presence() || set(&rules, "required").is_some() {
                valid.set_field(&field, self.valid_value(&field, Some(&rules)));
            }
        }
        valid
    }

    fn valid_value(&self, field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> Value {
        if field.is_list() {
            let least = rules.and_then(|rules| set(&inner(rules, "repeated")?, "min_items")?.as_u64());
            return Value::List(vec![self.valid_item(field, rules); size(least.unwrap_or(0))]);
        }
        match field.kind() {
            Kind::Message(held) if !field.is_map() => Value::Message(self.valid(&held)),
            kind => least(&kind, rules, Value::default_value_for_field(field)),
        }
    }

    fn valid_item(&self, field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> Value {
        let each = rules.and_then(|rules| inner(&inner(rules, "repeated")?, "items"));
        match field.kind() {
            Kind::Message(held) => Value::Message(self.valid(&held)),
            kind => least(&kind, each.as_ref(), Value::default_value(&kind)),
        }
    }
}
