use super::*;

fn cors(origins: &[&str]) -> Cors {
    let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
    Cors::new(&origins, Duration::from_secs(600))
}

fn request(method: Method, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/p.S/M");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn admission(origins: &[&str], origin: &str) -> Admission {
    cors(origins).admit(&request(
        Method::POST,
        &[("origin", origin), ("host", "desk.example:8080")],
    ))
}

#[test]
fn admits_whom_the_configuration_names() {
    let school = Admission::Granted(HeaderValue::from_static("https://school.example"));
    assert_eq!(
        admission(&["https://school.example/"], "https://school.example"),
        school
    );
    assert_eq!(admission(&["*"], "https://any.example"), Admission::Granted(ANY));
    for origin in [
        "https://school.example.evil",
        "http://school.example",
        "https://school.example:8443",
        "null",
        "ä",
    ] {
        assert_eq!(
            admission(&["https://school.example"], origin),
            Admission::Refused,
            "{origin}"
        );
    }
}

#[test]
fn knows_its_own_page() {
    assert_eq!(admission(&[], "http://desk.example:8080"), Admission::Same);
    assert_eq!(admission(&[], "https://Desk.example:8080"), Admission::Same);
    assert_eq!(admission(&[], "http://desk.example"), Admission::Refused);
    assert_eq!(cors(&[]).admit(&request(Method::POST, &[])), Admission::Same);
    let absolute = Request::builder()
        .uri("http://desk.example/p.S/M")
        .header("origin", "http://desk.example")
        .body(())
        .unwrap();
    assert_eq!(cors(&[]).admit(&absolute), Admission::Same);
}

#[test]
fn grants_a_preflight_whatever_it_names() {
    let cors = cors(&["https://school.example"]);
    for names in [
        None,
        Some("content-type"),
        Some("x-grpc-web,grpc-timeout,authorization,x-of-my-own"),
    ] {
        let mut headers = vec![
            ("origin", "https://school.example"),
            ("access-control-request-method", "POST"),
        ];
        headers.extend(names.map(|names| ("access-control-request-headers", names)));
        let request = request(Method::OPTIONS, &headers);
        let response = cors.preflight(&request, &cors.admit(&request)).unwrap();
        let granted = response.headers();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(granted[ACCESS_CONTROL_ALLOW_ORIGIN], "https://school.example");
        assert_eq!(granted[ACCESS_CONTROL_ALLOW_METHODS], "GET, POST, PUT, PATCH, DELETE");
        assert_eq!(granted[ACCESS_CONTROL_MAX_AGE], "600");
        assert!(granted[VARY].to_str().unwrap().contains("origin"));
        assert_eq!(
            granted
                .get(ACCESS_CONTROL_ALLOW_HEADERS)
                .map(|names| names.to_str().unwrap()),
            names
        );
    }
}

#[test]
fn refuses_a_preflight_of_others_and_says_why() {
    let cors = cors(&[]);
    let headers = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "POST"),
    ];
    let request = request(Method::OPTIONS, &headers);
    let response = cors.preflight(&request, &cors.admit(&request)).unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    assert!(std::str::from_utf8(response.body()).unwrap().contains("edge.origins"));
}

#[test]
fn takes_no_other_request_for_a_preflight() {
    let cors = cors(&["*"]);
    for (method, headers) in [
        (Method::OPTIONS, vec![("origin", "https://a.example")]),
        (
            Method::POST,
            vec![
                ("origin", "https://a.example"),
                ("access-control-request-method", "POST"),
            ],
        ),
    ] {
        let request = request(method, &headers);
        assert!(cors.preflight(&request, &cors.admit(&request)).is_none());
    }
}

#[test]
fn exposes_what_the_response_carries() {
    let mut headers = HeaderMap::new();
    for name in ["content-type", "grpc-status", "x-cost", "lyceum-instance"] {
        headers.insert(name, HeaderValue::from_static("1"));
    }
    let mut unseen = headers.clone();
    Admission::Granted(HeaderValue::from_static("https://a.example")).expose(&mut headers);
    assert_eq!(
        headers[ACCESS_CONTROL_EXPOSE_HEADERS],
        "grpc-status,grpc-message,grpc-status-details-bin,x-cost,lyceum-instance"
    );
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
    assert_eq!(headers[VARY], "origin");

    Admission::Refused.expose(&mut unseen);
    assert!(!unseen.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    assert!(!unseen.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS));
}
