//! The document of everything that can be called, and its page.

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use lyceum::Fabric;
use lyceum::testing::probe::Serving;
use lyceum::testing::wait_for;
use serde_json::Value;

use crate::browser::Browser;
use crate::stage::Stage;

async fn document(browser: &Browser) -> Value {
    let (status, headers, body) = browser.get("/openapi.json").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    serde_json::from_slice(&body).unwrap()
}

async fn asked(browser: &Browser, method: &str, path: &str, header: (&str, &str)) -> (u16, Bytes) {
    let request = Request::builder()
        .method(method)
        .uri(browser.uri(path))
        .header(header.0, header.1);
    let answer = browser.begin(request.body(Bytes::from_static(b"{}")).unwrap()).await;
    let (parts, body) = answer.response.into_parts();
    (parts.status.as_u16(), body.collect().await.unwrap().to_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_can_be_called_and_what_comes_is_told() {
    let mut stage = Stage::start_empty(|_| {}).await;
    let browser = stage.browser();
    let empty = document(&browser).await;
    assert!(empty["paths"].as_object().unwrap().is_empty());
    let (_, headers, _) = browser.get("/openapi.json").await;
    let tag = headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(
        asked(&browser, "GET", "/openapi.json", ("if-none-match", &tag)).await.0,
        304
    );

    let fabric = Fabric::start(stage.configuration(), "testing").unwrap();
    stage.probe = Some(Serving::start(&fabric).await);
    wait_for("the probe's types", || async {
        document(&browser).await["paths"]["/api/testing/get-probe"].is_object()
    })
    .await;
    assert_eq!(
        asked(&browser, "GET", "/openapi.json", ("if-none-match", &tag)).await.0,
        200
    );
    let document = document(&browser).await;
    // With the comments of the contract, which reflection brings.
    let get = &document["paths"]["/api/testing/get-probe"]["post"];
    assert_eq!(
        get["summary"],
        "Answers after the delay asked for, or with the failure asked for."
    );
    for path in [
        "/api/testing/get-probe",
        "/api/testing/record-probe",
        "/v1/testing/probe:get",
    ] {
        assert!(document["paths"][path]["post"].is_object(), "{path}");
        let (status, body) = asked(&browser, "POST", path, ("content-type", "application/json")).await;
        assert_eq!(status, 200, "{path} {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_readable_without_a_script() {
    let stage = Stage::start_empty(|_| {}).await;
    let browser = stage.browser();
    let (status, headers, body) = browser.get("/openapi").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("script"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(std::str::from_utf8(&body).unwrap().contains("href=\"/openapi.css\""));
    let (status, headers, _) = browser.get("/openapi.css").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
    let (status, body) = asked(&browser, "HEAD", "/openapi.json", ("accept", "*/*")).await;
    assert_eq!((status, body.len()), (200, 0));
    assert_eq!(asked(&browser, "POST", "/openapi.json", ("accept", "*/*")).await.0, 405);
}
