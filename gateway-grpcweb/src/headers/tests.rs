use super::*;

fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn sent(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    upstream(&map(headers))
}

#[test]
fn metadata_passes() {
    let headers = sent(&[
        ("authorization", "Bearer x"),
        ("x-course", "c1"),
        ("baggage", "a=b"),
        ("x-data-bin", "AQ"),
    ]);
    for (name, value) in [
        ("authorization", "Bearer x"),
        ("x-course", "c1"),
        ("baggage", "a=b"),
        ("x-data-bin", "AQ"),
    ] {
        assert_eq!(headers[name], value);
    }
    let mut twice = map(&[("x-tag", "a")]);
    twice.append("x-tag", HeaderValue::from_static("b"));
    assert_eq!(upstream(&twice).get_all("x-tag").iter().count(), 2);
}

#[test]
fn what_belongs_to_a_connection_stays() {
    let headers = sent(&[
        ("connection", "keep-alive, X-Mine"),
        ("keep-alive", "timeout=5"),
        ("x-mine", "1"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("trailer", "x"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA"),
        ("host", "desk.example"),
        ("content-length", "5"),
        ("expect", "100-continue"),
    ]);
    let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["content-type", "te", "grpc-accept-encoding"]);
}

#[test]
fn what_tells_who_somebody_is_stays() {
    let headers = sent(&[
        ("cookie", "s=1"),
        ("user-agent", "Mozilla/5.0"),
        ("x-user-agent", "grpc-web-javascript/0.1"),
        ("referer", "http://desk.example/me"),
        ("origin", "http://desk.example"),
        ("accept-language", "de"),
        ("sec-ch-ua-platform", "Linux"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-real-ip", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
    ]);
    let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["content-type", "te", "grpc-accept-encoding", "user-agent"]);
    assert_eq!(headers[USER_AGENT], "grpc-web-javascript/0.1");
}

#[test]
fn nobody_outside_says_who_is_asking() {
    let headers = sent(&[
        ("lyceum-principal", "teacher"),
        ("lyceum-principal-certificate", "AAAA"),
        ("lyceum-student", "s-1"),
        ("lyceum-retention", "9"),
        ("lyceum-anything", "x"),
        ("lyceum-", "x"),
        ("lyceum-consent", "learning"),
        ("lyceum-purpose", "feedback"),
    ]);
    for name in [
        "lyceum-principal",
        "lyceum-principal-certificate",
        "lyceum-student",
        "lyceum-retention",
        "lyceum-anything",
        "lyceum-",
    ] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers[CONSENT], "learning");
    assert_eq!(headers[PURPOSE], "feedback");
}

#[test]
fn the_protocol_is_the_gateways_own() {
    let headers = sent(&[
        ("te", "deflate"),
        ("grpc-accept-encoding", "gzip"),
        ("grpc-timeout", "1H"),
        ("grpc-encoding", "gzip"),
        ("grpc-status", "0"),
        ("content-type", "application/grpc-web-text"),
    ]);
    assert_eq!(headers[TE], "trailers");
    assert_eq!(headers[ACCEPT_ENCODING], "identity");
    assert_eq!(headers["grpc-encoding"], "gzip");
    assert_eq!(headers[CONTENT_TYPE], "application/grpc");
    assert!(!headers.contains_key("grpc-timeout"));
    assert!(!headers.contains_key("grpc-status"));
}

#[test]
fn a_correlation_id_is_passed_or_left_out() {
    assert_eq!(sent(&[("x-correlation-id", "essay-7.a_b")])[CORRELATION], "essay-7.a_b");
    assert!(!sent(&[("x-correlation-id", "a b\"")]).contains_key(CORRELATION));
    assert!(!sent(&[("x-correlation-id", "")]).contains_key(CORRELATION));
}

#[test]
fn a_response_keeps_its_metadata_alone() {
    let mut headers = map(&[
        ("content-type", "application/grpc"),
        ("grpc-accept-encoding", "gzip"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "x"),
        ("set-cookie", "s=1"),
        ("date", "now"),
        ("x-cost", "3"),
        ("grpc-status", "5"),
    ]);
    headers.append("x-cost", HeaderValue::from_static("4"));
    let headers = downstream(headers);
    let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names.len(), 2);
    assert_eq!(headers.get_all("x-cost").iter().collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(headers["grpc-status"], "5");
}
