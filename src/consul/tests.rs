#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod parsing;
mod wire;

use std::time::Duration;

use super::*;

#[test]
fn an_address_is_read_in_every_usual_form() {
    let cases = [
        ("127.0.0.1:8500", Address::Http("127.0.0.1:8500".into())),
        (" http://consul.local:80/ ", Address::Http("consul.local:80".into())),
        ("localhost", Address::Http("localhost:8500".into())),
        ("https://consul.local", Address::Https("consul.local:8501".into())),
        ("http://[::1]:8500", Address::Http("[::1]:8500".into())),
        ("[::1]", Address::Http("[::1]:8500".into())),
        ("unix:///run/consul.sock", Address::Unix("/run/consul.sock".into())),
    ];
    for (text, address) in cases {
        assert_eq!(text.parse::<Address>().unwrap(), address, "{text}");
    }
}

#[test]
fn a_wrong_address_is_refused_with_its_reason() {
    for text in [
        "",
        "ftp://a:1",
        "http://",
        "a:99999",
        "a:",
        "a:b",
        "unix://",
        "http://u:p@a:1",
        "a b:1",
        "http://a:1/x",
    ] {
        let error = text.parse::<Address>().unwrap_err();
        assert!(
            matches!(&error, Error::Settings { reason } if reason.contains("address")),
            "{text}: {error}"
        );
    }
}

#[test]
fn a_token_never_shows() {
    let mut settings = Settings::new(Address::default());
    settings.token = Token::new("8d2c-secret\n");
    let client = Client::try_new(&settings).unwrap();
    for shown in [
        format!("{settings:?}"),
        format!("{client:?}"),
        format!("{:?}", client.inner.token),
    ] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert_eq!(format!("{:?}", Token::default()), "Token(none)");
}

#[test]
fn a_token_that_no_header_carries_is_an_error_that_does_not_show_it() {
    let mut settings = Settings::new(Address::default());
    settings.token = Token::new("secret\u{1F512}\nsecond line");
    let error = Client::try_new(&settings).unwrap_err();
    assert!(matches!(error, Error::Settings { .. }));
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn tls_files_that_cannot_be_used_are_named() {
    let mut settings = Settings::new("https://127.0.0.1:1".parse().unwrap());
    assert!(
        Client::try_new(&settings)
            .unwrap_err()
            .to_string()
            .contains("authorities")
    );
    settings.tls = Some(Tls {
        authorities: "/nonexistent/ca.pem".into(),
        certificate: None,
        server_name: None,
    });
    assert!(
        Client::try_new(&settings)
            .unwrap_err()
            .to_string()
            .contains("/nonexistent/ca.pem")
    );
}

#[test]
fn a_query_sends_what_blocks_and_nothing_else() {
    let path = |index, wait, stale| {
        Query {
            index,
            wait: Duration::from_millis(wait),
            stale,
            ..Query::default()
        }
        .append_to("/v1/x")
    };
    assert_eq!(path(0, 1000, false), "/v1/x");
    assert_eq!(path(0, 1000, true), "/v1/x?stale");
    assert_eq!(path(7, 1500, true), "/v1/x?index=7&wait=1500ms&stale");
    assert_eq!(path(7, 600_000, false), "/v1/x?index=7&wait=55000ms");
    assert_eq!(
        Query {
            index: 7,
            ..Query::default()
        }
        .append_to("/v1/kv/a?raw"),
        "/v1/kv/a?raw&index=7&wait=1ms"
    );
}

#[test]
fn a_blocking_query_outlives_its_wait_with_consuls_jitter() {
    let usual = Duration::from_secs(2);
    let wait = Duration::from_secs(48);
    assert_eq!(
        Query {
            index: 0,
            wait,
            stale: false,
            ..Query::default()
        }
        .timeout(usual),
        usual
    );
    assert_eq!(
        Query {
            index: 1,
            wait,
            stale: false,
            ..Query::default()
        }
        .timeout(usual),
        Duration::from_secs(48 + 3 + 5)
    );
    assert!(
        Query {
            index: 1,
            wait: wait * 100,
            stale: false,
            ..Query::default()
        }
        .timeout(usual)
            < Duration::from_secs(64)
    );
}

#[test]
fn a_registration_sends_only_what_is_set_and_durations_with_units() {
    let service = Service {
        id: "a".into(),
        name: "writing".into(),
        address: "127.0.0.1".into(),
        port: 1,
        tags: Vec::new(),
        meta: Default::default(),
        weights: Weights { passing: 4, warning: 1 },
        check: TtlCheck {
            id: "service:a".into(),
            name: "c".into(),
            ttl: Duration::from_millis(1500),
            status: Health::Warning,
            deregister_critical_service_after: Duration::from_secs(300),
        },
    };
    let expected = serde_json::json!({
        "ID": "a", "Name": "writing", "Address": "127.0.0.1", "Port": 1,
        "Weights": { "Passing": 4, "Warning": 1 },
        "Check": {
            "CheckID": "service:a", "Name": "c", "TTL": "1500ms", "Status": "warning",
            "DeregisterCriticalServiceAfter": "300000ms"
        },
    });
    assert_eq!(serde_json::to_value(&service).unwrap(), expected);
}

#[test]
fn health_orders_from_best_to_worst() {
    assert!(Health::Passing < Health::Warning && Health::Warning < Health::Critical);
}

#[test]
fn a_long_reason_becomes_one_short_line() {
    let text = error::trimmed(&format!("  a\n\tb {}", "é".repeat(1000)));
    assert!(text.starts_with("a b é") && text.ends_with('…'));
    assert_eq!(text.chars().count(), 301);
}
