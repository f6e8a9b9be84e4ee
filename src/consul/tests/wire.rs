//! Against a server that answers as a Consul does on its bad days.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A server that gives every connection the same answer and notes what it was asked.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// With an empty answer it says nothing and keeps the connection.
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, notes) = (Arc::new(answer.into()), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = request(&mut stream).await;
                notes.lock().unwrap().push(request);
                if answer.is_empty() {
                    silent.push(stream);
                } else {
                    // The client may have had enough before the end.
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self { address, asked, task }
    }

    async fn answering(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::start(format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    fn client(&self, token: &str) -> Client {
        let mut settings = Settings::new(Address::Http(self.address.clone()));
        settings.token = Token::new(token);
        settings.timeout = Duration::from_millis(400);
        Client::try_new(&settings).unwrap()
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if count == 0 || length.is_none_or(|length| body.len() >= length.parse().unwrap()) {
            return String::from_utf8_lossy(&read).into_owned();
        }
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let client = Client::try_new(&Settings::new(Address::Http(address.clone()))).unwrap();
    let error = client.leader().await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&address) && error.to_string().contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_unreachable() {
    // The 201st connection of one address is closed like this.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let closing = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream)
        }
    });
    let client = Client::try_new(&Settings::new(Address::Http(address))).unwrap();
    let error = client.leader().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    closing.abort();
}

#[tokio::test]
async fn a_silent_agent_times_out() {
    let server = Server::start("").await;
    let error = server.client("").leader().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TimedOut {
                operation: "name its leader",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_agent_that_stops_in_the_middle_times_out_or_cannot_be_read() {
    let server = Server::start("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"Node\"").await;
    let error = server.client("").health("w", &Query::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_not_json_cannot_be_read() {
    let server = Server::answering("200 OK", "", "<html>a proxy's page</html>").await;
    for error in [
        server.client("").leader().await.unwrap_err(),
        server.client("").health("w", &Query::default()).await.unwrap_err(),
        server.client("").services(&Query::default()).await.unwrap_err(),
        server.client("").agent_self().await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let mut answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    answer.resize(answer.len() + MAX_BODY_BYTES + 1, b' ');
    let server = Server::start(answer).await;
    let mut settings = Settings::new(Address::Http(server.address.clone()));
    settings.timeout = Duration::from_secs(30);
    let error = Client::try_new(&settings).unwrap().leader().await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_refusal_carries_status_and_reason_but_no_token() {
    let server = Server::answering(
        "403 Forbidden",
        "",
        "Permission denied:\n token my-secret lacks service:write",
    )
    .await;
    let error = server
        .client("my-secret")
        .services(&Query::default())
        .await
        .unwrap_err();
    assert!(error.is_forbidden());
    let text = error.to_string();
    assert!(
        text.contains("403") && text.contains("Permission denied: token (token) lacks"),
        "{text}"
    );
    assert!(!format!("{error:?}").contains("my-secret"));
}

#[tokio::test]
async fn the_token_is_sent_only_when_there_is_one() {
    let server = Server::answering("200 OK", "", "\"\"").await;
    server.client("my-secret").leader().await.unwrap();
    assert!(
        server
            .asked()
            .to_ascii_lowercase()
            .contains("x-consul-token: my-secret\r\n")
    );
    server.client("  ").leader().await.unwrap();
    assert!(!server.asked().to_ascii_lowercase().contains("x-consul-token"));
}

#[tokio::test]
async fn no_leader_is_none() {
    let server = Server::answering("200 OK", "", "\"\"").await;
    assert_eq!(server.client("").leader().await.unwrap(), None);
}

#[tokio::test]
async fn an_unknown_check_is_told_apart_in_both_dialects() {
    let dialects = [
        (
            "500 Internal Server Error",
            "CheckID \"service:a\" does not have associated TTL",
        ),
        (
            "404 Not Found",
            "Unknown check ID \"service:a\". Ensure that the check ID is passed, not the check name.",
        ),
    ];
    for (status, body) in dialects {
        let server = Server::answering(status, "", body).await;
        let error = server
            .client("")
            .update_check("service:a", Health::Passing, "")
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::UnknownCheck { check } if check == "service:a"),
            "{error:?}"
        );
        assert!(error.wants_registration());
    }
    let server = Server::answering("500 Internal Server Error", "", "disk full").await;
    let error = server
        .client("")
        .update_check("service:a", Health::Passing, "")
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Refused { .. }) && error.wants_registration(),
        "{error:?}"
    );
    let server = Server::answering("403 Forbidden", "", "Permission denied").await;
    let error = server
        .client("")
        .update_check("service:a", Health::Passing, "")
        .await
        .unwrap_err();
    assert!(!error.wants_registration(), "registering again would be refused too");
}

#[tokio::test]
async fn deregistering_what_is_unknown_is_fine_in_both_dialects() {
    for status in ["200 OK", "404 Not Found"] {
        let server = Server::answering(status, "", "").await;
        server.client("").deregister("a/b ü").await.unwrap();
        assert!(
            server
                .asked()
                .starts_with("PUT /v1/agent/service/deregister/a%2Fb%20%C3%BC HTTP/1.1\r\n")
        );
    }
    let server = Server::answering("403 Forbidden", "", "").await;
    assert!(server.client("").deregister("a").await.unwrap_err().is_forbidden());
}

#[tokio::test]
async fn headers_tell_how_fresh_an_answer_is() {
    let headers = "X-Consul-Index: 42\r\nX-Consul-Knownleader: false\r\nX-Consul-Lastcontact: 1500\r\n\
                   X-Consul-Results-Filtered-By-ACLs: true\r\n";
    let server = Server::answering("200 OK", headers, "null").await;
    let answer = server.client("").health("w", &Query::default()).await.unwrap();
    let expected = Answer {
        value: Vec::new(),
        index: 42,
        known_leader: false,
        last_contact: Duration::from_millis(1500),
        filtered: true,
        connections: 1,
    };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn headers_that_are_missing_or_nonsense_do_no_harm() {
    for headers in ["", "X-Consul-Index: many\r\nX-Consul-Lastcontact: -\r\n"] {
        let server = Server::answering("200 OK", headers, "{\"consul\":null,\"w\":[\"lyceum\"]}").await;
        let answer = server.client("").services(&Query::default()).await.unwrap();
        assert_eq!((answer.index, answer.known_leader, answer.filtered), (0, true, false));
        assert_eq!(answer.value["w"], ["lyceum"]);
        assert!(answer.value["consul"].is_empty());
    }
}

#[tokio::test]
async fn a_key_is_asked_for_with_its_slashes() {
    let server = Server::answering("200 OK", "", "plain").await;
    let value = server
        .client("")
        .kv_get("lyceum/a b", &Query::default())
        .await
        .unwrap()
        .value;
    assert_eq!(value.unwrap(), "plain");
    assert!(server.asked().starts_with("GET /v1/kv/lyceum/a%20b?raw HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_index_does_not_count_on_a_connection_that_is_younger() {
    // This server ends every connection with its answer, as a restart does.
    let server = Server::answering("200 OK", "X-Consul-Index: 7\r\n", "[]").await;
    let client = server.client("");
    let answer = client.health("w", &Query::default()).await.unwrap();
    let wait = Duration::from_secs(1);
    let mut query = Query {
        index: answer.index,
        wait,
        stale: true,
        connections: Some(answer.connections),
    };
    let error = client.health("w", &query).await.unwrap_err();
    assert!(matches!(error, Error::Reconnected), "{error:?}");
    query.index = 0;
    client
        .health("w", &query)
        .await
        .expect("without an index any connection will do");
}
