//! An operator's way: the printed commands as they are printed, and what happens without a certificate.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::running::{Up, lyceum, optional, path, root, run, said, signal};

/// Runs a line as a person would: in a shell, at the workspace's root.
async fn shell(line: &str) -> (bool, String, String) {
    let output = Command::new("/bin/sh")
        .args(["-c", line])
        .env("PATH", path())
        .current_dir(root())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    said(&output)
}

/// The paragraphs that begin with a program, from wherever it was brought, with their continued lines.
fn commands(text: &str, program: &str) -> Vec<String> {
    let begins = |line: &str| {
        let start = line.find(program).unwrap_or(usize::MAX);
        start == 0 || (start < line.len() && line[..start].ends_with('/') && !line[..start].contains(' '))
    };
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if begins(line) {
            let mut command = line.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().unwrap());
            }
            found.push(command);
        }
    }
    found
}

/// What `lyceum up` prints for people, up to its last line; it runs on.
async fn printed(data: &Path) -> (tokio::process::Child, String) {
    let mut child = lyceum(&[
        "up",
        "--consul",
        "own",
        "--gateway-port",
        "0",
        "--set",
        "serving.drain_notice=10ms",
    ])
    .args(["--data", data.to_str().unwrap()])
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut text = String::new();
    while !text.contains("Ctrl-C drains") {
        text.push_str(&lines.next_line().await.unwrap().expect("more lines"));
        text.push('\n');
    }
    // Whatever it says later needs a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, text)
}

#[tokio::test]
async fn the_printed_commands_work_as_printed() {
    // Without a terminal there are no colours, and a folder with a blank must be quoted.
    let folder = tempfile::tempdir().unwrap();
    let (mut child, text) = printed(&folder.path().join("my data")).await;
    assert!(!text.contains('\u{1b}'), "{text}");
    for word in [
        "writing-analysis",
        "ai-validator",
        "gateway",
        "consul",
        "passing",
        "/ui/",
    ] {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
    let grpcurl = commands(&text, "grpcurl");
    let buf = commands(&text, "buf curl");
    assert_eq!((grpcurl.len(), buf.len()), (2, 2), "{text}");
    // A shell has no `.tools/bin` on its PATH: what was brought is called by its path.
    if crate::running::root().join(".tools/bin/grpcurl").is_file() {
        assert!(grpcurl[0].starts_with(".tools/bin/grpcurl "), "{}", grpcurl[0]);
    }
    if optional("grpcurl").is_some() {
        for command in &grpcurl {
            let (good, output, error) = shell(command).await;
            assert!(good, "{command}\n{error}");
            assert!(output.contains("reasons") || output.contains("depth"), "{output}");
        }
    }
    if optional("buf").is_some() {
        for command in &buf {
            let (good, output, error) = shell(command).await;
            assert!(good, "{command}\n{error}");
            assert!(output.contains("reasons") || output.contains("depth"), "{output}");
        }
    }
    signal(child.id().unwrap(), rustix::process::Signal::TERM);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn grpcurl_lists_and_calls_with_a_certificate_and_only_with_one() {
    if optional("grpcurl").is_none() {
        return;
    }
    let up = Up::start(&[]).await;
    let service = up.processes("writing-analysis").remove(0);
    let address = service["address"].as_str().unwrap();
    let told = |name: &str| up.told["operator"][name].as_str().unwrap().to_owned();
    let (certificate, key, roots) = (told("certificate"), told("key"), told("roots"));
    let with = format!("grpcurl -max-time 10 -cacert '{roots}' -cert '{certificate}' -key '{key}'");

    let (good, output, error) = shell(&format!("{with} {address} list")).await;
    assert!(good, "{error}");
    for name in [
        "lyceum.writing_analysis.v1.WritingAnalysisService",
        "grpc.health.v1.Health",
    ] {
        assert!(output.contains(name), "{output}");
    }
    let (good, output, error) = shell(&format!("{with} {address} grpc.health.v1.Health/Check")).await;
    assert!(good && output.contains("SERVING"), "{output}{error}");

    let (good, _, _) = shell(&format!("grpcurl -max-time 10 -cacert '{roots}' {address} list")).await;
    assert!(!good, "served without a certificate");
    let (good, _, _) = shell(&format!("grpcurl -max-time 10 -plaintext {address} list")).await;
    assert!(!good, "served in plaintext");
    let stranger = tempfile::tempdir().unwrap();
    let stranger = stranger.path().to_str().unwrap();
    let output = run(&["certificates", "operator", "--data", stranger]).await;
    assert!(output.status.success());
    let foreign = format!("-cert '{stranger}/operator/operator.pem' -key '{stranger}/operator/operator.key'");
    let (good, _, _) = shell(&format!(
        "grpcurl -max-time 10 -cacert '{roots}' {foreign} {address} list"
    ))
    .await;
    assert!(!good, "served with another authority's certificate");
    up.stop().await;
}

#[tokio::test]
async fn an_operator_gets_a_certificate_and_a_line_that_works() {
    let up = Up::start(&[]).await;
    let out = tempfile::tempdir().unwrap();
    let consul = format!("consul.address={}", up.consul());
    let data = up.data().to_str().unwrap();
    let folder = out.path().join("ada");
    let arguments = [
        "certificates",
        "operator",
        "--name",
        "ada",
        "--data",
        data,
        "--set",
        &consul,
        "--out",
    ];
    let output = lyceum(&arguments).arg(&folder).output().await.unwrap();
    let (good, text, error) = said(&output);
    assert!(good, "{error}");
    assert!(folder.join("ada.key").is_file());
    let command = commands(&text, "grpcurl").remove(0);
    if optional("grpcurl").is_some() {
        let (good, _, error) = shell(&command).await;
        assert!(good, "{command}\n{error}");
    }
    up.stop().await;
}
