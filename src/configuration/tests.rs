#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;

use super::*;

fn load(environment: &[(&str, &str)], flags: &[&str]) -> Result<Configuration, Errors> {
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Configuration::load(None, environment, &flags)
}

#[test]
fn defaults_keep_their_own_rules() {
    let configuration = load(&[], &[]).unwrap();
    assert_eq!(configuration.gateway.address.port(), 8080);
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let path = std::env::temp_dir().join(format!("lyceum-configuration-{}.toml", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"[client]\nkeepalive_timeout = \"9s\"\nkeepalive = \"30s\"\nconnect = \"1s\"\n")
        .unwrap();
    let environment = [
        ("LYCEUM_CLIENT__KEEPALIVE", "20s"),
        ("LYCEUM_CLIENT__CONNECT", "3s"),
        ("HOME", "x"),
    ];
    let environment = environment.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let configuration = Configuration::load(Some(&path), environment, &["client.connect=4s".to_owned()]).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(configuration.client.keepalive_timeout.as_secs(), 9);
    assert_eq!(configuration.client.keepalive.as_secs(), 20);
    assert_eq!(configuration.client.connect.as_secs(), 4);
}

#[test]
fn consuls_own_variables_count_but_ours_win() {
    let configuration = load(&[("CONSUL_HTTP_ADDR", "127.0.0.1:1"), ("CONSUL_HTTP_TOKEN", "t")], &[]).unwrap();
    assert_eq!(configuration.consul.address, "127.0.0.1:1");
    assert_eq!(configuration.consul.token.unwrap().expose(), "t");
    let configuration = load(
        &[
            ("LYCEUM_CONSUL__ADDRESS", "http://127.0.0.1:2"),
            ("CONSUL_HTTP_ADDR", "127.0.0.1:1"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(configuration.consul.address, "http://127.0.0.1:2");
}

#[test]
fn everything_wrong_is_told_at_once() {
    let errors = load(
        &[("LYCEUM_CLIENT__CONNECT", "soon")],
        &[
            "client.keepalive=1s",
            "gateway.origins=nonsense",
            "nosuch.key=1",
            "gateway.colour=red",
            "identity.source=files",
            "broken",
        ],
    )
    .unwrap_err();
    let keys: Vec<&str> = errors.0.iter().map(|problem| problem.key.as_str()).collect();
    for key in [
        "client.connect",
        "gateway.colour",
        "nosuch.key",
        "identity.certificate",
        "identity.key",
        "identity.roots",
        "broken",
    ] {
        assert!(keys.contains(&key), "{key} is missing in {keys:?}");
    }
    let errors = load(
        &[],
        &["client.keepalive=1s", "gateway.origins=nonsense", "telemetry.sample=2"],
    )
    .unwrap_err();
    assert_eq!(errors.0.len(), 3, "{errors}");
}

#[test]
fn secrets_are_not_shown() {
    let configuration = load(&[("CONSUL_HTTP_TOKEN", "hunter2")], &[]).unwrap();
    assert!(!configuration.shown().contains("hunter2"));
    assert!(!format!("{configuration:?}").contains("hunter2"));
    assert!(configuration.shown().contains("[redacted]"));
}

#[test]
fn state_is_kept_where_the_environment_says_and_its_secrets_are_not_shown() {
    let address = "postgres://lyceum:hunter2@db.school.internal:5432/lyceum";
    let key = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
    let given = [
        ("LYCEUM_STORAGE__POSTGRES", address),
        ("LYCEUM_STORAGE__KEY_VALUE", key),
    ];
    let configuration = load(&given, &["storage.wait=2s", "storage.durable=true"]).unwrap();
    let storage = &configuration.storage;
    assert_eq!(storage.postgres.as_ref().unwrap().expose(), address);
    assert!(storage.durable && storage.wait.as_secs() == 2);
    let shown = format!("{} {configuration:?}", configuration.shown());
    assert!(!shown.contains("hunter2") && !shown.contains(key), "{shown}");
    for (flag, wrong) in [
        ("storage.postgres=mysql://db/lyceum", "storage.postgres"),
        ("storage.connections=1", "storage.connections"),
        ("storage.wait=2h", "storage.wait"),
        ("storage.key_value=c2hvcnQ=", "storage.key_value"),
    ] {
        let errors = load(&[], &[flag]).unwrap_err();
        assert_eq!(errors.0[0].key, wrong, "{flag}");
    }
}

#[test]
fn an_announced_host_is_one_that_can_be_called() {
    for host in ["10.0.0.7", "::1", "node-7.school.internal"] {
        let configuration = load(&[], &[&format!("registration.address={host}")]).unwrap();
        assert_eq!(configuration.registration.address.as_deref(), Some(host));
    }
    for host in [
        "",
        "0.0.0.0",
        "host:80",
        "a host",
        "user@host",
        "https://host/",
        "[::1]",
    ] {
        let errors = load(&[], &[&format!("registration.address={host}")]).unwrap_err();
        assert_eq!(errors.0[0].key, "registration.address", "{host}");
    }
    assert_eq!(load(&[], &["registration.port=7"]).unwrap().registration.port, 7);
}

#[test]
fn keys_that_moved_to_the_policy_are_read_where_they_were() {
    let path = std::env::temp_dir().join(format!("lyceum-moved-{}.toml", std::process::id()));
    let file = "[gateway]\norigins = [\"https://a.example\"]\nbody_limit = 2048\ndeadline_limit = \"7s\"\n\
                [policy.edge]\nbody_limit = 4096\n";
    std::fs::write(&path, file).unwrap();
    let flags = ["gateway.deadline_limit=9s".to_owned()];
    let configuration = Configuration::load(Some(&path), [], &flags);
    std::fs::remove_file(&path).unwrap();
    let edge = configuration.unwrap().policy.edge;
    assert_eq!(edge.origins, ["https://a.example"]);
    assert_eq!(
        (edge.body_limit, edge.deadline_limit.as_secs()),
        (4096, 9),
        "where they are now counts more"
    );
}

#[test]
fn tls_towards_browsers_is_complete_or_absent() {
    for (flags, key) in [
        (
            &["gateway.tls.source=files", "gateway.tls.key=a"][..],
            "gateway.tls.certificate",
        ),
        (
            &["gateway.tls.source=files", "gateway.tls.certificate=a"],
            "gateway.tls.key",
        ),
        (&["gateway.tls.certificate=a"], "gateway.tls.source"),
        (&["gateway.tls.clients=fabric"], "gateway.tls.clients"),
        (&["gateway.http3=true"], "gateway.http3"),
        (&["gateway.tls.colour=red"], "gateway.tls"),
        (&["gateway.hosts=a b"], "gateway.hosts"),
        (&["gateway.hosts=127.0.0.1"], "gateway.hosts"),
        (&["gateway.hosts=school.example:443"], "gateway.hosts"),
    ] {
        let errors = load(&[], flags).unwrap_err();
        assert!(errors.0.iter().any(|problem| problem.key == key), "{flags:?}: {errors}");
    }
    let flags = [
        "gateway.tls.source=development",
        "gateway.tls.clients=fabric",
        "gateway.http3=true",
    ];
    let gateway = load(&[("LYCEUM_GATEWAY__HOSTS", "school.example,*.b.example")], &flags)
        .unwrap()
        .gateway;
    assert_eq!(gateway.tls.source, TlsSource::Development);
    assert_eq!(gateway.hosts, ["school.example", "*.b.example"]);
}

#[test]
fn policies_nest_in_every_layer() {
    let configuration = load(
        &[("LYCEUM_POLICY__CALL__DEADLINE", "4s")],
        &[
            "policy.balancing.ejection.failures=7",
            "policy.methods.AnalyzeWriting.attempts=1",
            "policy.balancing.affinity=session",
        ],
    )
    .unwrap();
    let policy = &configuration.policy;
    assert_eq!(policy.call.deadline.as_secs(), 4);
    assert_eq!(policy.balancing.ejection.failures, 7);
    assert_eq!(policy.method("AnalyzeWriting").attempts, 1);
    assert_eq!(policy.balancing.affinity.as_deref(), Some("session"));

    let errors = load(
        &[],
        &["policy.call.attempts=9", "policy.budget.share=2", "policy.call.x=1"],
    )
    .unwrap_err();
    let keys: Vec<&str> = errors.0.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        ["policy.call.x", "policy.call.attempts", "policy.budget.share"],
        "{errors}"
    );
}
