#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;

use prost_reflect::DescriptorPool;
use serde_json::{Value, json};

use super::*;
use crate::schema::reflected;

fn table() -> Table {
    let pool = DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
    let mut services = Vec::new();
    for (owner, name) in [
        ("ai-validator", "lyceum.ai_validator.v1.EducationalAiValidatorService"),
        ("testing", "lyceum.testing.v1.ProbeService"),
        ("writing-analysis", "lyceum.writing_analysis.v1.WritingAnalysisService"),
    ] {
        services.extend(reflected(&pool, &owner.into(), std::iter::once(name)));
    }
    Table::new(services.into())
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(to) if name == "$ref" => drop(found.insert(to.to_owned())),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_method_is_told_as_its_contract_says() {
    let document = document::of(&table());
    let analyze = &document["paths"]["/api/writing-analysis/analyze-writing"]["post"];
    assert_eq!(
        analyze["tags"],
        json!(["lyceum.writing_analysis.v1.WritingAnalysisService"])
    );
    assert!(
        analyze["summary"]
            .as_str()
            .unwrap()
            .starts_with("Measures a whole text")
    );
    assert!(analyze["x-roles"].as_array().unwrap().contains(&json!("student")));
    let to = "#/components/schemas/request.lyceum.writing_analysis.v1.AnalyzeWritingRequest";
    assert_eq!(
        analyze["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        to
    );
    let request = &document["components"]["schemas"]["request.lyceum.writing_analysis.v1.AnalyzeWritingRequest"];
    assert_eq!(request["properties"]["text"]["maxLength"], 1_000_000);
    assert_eq!(
        document["paths"]["/v1/writing:analyze"]["post"]["responses"],
        analyze["responses"]
    );

    let stream = &document["paths"]["/v1/testing/probe/{count}:watch"]["get"];
    assert!(stream["responses"]["200"]["content"]["text/event-stream"].is_object());
    let parameters = stream["parameters"].as_array().unwrap();
    let count = parameters
        .iter()
        .find(|parameter| parameter["name"] == "count")
        .unwrap();
    assert_eq!(
        (&count["in"], &count["schema"]["maximum"]),
        (&json!("path"), &json!(1_000_000))
    );
    assert!(
        parameters
            .iter()
            .any(|parameter| parameter["name"] == "payloadBytes" && parameter["in"] == "query")
    );
    assert!(document["paths"]["/v1/testing/probe/{forward_to}/told"]["get"].is_object());
    let record = &document["paths"]["/v1/testing/probe:record"]["put"];
    assert_eq!(
        record["requestBody"]["content"]["application/json"]["schema"]["contentEncoding"],
        "base64"
    );
    let exchange = &document["paths"]["/api/testing/exchange-probe"]["post"];
    assert!(exchange["requestBody"]["content"]["application/x-ndjson"].is_object());
}

/// What the specification demands of a document's structure, of which a reader would stumble over a breach.
#[test]
fn the_document_is_openapi() {
    let document = document::of(&table());
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut to = BTreeSet::new();
    references(&document, &mut to);
    assert!(to.len() > 30);
    for reference in to {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let allowed = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas.keys().all(|name| allowed(name)));
    let mut ids = BTreeSet::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with('/'));
        for operation in verbs.as_object().unwrap().values() {
            assert!(
                ids.insert(operation["operationId"].as_str().unwrap()),
                "{path}: two of one id"
            );
            let none = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&none);
            let mut names = BTreeSet::new();
            for parameter in parameters {
                let name = parameter["name"].as_str().unwrap();
                assert!(
                    names.insert((name, parameter["in"].as_str().unwrap())),
                    "{path} {name} twice"
                );
                assert!(parameter["schema"].is_object());
                if parameter["in"] == "path" {
                    assert!(path.contains(&format!("{{{name}}}")) && parameter["required"] == true);
                }
            }
            let holes = path.matches('{').count();
            let told = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(holes, told, "{path}");
            for response in operation["responses"].as_object().unwrap().values() {
                assert!(
                    response["$ref"].is_string() || response["description"].is_string(),
                    "{path}"
                );
            }
            for security in operation["security"].as_array().unwrap() {
                for name in security.as_object().unwrap().keys() {
                    assert!(document["components"]["securitySchemes"][name].is_object());
                }
            }
        }
    }
}

#[test]
fn the_page_runs_nothing_and_asks_nobody() {
    let mut document = document::of(&table());
    document["tags"][0]["description"] = "<script>alert('x')</script>".into();
    let page = page::of(&document);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("style=\""));
    assert!(page.contains("<code>/api/writing-analysis/analyze-writing</code>"));
    assert!(page.contains("at most characters: 200000"));
    let links = page
        .match_indices("href=\"#")
        .map(|(at, start)| page[at + start.len()..].split('"').next().unwrap());
    for anchor in links {
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
    assert!(page::of(&document::of(&Table::default())).contains("No service has said yet"));
}

#[test]
fn who_has_it_already_is_told_so() {
    let told = Told::new(Bytes::from_static(b"{}"));
    let mut headers = HeaderMap::new();
    let fresh = told.answer("application/json", &headers);
    assert_eq!((fresh.status(), fresh.body().len()), (StatusCode::OK, 2));
    let tag = fresh.headers()[ETAG].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        headers.insert(IF_NONE_MATCH, known.parse().unwrap());
        let known = told.answer("application/json", &headers);
        assert_eq!((known.status(), known.body().len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(known.headers()[ETAG], tag.as_str());
    }
    headers.insert(IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
    assert_eq!(told.answer("application/json", &headers).status(), StatusCode::OK);
}
