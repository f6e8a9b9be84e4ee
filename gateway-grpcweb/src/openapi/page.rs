//! The same document for people: one page without a script, and nothing from elsewhere.
//!
//! Everything in it was said by a service, so everything is escaped.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The page of an OpenAPI document.
pub(super) fn of(document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Lyceum API</title><link rel=\"stylesheet\" href=\"/openapi.css\"></head>\
         <body><h1>Lyceum API</h1><p>What services say of themselves, as <a href=\"/openapi.json\">OpenAPI 3.1</a> for \
         tools.</p>",
    );
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    page.push_str("<ul>");
    for tag in tags {
        let name = escaped(text(&tag["name"]));
        let _ = write!(page, "<li><a href=\"#{name}\">{name}</a></li>");
    }
    page.push_str("</ul>");
    for tag in tags {
        service(&mut page, document, tag);
    }
    if tags.is_empty() {
        page.push_str("<p>No service has said yet what it can do.</p>");
    }
    page.push_str("<h2 id=\"types\">Types</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        kind(&mut page, name, schema);
    }
    page.push_str("</body></html>\n");
    page
}

fn service(page: &mut String, document: &Value, tag: &Value) {
    let name = text(&tag["name"]);
    let shown = escaped(name);
    let _ = write!(
        page,
        "<h2 id=\"{shown}\">{shown}</h2><p>{}</p>",
        escaped(text(&tag["description"]))
    );
    for (path, verbs) in object(&document["paths"]) {
        for (verb, operation) in object(verbs) {
            if operation["tags"][0] == name {
                method(page, path, verb, operation);
            }
        }
    }
}

fn method(page: &mut String, path: &str, verb: &str, operation: &Value) {
    let old = if operation["deprecated"] == true {
        " class=\"old\""
    } else {
        ""
    };
    let _ = write!(
        page,
        "<h3 id=\"{}\"><span class=\"verb\">{}</span><code{old}>{}</code></h3><p>{}</p>",
        escaped(text(&operation["operationId"])),
        escaped(&verb.to_uppercase()),
        escaped(path),
        escaped(text(&operation["description"])),
    );
    if let Some(roles) = operation["x-roles"].as_array() {
        let roles: Vec<&str> = roles.iter().map(text).collect();
        let roles = if roles.is_empty() {
            "nobody".to_owned()
        } else {
            roles.join(", ")
        };
        let _ = write!(page, "<p class=\"note\">For {}.</p>", escaped(&roles));
    }
    let parameters = operation["parameters"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>");
        for parameter in parameters {
            let _ = write!(
                page,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(text(&parameter["name"])),
                escaped(text(&parameter["in"])),
                shape(&parameter["schema"]),
                escaped(text(&parameter["description"])),
            );
        }
        page.push_str("</table>");
    }
    page.push_str("<p class=\"note\">");
    for (kind, content) in object(&operation["requestBody"]["content"]) {
        let _ = write!(page, "Takes {} ({}). ", shape(&content["schema"]), escaped(kind));
    }
    for (kind, content) in object(&operation["responses"]["200"]["content"]) {
        let result = &content["schema"]["properties"]["result"];
        let schema = if result.is_null() { &content["schema"] } else { result };
        let _ = write!(page, "Answers {} ({}). ", shape(schema), escaped(kind));
    }
    page.push_str("</p>");
}

fn kind(page: &mut String, name: &str, schema: &Value) {
    let name = escaped(name);
    let _ = write!(
        page,
        "<h3 id=\"{name}\"><code>{name}</code></h3><p>{}</p>",
        escaped(text(&schema["description"]))
    );
    let properties = object(&schema["properties"]);
    if properties.is_empty() {
        return;
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().map(text).collect();
    page.push_str("<table><tr><th>Field</th><th>Type</th><th></th></tr>");
    for (field, schema) in properties {
        let mark = if required.contains(&field.as_str()) {
            " (required)"
        } else {
            ""
        };
        let _ = write!(
            page,
            "<tr><td><code>{}</code>{mark}</td><td>{}</td><td>{}</td></tr>",
            escaped(field),
            shape(schema),
            escaped(text(&schema["description"])),
        );
    }
    page.push_str("</table>");
}

/// What a value looks like, with its limits.
fn shape(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|to| to.strip_prefix("#/components/schemas/"))
    {
        let name = escaped(name);
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    let mut shown = match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", shape(&schema["items"])),
        Value::String(kind) => escaped(kind),
        Value::Array(kinds) => escaped(&kinds.iter().map(text).collect::<Vec<_>>().join(" or ")),
        _ => "anything".to_owned(),
    };
    for (keyword, before) in [
        ("minimum", "from "),
        ("exclusiveMinimum", "above "),
        ("maximum", "to "),
        ("exclusiveMaximum", "below "),
        ("minLength", "at least characters: "),
        ("maxLength", "at most characters: "),
        ("minItems", "at least: "),
        ("maxItems", "at most: "),
        ("format", ""),
        ("contentEncoding", ""),
    ] {
        let limit = &schema[keyword];
        if !limit.is_null() {
            let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
            let _ = write!(shown, ", {before}{}", escaped(&limit));
        }
    }
    shown
}

fn object(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
