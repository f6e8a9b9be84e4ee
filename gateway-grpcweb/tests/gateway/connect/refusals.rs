//! What Connect refuses, and what other sites may read.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_and_nothing_else_suffers() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 100_000).await;
    let browser = stage.browser();
    wait_for("the probe's types", || async {
        post(browser, GET, "application/json", &[], "{}").await.http == 200
    })
    .await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let bomb = packed(&vec![0; 30_000_000]);
    let bomb_refused = (429, "BODY_TOO_LARGE");
    let unary: [(&str, Headers, &[u8], Refused); 9] = [
        ("json", &[], b"{", (400, "JSON_INVALID")),
        ("json", &[], b"\xff", (400, "JSON_INVALID")),
        ("json", &[], br#"{"nothing":1}"#, (400, "INPUT_INVALID")),
        ("json", &[], br#"{"delayMilliseconds":60001}"#, (400, "INPUT_INVALID")),
        ("json", &[], deep.as_bytes(), (400, "INPUT_INVALID")),
        (
            "proto",
            &[("connect-protocol-version", "2")],
            b"",
            (400, "VERSION_UNKNOWN"),
        ),
        (
            "proto",
            &[("connect-timeout-ms", "soon")],
            b"",
            (400, "TIMEOUT_INVALID"),
        ),
        ("proto", &[("content-encoding", "gzip")], &bomb, bomb_refused),
        ("proto", &[], &[8; 200_000], (429, "BODY_TOO_LARGE")),
    ];
    for (codec, headers, body, expected) in unary {
        let kind = format!("application/{codec}");
        let answer = post(browser, GET, &kind, headers, Bytes::copy_from_slice(body)).await;
        assert_eq!((answer.http, answer.reason().as_str()), expected);
    }
    let mut huge = frame(b"").to_vec();
    huge[1] = 0x7f;
    let mut packed_bomb = frame(&bomb).to_vec();
    packed_bomb[0] = 1;
    let streams: [(Headers, &[u8], &str); 5] = [
        (&[], b"no envelope", "BODY_NOT_CONNECT"),
        (&[], b"\0\0\0\0\x09short", "BODY_TRUNCATED"),
        (&[], &huge, "MESSAGE_TOO_LARGE"),
        (
            &[("connect-content-encoding", "gzip")],
            &packed_bomb,
            "MESSAGE_TOO_LARGE",
        ),
        (&[("connect-content-encoding", "br")], b"", "ENCODING_UNKNOWN"),
    ];
    for (headers, body, expected) in streams {
        let answer = post(
            browser,
            WATCH,
            "application/connect+proto",
            headers,
            Bytes::copy_from_slice(body),
        )
        .await;
        assert_eq!(
            (answer.http, reason(&answer.envelopes().1["error"]).as_str()),
            (200, expected)
        );
    }
    let answer = post(browser, WATCH, "application/connect+xml", &[], "").await;
    assert_eq!(answer.http, 415);
    assert!(
        answer.headers["accept-post"]
            .to_str()
            .unwrap()
            .contains("application/connect+json")
    );
    let put = Request::put(browser.uri(GET)).header("content-type", "application/proto");
    assert_eq!(send(browser, put.body(Bytes::new()).unwrap()).await.http, 405);
    assert_eq!(post(browser, GET, "application/json", &[], "{}").await.http, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_reads_what_it_may() {
    let stage = stage().await;
    let origin = [("origin", "https://school.example")];
    let answer = post(
        stage.browser(),
        "/mirror.v1.MirrorService/Headers",
        "application/proto",
        &origin,
        "",
    )
    .await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://school.example");
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(
        exposed.contains("x-begin") && exposed.contains("trailer-x-end"),
        "{exposed}"
    );
}
