//! One line of the access log for every request, whatever it is for.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_for_is_one_line() {
    let stage = Stage::start().await;
    let gateway = Logged::start(&stage).await;
    let json = "application/json";
    // What is asked for, then what its line says of it.
    let asked = [
        ("GET", "/?pupil=ada", "", "", ("document", "page", 503)),
        ("GET", "/pupils/ada.png", "", "", ("document", "page", 503)),
        (
            "GET",
            "/openapi.json?pupil=ada",
            "",
            "",
            ("document", "/openapi.json", 200),
        ),
        (
            "GET",
            "/gateway/health/ada",
            "",
            "",
            ("document", "/gateway/health/*", 404),
        ),
        ("GET", "/gateway/calls", "", "", ("document", "/gateway/calls", 200)),
        (
            "HEAD",
            "/gateway/metrics",
            "",
            "",
            ("document", "/gateway/metrics", 200),
        ),
        ("DELETE", "/gateway/calls", "", "", ("document", "/gateway/calls", 405)),
        ("POST", "/graphql", json, "{}", ("document", "/graphql", 200)),
        ("POST", "/api/batch", json, "ada", ("document", "/api/batch", 400)),
        ("POST", "/mcp", json, "ada", ("document", "/mcp", 406)),
        (
            "DELETE",
            "/gateway/session",
            "",
            "",
            ("document", "/gateway/session", 200),
        ),
        ("ADA", "/", "", "", ("document", "page", 405)),
        (
            "POST",
            "/ada.v1.Pupils/Get",
            "application/grpc-web+proto",
            "",
            ("grpc-web", "other", 200),
        ),
        (
            "GET",
            "/ada.v1.Pupils/Get",
            "application/grpc-web-text",
            "",
            ("grpc-web-text", "other", 200),
        ),
        (
            "POST",
            "/ada.v1.Pupils/Get",
            "application/grpc+ada",
            "",
            ("grpc", "other", 200),
        ),
        (
            "POST",
            "/ada.v1.Pupils/Get",
            "application/connect+proto",
            "",
            ("connect", "other", 200),
        ),
        (
            "POST",
            "/ada.v1.Pupils/Get",
            "application/connect+ada",
            "",
            ("connect", "other", 415),
        ),
        (
            "PUT",
            "/ada.v1.Pupils/Get",
            "application/proto",
            "",
            ("connect", "other", 405),
        ),
        ("POST", "/api/ada/get", json, "{}", ("json", "other", 404)),
    ];
    wait_for("types", || async {
        gateway.browser.get("/gateway/schema").await.2.len() > 1000
    })
    .await;
    for (number, (verb, path, kind, body, _)) in asked.iter().enumerate() {
        let mut request = Request::builder()
            .method(*verb)
            .uri(gateway.browser.uri(path))
            .header("x-correlation-id", format!("asked-{number}"));
        if !kind.is_empty() {
            request = request.header("content-type", *kind);
        }
        let answer = gateway
            .browser
            .begin(request.body(Bytes::from_static(body.as_bytes())).unwrap())
            .await;
        assert_eq!(
            answer.response.headers()["x-correlation-id"],
            format!("asked-{number}"),
            "{path}"
        );
    }
    let strange = Request::get("/")
        .header("host", "ada.example")
        .header("x-correlation-id", "strange");
    gateway.browser.begin(strange.body(Bytes::new()).unwrap()).await;
    let asking = Request::options("/api/testing/get-probe")
        .header("origin", "https://ada.example")
        .header("access-control-request-method", "POST")
        .header("x-correlation-id", "asking");
    gateway.browser.begin(asking.body(Bytes::new()).unwrap()).await;
    let log = gateway.stop().await;
    for (number, (verb, path, _, _, (key, value, http))) in asked.iter().enumerate() {
        let lines = log.of(&format!("asked-{number}"));
        let [line] = &lines[..] else {
            panic!("{verb} {path}: {lines:?}")
        };
        assert_eq!(line["http"], *http, "{verb} {path}: {line}");
        if *key == "document" {
            assert_eq!(
                (line["document"].as_str(), line["front"].as_str()),
                (Some(*value), None),
                "{verb} {path}"
            );
            let named = if *verb == "ADA" { "OTHER" } else { verb };
            assert_eq!(line["verb"], named);
        } else {
            assert_eq!(
                (line["front"].as_str(), line["method"].as_str()),
                (Some(*key), Some(*value)),
                "{verb} {path}"
            );
        }
        assert!(line["milliseconds"].as_f64().is_some() && line["time"].is_string());
    }
    assert_eq!(log.of("strange")[0]["document"], "refused");
    assert_eq!(log.of("asking")[0]["document"], "preflight");
    assert!(!log.text().to_lowercase().contains("ada"), "{}", log.text());
}
