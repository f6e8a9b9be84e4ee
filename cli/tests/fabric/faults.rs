//! What goes wrong at the start, and whether the message says what to do.

use std::net::TcpListener;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::running::{lyceum, run, said};

/// The message of a run that must fail.
async fn complaint(arguments: &[&str]) -> String {
    let (good, _, error) = said(&run(arguments).await);
    assert!(!good, "{arguments:?} went well");
    assert!(error.starts_with("lyceum: "), "{error}");
    error
}

fn says(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{word:?} is missing: {error}");
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let data = file.path().join("data");
    let error = complaint(&[
        "up",
        "--consul",
        "own",
        "--gateway-port",
        "0",
        "--data",
        data.to_str().unwrap(),
    ])
    .await;
    says(&error, &[data.to_str().unwrap(), "--data DIR"]);
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = data.path().to_str().unwrap();
    let error = complaint(&["up", "--consul", "own", "--gateway-port", &port, "--data", data]).await;
    says(&error, &[&port, "--gateway-port N"]);
    let service = format!("serving.port={port}");
    let error = complaint(&["serve", "writing-analysis", "--data", data, "--set", &service]).await;
    says(&error, &[&port, "serving.port"]);
    let gateway = format!("gateway.address=127.0.0.1:{port}");
    let error = complaint(&["gateway", "--data", data, "--set", &gateway]).await;
    says(&error, &[&port, "gateway.address"]);
}

#[tokio::test]
async fn no_consul_to_start() {
    let empty = tempfile::tempdir().unwrap();
    let output = lyceum(&["up", "--consul", "own", "--gateway-port", "0"])
        .current_dir(empty.path())
        .env("PATH", empty.path())
        .output()
        .await
        .unwrap();
    let (good, _, error) = said(&output);
    assert!(!good);
    says(&error, &["make setup", "consul"]);
}

#[tokio::test]
async fn a_consul_elsewhere_that_does_not_answer() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    // An agent of our own is only ever started on a port of this machine.
    let consul = "consul.address=unix:///nowhere/consul.sock";
    let error = complaint(&["up", "--gateway-port", "0", "--data", data, "--set", consul]).await;
    says(&error, &["/nowhere/consul.sock", "--consul own"]);
    let error = complaint(&["status", "--set", consul]).await;
    says(&error, &["/nowhere/consul.sock", "CONSUL_HTTP_ADDR"]);
}

#[tokio::test]
async fn something_else_where_consul_should_be() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let other = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
                .await;
        }
    });
    let data = tempfile::tempdir().unwrap();
    let consul = format!("consul.address=http://{address}");
    let arguments = [
        "up",
        "--gateway-port",
        "0",
        "--data",
        data.path().to_str().unwrap(),
        "--set",
        &consul,
    ];
    says(
        &complaint(&arguments).await,
        &[&address.to_string(), "no Consul", "--consul own"],
    );
    other.abort();
}

#[tokio::test]
async fn unknown_services() {
    says(
        &complaint(&["serve", "grading"]).await,
        &["grading", "ai-validator, writing-analysis"],
    );
    let (good, _, error) = said(&run(&["up", "--replicas", "grading=2"]).await);
    assert!(!good);
    says(&error, &["grading", "ai-validator, writing-analysis"]);
}

#[tokio::test]
async fn certificates_that_others_issue() {
    let files = [
        "identity.source=files",
        "identity.certificate=c",
        "identity.key=k",
        "identity.roots=r",
    ];
    let settings: Vec<&str> = files.iter().flat_map(|setting| ["--set", setting]).collect();
    let operator: Vec<&str> = ["certificates", "operator"]
        .into_iter()
        .chain(settings.iter().copied())
        .collect();
    says(
        &complaint(&operator).await,
        &["identity.source", "spiffe://lyceum.internal/operator/operator"],
    );
    let up: Vec<&str> = ["up", "--gateway-port", "0"]
        .into_iter()
        .chain(settings.iter().copied())
        .collect();
    says(&complaint(&up).await, &["identity.source", "lyceum serve"]);
    let serve: Vec<&str> = ["serve", "writing-analysis"].into_iter().chain(settings).collect();
    says(&complaint(&serve).await, &["r"]);
}

#[tokio::test]
async fn a_service_that_cannot_start_says_why() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    // An address of no interface of this machine (RFC 5737).
    let address = "serving.address=192.0.2.1";
    let error = complaint(&[
        "up",
        "--consul",
        "own",
        "--gateway-port",
        "0",
        "--data",
        data,
        "--set",
        address,
    ])
    .await;
    says(&error, &["does not start", "192.0.2.1", "serving.address"]);
}
