#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[test]
fn versions_of_old_and_new() {
    let old = version("Consul v1.8.7\nProtocol 2 spoken by default, understands 2 to 3\n");
    assert_eq!((old.text.as_str(), old.major, old.minor), ("1.8.7", 1, 8));
    assert!(!old.at_least(1, 14));
    assert!(version("Consul v1.14.0+ent\nRevision 0ba7a401").at_least(1, 14));
    assert!(version("Consul v2.1.0").at_least(1, 14));
    assert_eq!(Version::parse("zsh: command not found"), None);
    assert_eq!(Version::parse(""), None);
}

#[test]
fn only_new_agents_are_told_of_new_ports() {
    let ports = Ports {
        http: 1,
        server: 2,
        gossip: 3,
    };
    let old = ports.configuration(&version("Consul v1.8.7"));
    assert!(!old.contains("grpc_tls"), "{old}");
    assert!(
        old.contains("http = 1 ") && old.contains("server = 2 ") && old.contains("serf_lan = 3 "),
        "{old}"
    );
    assert!(
        ports
            .configuration(&version("Consul v1.20.1"))
            .contains("grpc_tls = -1")
    );
}

#[test]
fn only_this_machine_gets_an_agent() {
    let port = |text: &str| local_port(&text.parse().unwrap());
    assert_eq!(port("127.0.0.1:8500"), Some(8500));
    assert_eq!(port("http://localhost:9000"), Some(9000));
    assert_eq!(port("consul.example:8500"), None);
    assert_eq!(port("https://127.0.0.1:8501"), None);
    assert_eq!(port("unix:///run/consul.sock"), None);
}

#[test]
fn asked_ports_are_kept() {
    assert_eq!(Ports::choose(Some(18_500)).unwrap().http, 18_500);
    let any = Ports::choose(None).unwrap();
    assert!(any.http != any.server && any.server != any.gossip && any.http != any.gossip);
}
