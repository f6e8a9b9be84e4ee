use std::time::Duration;

use super::*;

fn view() -> View {
    View {
        json: false,
        paint: Paint::new(&[("NO_COLOR".to_owned(), "1".to_owned())]),
        watch: false,
    }
}

fn instance() -> Instance {
    Instance {
        id: "writing-analysis-1a2b3c4d".to_owned(),
        service: "writing-analysis".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 4123,
        health: Health::Warning,
        note: "overloaded:\n 120 of 100 calls".to_owned(),
        weight: 25 * WEIGHT_UNIT,
        version: "0.1.0".to_owned(),
        certificate_expires: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(100_000)),
        ..Instance::default()
    }
}

#[test]
fn an_instance_is_one_line() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100_000 - 7_300);
    let text = view().as_table(&[instance()], now);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(
        words[..7],
        [
            "writing-analysis",
            "writing-analysis-1a2b3c4d",
            "127.0.0.1:4123",
            "warning",
            "25",
            "0.1.0",
            "in"
        ]
    );
    assert!(
        lines[1].ends_with("in 2 h       overloaded: 120 of 100 calls"),
        "{text}"
    );
}

#[test]
fn draining_is_told_from_broken() {
    let draining = Instance {
        health: Health::Critical,
        maintenance: true,
        weight: 0,
        ..instance()
    };
    assert!(
        view()
            .as_table(std::slice::from_ref(&draining), SystemTime::UNIX_EPOCH)
            .contains("draining")
    );
    let told: serde_json::Value = serde_json::from_str(&view().as_json(&[draining])).unwrap_or_default();
    assert_eq!(told["instances"][0]["draining"], true);
    assert_eq!(told["instances"][0]["health"], "critical");
    assert_eq!(told["passing"], false);
}

#[test]
fn nothing_registered_says_what_to_do() {
    assert!(view().as_table(&[], SystemTime::UNIX_EPOCH).contains("lyceum up"));
}

#[test]
fn expiries_in_words() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let after = |seconds| expiry(now + Duration::from_secs(seconds), now);
    assert_eq!(after(30), "in 30 s");
    assert_eq!(after(600), "in 10 min");
    assert_eq!(after(86_400), "in 24 h");
    assert_eq!(after(30 * 86_400), "in 30 days");
    assert_eq!(expiry(now - Duration::from_secs(1), now), "expired");
}

#[test]
fn long_notes_are_cut_between_characters() {
    let cut = shortened(&"é".repeat(100));
    assert_eq!(cut.chars().count(), NOTE_CHARACTERS);
    assert!(cut.ends_with('…'));
}
