#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn asking(folder: &tempfile::TempDir) -> Asking {
    let configuration = Configuration {
        data: folder.path().to_owned(),
        ..Configuration::default()
    };
    Asking::try_new(&configuration, "ada").unwrap()
}

/// Something that listens where Consul says that `service` does, and what becomes of its connections.
async fn listener(service: &str) -> (TcpListener, Instance) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let instance = Instance {
        id: format!("{service}-1"),
        service: service.to_owned(),
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        ..Instance::default()
    };
    (listener, instance)
}

/// A gateway that begins its answer so, and goes on with blanks until nobody listens.
async fn gateway(begins: &'static str, endless: bool) -> Instance {
    let (listener, instance) = listener(GATEWAY).await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(begins.as_bytes()).await;
        let blanks = vec![b' '; 64 * 1024];
        while endless && stream.write_all(&blanks).await.is_ok() {}
    });
    instance
}

#[tokio::test]
async fn what_is_told_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let fine = gateway("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n# EOF\n", false).await;
    assert_eq!(asking(&folder).metrics(&fine).await.as_deref(), Ok("# EOF\n"));
    let cut = gateway("HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n# EOF\n", false).await;
    assert!(asking(&folder).metrics(&cut).await.is_err());
    let refused = gateway("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", false).await;
    let error = asking(&folder).metrics(&refused).await.unwrap_err();
    assert!(error.contains("404"), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let endless = gateway("HTTP/1.1 200 OK\r\n\r\n", true).await;
    let error = asking(&folder).metrics(&endless).await.unwrap_err();
    assert!(error.contains("length limit"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for service in [GATEWAY, "writing-analysis"] {
        let (_listener, silent) = listener(service).await;
        let error = asking(&folder).metrics(&silent).await.unwrap_err();
        assert!(error.contains("no answer within"), "{error}");
    }
}

#[tokio::test]
async fn who_is_not_there_or_speaks_no_tls_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (gone, instance) = listener("writing-analysis").await;
    drop(gone);
    let error = asking(&folder).metrics(&instance).await.unwrap_err();
    assert!(error.contains("refused"), "{error}");
    let plain = Instance {
        service: "writing-analysis".to_owned(),
        ..gateway("HTTP/1.1 400 Bad Request\r\n\r\n", false).await
    };
    let error = asking(&folder).metrics(&plain).await.unwrap_err();
    assert!(error.contains("corrupt"), "{error}");
}
