//! `{"$from": "a.words[0].text"}`: a value out of an earlier answer.
//!
//! **What.** The id of a call, then names of fields as JSON has them, with a dot before each, and places in lists in
//! brackets. [`find`] tells which calls a request refers to, [`fill`] puts their values in. **Why.** It is all that one
//! call needs of another, and nothing more: no expressions, so nothing runs that somebody else wrote. Values are lent a
//! bounded room, because a large one may be referred to many times. **When not.** Keys of maps that are no names.

use lyceum::error::Error as Refusal;
use serde_json::{Map, Value};

/// The one key of a reference.
const KEY: &str = "$from";
/// The longest reference, in bytes.
const LENGTH: usize = 256;

/// A reference and where it stands in its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// As `request.text`.
    pub(super) path: String,
    /// The id, if the reference can be read.
    pub(super) id: Option<String>,
}

/// The way to a value.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// Whether a text can be an id.
pub(super) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(is_of_name)
}

/// Every reference of a request, whose place is told from `path` on.
pub(super) fn find(request: &Value, path: &mut String, found: &mut Vec<Place>) {
    let length = path.len();
    if let Some(reference) = of(request) {
        let id = reference.and_then(read).map(|(id, _)| id.to_owned());
        found.push(Place { path: path.clone(), id });
        return;
    }
    match request {
        Value::Object(fields) => {
            for (name, value) in fields {
                path.push('.');
                // A name may be as long as the request, and may be anything.
                path.extend(name.chars().filter(char::is_ascii_graphic).take(LENGTH));
                find(value, path, found);
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                find(value, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// The request with values where it had references; `room` is what these may take in bytes.
pub(super) fn fill<'a>(
    request: &Value,
    answer: &impl Fn(&str) -> Option<&'a Value>,
    room: &mut usize,
) -> Result<Value, Refusal> {
    if let Some(reference) = of(request) {
        let (id, steps) = reference.and_then(read).ok_or_else(|| missing("?"))?;
        let value = answer(id)
            .and_then(|answer| steps.iter().try_fold(answer, follow))
            .ok_or_else(|| missing(reference.unwrap_or_default()))?;
        *room = room.checked_sub(size(value)).ok_or_else(|| {
            Refusal::exhausted(
                "MESSAGE_TOO_LARGE",
                "what the request refers to is larger than a message may be",
            )
        })?;
        return Ok(value.clone());
    }
    Ok(match request {
        Value::Object(fields) => {
            let mut filled = Map::new();
            for (name, value) in fields {
                filled.insert(name.clone(), fill(value, answer, room)?);
            }
            Value::Object(filled)
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| fill(item, answer, room));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        value => value.clone(),
    })
}

/// What stands under the key, if that is all there is; none within when it is no text.
fn of(value: &Value) -> Option<Option<&str>> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.get(KEY).map(Value::as_str)
}

/// The id, and the way from its answer on.
fn read(reference: &str) -> Option<(&str, Vec<Step<'_>>)> {
    if reference.len() > LENGTH {
        return None;
    }
    let end = |text: &str| text.find(['.', '[']).unwrap_or(text.len());
    let (id, mut rest) = reference.split_at(end(reference));
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(named) = rest.strip_prefix('.') {
            let (name, after) = named.split_at(end(named));
            if name.is_empty() || !name.bytes().all(is_of_name) {
                return None;
            }
            steps.push(Step::Name(name));
            rest = after;
        } else {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            steps.push(Step::Index(index.parse().ok()?));
            rest = after;
        }
    }
    is_id(id).then_some((id, steps))
}

fn follow<'a>(value: &'a Value, step: &Step<'_>) -> Option<&'a Value> {
    match step {
        Step::Name(name) => value.get(name),
        Step::Index(index) => value.get(index),
    }
}

/// About how many bytes a value is in JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(name, value)| name.len() + 4 + size(value))
                .sum::<usize>()
                + 2
        }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn missing(reference: &str) -> Refusal {
    Refusal::failed_precondition("REFERENCE_MISSING", "an earlier answer has no value at this place")
        .with_metadata("from", reference)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_found_and_filled() {
        let request = json!({
            "text": { "$from": "a.words[1].text" },
            "list": [1, { "$from": "b" }],
            "plain": { "$from": "a", "other": 1 },
        });
        let mut found = Vec::new();
        find(&request, &mut "request".to_owned(), &mut found);
        let places: Vec<_> = found
            .iter()
            .map(|place| (place.path.as_str(), place.id.as_deref()))
            .collect();
        assert_eq!(places, [("request.list[1]", Some("b")), ("request.text", Some("a"))]);

        let a = json!({ "words": [{ "text": "x" }, { "text": "y" }] });
        let b = json!({ "n": 3 });
        let answer = |id: &str| match id {
            "a" => Some(&a),
            "b" => Some(&b),
            _ => None,
        };
        let mut room = 1000;
        let filled = fill(&request, &answer, &mut room).unwrap();
        assert_eq!(
            filled,
            json!({ "text": "y", "list": [1, { "n": 3 }], "plain": { "$from": "a", "other": 1 } })
        );
        assert!(room < 1000);
        let error = fill(&json!({ "$from": "a.words[2]" }), &answer, &mut 1000).unwrap_err();
        assert_eq!(error.reason(), "REFERENCE_MISSING");
        let large = json!([{ "$from": "a" }, { "$from": "a" }]);
        assert_eq!(
            fill(&large, &answer, &mut 40).unwrap_err().reason(),
            "MESSAGE_TOO_LARGE"
        );
    }

    #[test]
    fn what_cannot_be_read_refers_to_nothing() {
        for reference in [
            "",
            ".a",
            "a.",
            "a..b",
            "a[",
            "a[]x",
            "a[-1]",
            "a[1",
            "a b",
            "a.b c",
            "a[99999999999999999999]",
        ] {
            assert_eq!(read(reference), None, "{reference}");
        }
        assert_eq!(read(&"a".repeat(300)), None);
        let mut found = Vec::new();
        find(&json!({ "$from": 3 }), &mut String::new(), &mut found);
        assert_eq!(found[0].id, None);
    }
}
