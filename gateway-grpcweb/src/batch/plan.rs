//! A batch that was understood: its calls, and which waits for which.
//!
//! **Why.** What cannot work as a whole (an id that no call has, a circle) is told before any call is made, with the
//! place where it stands. What concerns one call alone (a method that does not exist) is that call's status. **When
//! not.** What a message must be, its codec tells, when its references are filled.

use std::collections::HashMap;
use std::time::Duration;

use lyceum::error::Error as Refusal;
use serde::Deserialize;
use serde_json::Value;

use super::reference;

/// The most calls.
pub(super) const CALLS: usize = 50;
/// The longest chain of calls that wait for each other.
pub(super) const CHAIN: usize = 10;
/// The most references of all requests together.
const REFERENCES: usize = 200;

/// As it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    calls: Vec<Entry>,
    timeout: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    method: String,
    #[serde(default)]
    request: Option<Value>,
    #[serde(default)]
    after: Vec<String>,
    timeout: Option<String>,
}

/// The calls of a batch.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) calls: Vec<Planned>,
    /// For all of them.
    pub(super) timeout: Option<Duration>,
}

/// One call.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) id: String,
    /// `service/method`, by whatever names.
    pub(super) method: String,
    /// With references.
    pub(super) request: Value,
    /// The calls that it waits for, by their place.
    pub(super) needs: Vec<usize>,
    pub(super) timeout: Option<Duration>,
}

/// Reads a batch.
pub(crate) fn read(body: &[u8]) -> Result<Plan, Refusal> {
    let document: Document = serde_json::from_slice(body).map_err(|error| {
        // Only the place: the error itself may quote what stood there.
        let text = format!(
            "line {}, column {}: not a batch: {{\"calls\": […]}}",
            error.line(),
            error.column()
        );
        Refusal::invalid_argument("BATCH_INVALID", text)
    })?;
    let mut wrong = Vec::new();
    if document.calls.is_empty() || document.calls.len() > CALLS {
        wrong.push(("calls".to_owned(), format!("must have 1 to {CALLS} items")));
        return Err(Refusal::invalid_input(wrong));
    }
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (index, entry) in document.calls.iter().enumerate() {
        if !reference::is_id(&entry.id) {
            let rule = "must be 1 to 64 letters, digits, _ and -";
            wrong.push((format!("calls[{index}].id"), rule.to_owned()));
        } else if places.insert(&entry.id, index).is_some() {
            wrong.push((
                format!("calls[{index}].id"),
                "must be another than that of every call before".to_owned(),
            ));
        }
    }
    let timeout = time(document.timeout.as_deref(), || "timeout".to_owned(), &mut wrong);
    let mut references = 0;
    let mut needs = Vec::with_capacity(document.calls.len());
    let mut timeouts = Vec::with_capacity(document.calls.len());
    for (index, entry) in document.calls.iter().enumerate() {
        timeouts.push(time(
            entry.timeout.as_deref(),
            || format!("calls[{index}].timeout"),
            &mut wrong,
        ));
        let mut found = Vec::new();
        if let Some(request) = &entry.request {
            reference::find(request, &mut format!("calls[{index}].request"), &mut found);
        }
        references += found.len();
        let mut needed = Vec::new();
        let named = entry.after.iter().take(CALLS + 1).enumerate();
        let named = named.map(|(place, id)| (format!("calls[{index}].after[{place}]"), Some(id.clone())));
        for (path, id) in found.into_iter().map(|place| (place.path, place.id)).chain(named) {
            match id.as_deref().and_then(|id| places.get(id)) {
                Some(place) => needed.push(*place),
                None => wrong.push((path, "must name a call of this batch by its id".to_owned())),
            }
        }
        needed.sort_unstable();
        needed.dedup();
        needs.push(needed);
        if wrong.len() > CALLS {
            break;
        }
    }
    if references > REFERENCES {
        wrong.push(("calls".to_owned(), format!("may have {REFERENCES} references together")));
    }
    if wrong.is_empty() {
        wrong.extend(untie(&needs));
    }
    if !wrong.is_empty() {
        return Err(Refusal::invalid_input(wrong));
    }
    let calls = document.calls.into_iter().zip(needs).zip(timeouts);
    let calls = calls.map(|((entry, needs), timeout)| Planned {
        id: entry.id,
        method: entry.method,
        request: entry.request.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        needs,
        timeout,
    });
    Ok(Plan {
        calls: calls.collect(),
        timeout,
    })
}

fn time(text: Option<&str>, path: impl Fn() -> String, wrong: &mut Vec<(String, String)>) -> Option<Duration> {
    let text = text?;
    let time = Some(text)
        .filter(|text| text.len() <= 32)
        .and_then(|text| humantime::parse_duration(text).ok());
    if time.is_none() {
        wrong.push((path(), "must be a duration, as in 2s or 500ms".to_owned()));
    }
    time
}

/// What is wrong with how calls wait for each other: a circle, or too long a chain.
fn untie(needs: &[Vec<usize>]) -> Vec<(String, String)> {
    // The length of the chain that ends with each call; 0 while it is not known.
    let mut chain = vec![0_usize; needs.len()];
    loop {
        let mut found = false;
        for (index, needed) in needs.iter().enumerate() {
            if chain[index] == 0 && needed.iter().all(|need| chain[*need] > 0) {
                chain[index] = 1 + needed.iter().map(|need| chain[*need]).max().unwrap_or(0);
                found = true;
            }
        }
        if !found {
            break;
        }
    }
    chain
        .iter()
        .enumerate()
        .filter_map(|(index, length)| match length {
            0 => Some((
                format!("calls[{index}].after"),
                "waits for itself, in a circle".to_owned(),
            )),
            length if *length > CHAIN => Some((
                format!("calls[{index}].after"),
                format!("may be the last of {CHAIN} calls that wait for each other"),
            )),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use lyceum::error::Told;
    use serde_json::json;
    use tonic::Status;

    use super::*;

    fn wrong(document: &Value) -> Vec<String> {
        let refusal = read(document.to_string().as_bytes()).unwrap_err();
        let told = Told::of(&Status::from(refusal));
        told.violations.into_iter().map(|(field, _)| field).collect()
    }

    fn call(id: &str, after: &[&str]) -> Value {
        json!({ "id": id, "method": "a/B", "after": after })
    }

    #[test]
    fn calls_know_what_they_wait_for() {
        let document = json!({
            "calls": [
                { "id": "c", "method": "a/C", "request": { "x": { "$from": "a.y" } }, "after": ["b", "a"], "timeout": "2s" },
                { "id": "a", "method": "a/A", "request": {} },
                call("b", &[]),
            ],
            "timeout": "5s",
        });
        let plan = read(document.to_string().as_bytes()).unwrap();
        assert_eq!(plan.calls[0].needs, [1, 2]);
        assert_eq!(plan.calls[0].timeout, Some(Duration::from_secs(2)));
        assert_eq!(plan.timeout, Some(Duration::from_secs(5)));
        assert_eq!(plan.calls[2].request, json!({}));
    }

    #[test]
    fn what_cannot_work_is_told_with_its_place() {
        assert_eq!(wrong(&json!({ "calls": [] })), ["calls"]);
        let many: Vec<_> = (0..51).map(|index| call(&index.to_string(), &[])).collect();
        assert_eq!(wrong(&json!({ "calls": many })), ["calls"]);
        assert_eq!(
            wrong(&json!({ "calls": [call("a", &[]), call("a", &[])] })),
            ["calls[1].id"]
        );
        assert_eq!(wrong(&json!({ "calls": [call("a b", &[])] })), ["calls[0].id"]);
        assert_eq!(wrong(&json!({ "calls": [call("a", &["b"])] })), ["calls[0].after[0]"]);
        assert_eq!(wrong(&json!({ "calls": [call("a", &["a"])] })), ["calls[0].after"]);
        let circle = json!({ "calls": [call("a", &["b"]), call("b", &["a"]), call("c", &["a"]), call("d", &[])] });
        assert_eq!(wrong(&circle), ["calls[0].after", "calls[1].after", "calls[2].after"]);
        let mut chain = vec![call("c0", &[])];
        chain.extend((1..12).map(|index| call(&format!("c{index}"), &[&format!("c{}", index - 1)])));
        assert_eq!(
            wrong(&json!({ "calls": chain })),
            ["calls[10].after", "calls[11].after"]
        );
        let refers = json!({ "calls": [{ "id": "a", "method": "a/B", "request": { "t": [{ "$from": "z.y" }] } }] });
        assert_eq!(wrong(&refers), ["calls[0].request.t[0]"]);
        assert_eq!(
            wrong(&json!({ "calls": [{ "id": "a", "method": "a/B", "timeout": "soon" }] })),
            ["calls[0].timeout"]
        );
        for broken in ["{", "[]", "{\"calls\":[{\"id\":\"a\"}]}", "{\"calls\":[],\"other\":1}"] {
            assert_eq!(
                read(broken.as_bytes()).unwrap_err().reason(),
                "BATCH_INVALID",
                "{broken}"
            );
        }
        let deep = format!(
            "{{\"calls\":[{{\"id\":\"a\",\"method\":\"a/B\",\"request\":{}{}}}]}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert_eq!(read(deep.as_bytes()).unwrap_err().reason(), "BATCH_INVALID");
    }
}
