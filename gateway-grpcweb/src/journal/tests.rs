use serde_json::Value;

use super::*;

fn line(code: Code) -> Line<'static> {
    Line {
        method: "p.S/M",
        code,
        front: "grpc-web",
        http: 200,
        received: 5,
        sent: 12,
        took: Duration::from_micros(1_042),
        instance: Some("probe-\"1\""),
        correlation: None,
    }
}

fn noted(journal: &Journal) -> Vec<String> {
    let taken: Vec<u8> = journal
        .buffers
        .iter()
        .flat_map(|buffer| std::mem::take(&mut *buffer.lock().unwrap()))
        .collect();
    String::from_utf8(taken).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_line_is_json_or_reads_well() {
    let journal = Journal::default();
    journal.note(&line(Code::Ok));
    assert!(noted(&journal).is_empty(), "not before it is open");
    journal.open(LogFormat::Json);
    let correlation = HeaderValue::from_static("c-1");
    journal.note(&Line {
        correlation: Some(&correlation),
        ..line(Code::Internal)
    });
    let lines = noted(&journal);
    let mut told: Value = serde_json::from_str(&lines[0]).unwrap();
    assert!(told["time"].as_str().unwrap().ends_with('Z'));
    told.as_object_mut().unwrap().remove("time");
    assert_eq!(
        told,
        serde_json::json!({
            "level": "warn", "target": "lyceum::access", "method": "p.S/M", "code": "INTERNAL", "front": "grpc-web",
            "http": 200, "received": 5, "sent": 12, "milliseconds": 1.042, "instance": "probe-\"1\"",
            "correlation": "c-1"
        })
    );
    journal.open(LogFormat::Text);
    journal.note(&line(Code::Ok));
    let lines = noted(&journal);
    assert!(
        lines[0].ends_with(
            "info lyceum::access method=p.S/M code=OK front=grpc-web http=200 received=5 sent=12 milliseconds=1.042 \
             instance=probe-\"1\""
        ),
        "{lines:?}"
    );
}

#[test]
fn a_share_is_logged_and_every_failure_but_too_many_of_strangers() {
    let journal = Journal::default();
    journal.open(LogFormat::Json);
    let count = |code, method: &'static str| {
        for _ in 0..2000 {
            journal.note(&Line { method, ..line(code) });
        }
        noted(&journal).len()
    };
    for (share, least, most) in [(0.0, 0, 0), (0.1, 130, 270), (0.5, 880, 1120), (1.0, 2000, 2000)] {
        journal.sample(share);
        for code in [Code::Ok, Code::Cancelled] {
            let counted = count(code, "p.S/M");
            assert!((least..=most).contains(&counted), "{share}: {counted}");
        }
        assert_eq!(count(Code::Unavailable, "p.S/M"), 2000);
        let strangers = count(Code::Unimplemented, OTHER);
        let bound = STRANGERS as usize;
        assert!((least..=most + bound).contains(&strangers), "{share}: {strangers}");
        if share == 0.0 {
            assert_eq!(strangers, bound, "until lines are collected");
        }
        journal.strangers.store(0, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn lines_reach_the_writer_and_a_reader_that_is_too_slow_loses_some() {
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let journal = Arc::new(Journal::default());
    journal.open(LogFormat::Json);
    for _ in 0..10_000 {
        journal.note(&line(Code::Ok));
    }
    assert!(journal.dropped.get() > 0, "nobody writes yet");
    let sink = Sink::default();
    let writing = tokio::spawn(Arc::clone(&journal).write_to(Box::new(sink.clone())));
    journal.settle().await;
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let written = text.lines().count() as u64;
    assert_eq!(written + journal.dropped.get(), 10_000);
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    writing.abort();
}
