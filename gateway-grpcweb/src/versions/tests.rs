#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::Arc;

use lyceum::policy::Policy;
use prost_reflect::DescriptorPool;
use prost_types::{DescriptorProto, FileDescriptorProto, MethodDescriptorProto, MethodOptions, ServiceDescriptorProto};

use super::*;
use crate::schema::reflected;

/// `shop.<version>.Shop`, of which v1 has a method that is to go, served by `shop`.
fn names(versions: &[&str]) -> Names {
    let mut pool = DescriptorPool::global();
    for version in versions {
        let method = |name: &str| MethodDescriptorProto {
            name: Some(name.to_owned()),
            input_type: Some(format!(".shop.{version}.Nothing")),
            output_type: Some(format!(".shop.{version}.Nothing")),
            options: Some(MethodOptions {
                deprecated: Some(*version == "v1" && name == "SellOne"),
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut methods = vec![method("SellOne")];
        if *version != "v1" {
            methods.push(method("SellMany"));
        }
        let file = FileDescriptorProto {
            name: Some(format!("shop/{version}.proto")),
            package: Some(format!("shop.{version}")),
            syntax: Some("proto3".to_owned()),
            message_type: vec![DescriptorProto {
                name: Some("Nothing".to_owned()),
                ..Default::default()
            }],
            service: vec![ServiceDescriptorProto {
                name: Some("Shop".to_owned()),
                method: methods,
                ..Default::default()
            }],
            ..Default::default()
        };
        pool.add_file_descriptor_proto(file).unwrap();
    }
    let full: Vec<String> = versions.iter().map(|version| format!("shop.{version}.Shop")).collect();
    let services: Vec<Arc<ServiceInfo>> = reflected(&pool, &"shop".into(), full.iter().map(String::as_str));
    Names::new(&services)
}

fn choices(document: &str) -> Choices {
    Choices::of_policy(&Policy::default().with(document.as_bytes()).unwrap().edge.versions)
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn a_name_without_a_version_is_the_newest_stable_one() {
    let names = names(&["v1", "v2", "v3beta1"]);
    let found = |service: &str, method: &str, asked: &[(&'static str, &'static str)]| match names.find(
        service,
        method,
        &headers(asked),
        &Choices::default(),
    ) {
        Ok(offered) => offered.method.path.clone(),
        Err(refusal) => refusal.reason().to_owned(),
    };
    for name in ["shop", "shop.Shop"] {
        assert_eq!(found(name, "sell-one", &[]), "/shop.v2.Shop/SellOne");
        assert_eq!(
            found(name, "SellOne", &[("lyceum-version", "v1")]),
            "/shop.v1.Shop/SellOne"
        );
        assert_eq!(
            found(name, "sell-one", &[("lyceum-version", "v3beta1")]),
            "/shop.v3beta1.Shop/SellOne"
        );
        assert_eq!(found(name, "sell-many", &[("lyceum-version", "v1")]), "VERSION_UNKNOWN");
        assert_eq!(found(name, "sell-one", &[("lyceum-version", "1")]), "VERSION_INVALID");
        assert_eq!(found(name, "sell", &[]), "METHOD_UNKNOWN");
    }
    assert_eq!(found("shop.v1.Shop", "sell-one", &[]), "/shop.v1.Shop/SellOne");
    assert_eq!(found("shop.v4.Shop", "sell-one", &[]), "SERVICE_UNKNOWN");
}

#[test]
fn policy_says_what_a_key_and_everybody_gets() {
    let names = names(&["v1", "v2", "v3beta1"]);
    let choices =
        choices("[edge.versions.defaults]\nshop = \"v1\"\n[edge.versions.keys]\nabc = \"v3beta1\"\nold = \"v9\"");
    let found = |asked: &[(&'static str, &'static str)]| {
        let found = names.find("shop", "sell-one", &headers(asked), &choices).unwrap();
        found.version.unwrap().to_string()
    };
    assert_eq!(found(&[]), "v1");
    assert_eq!(found(&[("x-api-key", "lyk_abc_secret")]), "v3beta1");
    assert_eq!(found(&[("authorization", "Bearer lyk_abc_secret")]), "v3beta1");
    assert_eq!(
        found(&[("x-api-key", "lyk_abc_secret"), ("lyceum-version", "v2")]),
        "v2"
    );
    // A key whose version is not offered gets what everybody gets; so does what is no key.
    assert_eq!(found(&[("x-api-key", "lyk_old_secret")]), "v1");
    assert_eq!(found(&[("x-api-key", "abc")]), "v1");
    assert_eq!(
        names
            .find("shop.Shop", "sell-one", &HeaderMap::new(), &choices)
            .unwrap()
            .version,
        Version::parse("v1")
    );
    // What the default does not have comes from the next.
    assert_eq!(
        names
            .find("shop", "sell-many", &HeaderMap::new(), &choices)
            .unwrap()
            .version,
        Version::parse("v2")
    );
}

#[test]
fn a_version_that_is_to_go_says_so() {
    let names = names(&["v1", "v2"]);
    let method = |service: &str| {
        let found = names.find(service, "sell-one", &HeaderMap::new(), &Choices::default());
        Arc::clone(&found.unwrap().method)
    };
    let warned = |service: &str, choices: &Choices| {
        let mut headers = HeaderMap::new();
        names.warn(&method(service), &mut headers, choices);
        headers
    };
    let by_contract = warned("shop.v1.Shop", &Choices::default());
    assert_eq!(by_contract["deprecation"], "@0");
    let links: Vec<&str> = by_contract
        .get_all("link")
        .iter()
        .map(|link| link.to_str().unwrap())
        .collect();
    assert_eq!(links[0], "</openapi#shop.v1.Shop>; rel=\"deprecation\"");
    assert_eq!(links[1], "</api/shop.v2.Shop/SellOne>; rel=\"successor-version\"");
    assert!(warned("shop.v2.Shop", &Choices::default()).is_empty());

    let choices = choices(
        "[edge.versions.deprecated.\"shop.v2\"]\nsince = \"2026-01-01\"\nsunset = \"2026-12-31\"\nlink = \"/why\"",
    );
    let by_policy = warned("shop.v2.Shop", &choices);
    assert_eq!(by_policy["deprecation"], "@1767225600");
    assert_eq!(by_policy["sunset"], "Thu, 31 Dec 2026 00:00:00 GMT");
    assert_eq!(by_policy["link"], "</why>; rel=\"deprecation\"");
}

#[test]
fn versions_are_read_and_ordered() {
    for text in ["v1", "v12", "v2alpha1", "v2beta3"] {
        assert_eq!(Version::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Version::parse("v1beta"), Version::parse("v1beta1"));
    for text in [
        "",
        "v",
        "1",
        "vx",
        "v1gamma",
        "v1beta1x",
        "v99999999999",
        "v+1",
        "v1beta+1",
    ] {
        assert_eq!(Version::parse(text), None, "{text}");
    }
    let mut versions = ["v3alpha1", "v1", "v2", "v2beta2", "v2beta1", "v10"].map(|text| Version::parse(text).unwrap());
    versions.sort();
    assert_eq!(
        versions.map(|version| version.to_string()),
        ["v2beta1", "v2beta2", "v3alpha1", "v1", "v2", "v10"]
    );
}

#[test]
fn names_are_parted_and_written_as_in_addresses() {
    let (version, name) = parted("lyceum.writing_analysis.v1.WritingAnalysisService");
    assert_eq!(version, Version::parse("v1"));
    assert_eq!(name, "lyceum.writing_analysis.WritingAnalysisService");
    assert_eq!(
        parted("mirror.MirrorService"),
        (None, "mirror.MirrorService".to_owned())
    );
    assert_eq!(parted("Bare"), (None, "Bare".to_owned()));
    for (name, kebabed) in [
        ("AnalyzeWriting", "analyze-writing"),
        ("GetHTTPInfo", "get-http-info"),
        ("Get", "get"),
        ("GetV2Info", "get-v2-info"),
        ("with_snake", "with-snake"),
    ] {
        assert_eq!(kebab(name), kebabed);
    }
}
