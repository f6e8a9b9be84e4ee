//! Notes, checkpoints and entries.

use prost_types::Timestamp;

use super::*;
use crate::contracts::privacy::v1::{AuditEntry, AuditOutcome, DataCategory, LegalBasis, Purpose};

const SEED: [u8; 32] = [7; 32];

fn key() -> Key {
    Key::try_new("school.example/audit", &SEED).unwrap()
}

pub(super) fn entry() -> AuditEntry {
    AuditEntry {
        at: Some(Timestamp {
            seconds: 1_790_000_000,
            nanos: 5_000_000,
        }),
        actor: "e-5".to_owned(),
        roles: "educator".to_owned(),
        caller: "gateway".to_owned(),
        service: "student-profiling".to_owned(),
        method: "/lyceum.student_profiling.v1.StudentProfilingService/GetTrajectory".to_owned(),
        students: vec!["s-77".to_owned()],
        categories: vec![DataCategory::Result.into(), DataCategory::Profile.into()],
        purpose: Purpose::Support.into(),
        basis: LegalBasis::GuardianConsent.into(),
        rule: "coppa/children".to_owned(),
        outcome: AuditOutcome::Allowed.into(),
        reason: String::new(),
        correlation: "4bf92f35".to_owned(),
    }
}

pub(super) fn broken_entries() -> Vec<AuditEntry> {
    let good = entry;
    vec![
        AuditEntry { at: None, ..good() },
        AuditEntry {
            at: Some(Timestamp { seconds: -1, nanos: 0 }),
            ..good()
        },
        AuditEntry {
            at: Some(Timestamp {
                seconds: 1,
                nanos: 1_000_000_000,
            }),
            ..good()
        },
        AuditEntry {
            students: vec!["s".repeat(129)],
            ..good()
        },
        AuditEntry {
            students: vec!["s".to_owned(); 65],
            ..good()
        },
        AuditEntry {
            categories: vec![6, 5],
            ..good()
        },
        AuditEntry {
            categories: vec![99],
            ..good()
        },
        AuditEntry { purpose: 99, ..good() },
        AuditEntry { outcome: 0, ..good() },
    ]
}

/// Signed by another implementation, whose documentation shows it.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const QUOTED: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETERS: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_note_that_others_signed_is_verified() {
    let peter: PublicKey = PETER.parse().unwrap();
    assert_eq!(peter.to_string(), PETER);
    let note = format!("{QUOTED}\n{PETERS}");
    assert_eq!(peter.open(&note), Ok(QUOTED));
    // A key of the same name that is another.
    let other = Key::try_new("PeterNeumann", &SEED).unwrap();
    assert_eq!(other.public().open(&note), Err(Error::Signature));
    // Signed by both: each finds its own line.
    let ours = other.sign(QUOTED).unwrap();
    let both = format!("{note}{}", ours.rsplit_once("\n\n").unwrap().1);
    assert_eq!(peter.open(&both), Ok(QUOTED));
    assert_eq!(other.public().open(&both), Ok(QUOTED));
}

#[test]
fn no_byte_of_a_checkpoint_may_differ() {
    let log = Log::of(entries(1234));
    let checkpoint = Checkpoint {
        size: 1234,
        root: log.frontier.root(),
    };
    let note = checkpoint.sign(&key()).unwrap();
    let public = key().public().clone();
    assert_eq!(Checkpoint::open(&note, &public), Ok(checkpoint));
    assert!(note.starts_with("school.example/audit\n1234\n"), "{note}");
    let start = note.rfind('\u{2014}').unwrap();
    for at in (0..note.len()).filter(|at| !(start..start + 3).contains(at)) {
        let mut bytes = note.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(Checkpoint::open(&changed, &public).is_err(), "changed at {at}");
    }
}

#[test]
fn what_is_signed_and_is_no_checkpoint_is_refused() {
    let (key, root) = (key(), Hash::empty().to_base64());
    let origin = key.public().name();
    for text in [
        format!("elsewhere\n1\n{root}\n"),
        format!("{origin}\n01\n{root}\n"),
        format!("{origin}\n+1\n{root}\n"),
        format!("{origin}\n-1\n{root}\n"),
        format!("{origin}\n18446744073709551615\n{root}\n"),
        format!("{origin}\n1\n{}\n", &root[4..]),
        format!("{origin}\n1\n{root}\nmore\n"),
        format!("{origin}\n1\n{root}\n\n"),
        format!("{origin}\n1\n"),
        "\n".to_owned(),
    ] {
        let note = key.sign(&text).unwrap();
        let opened = Checkpoint::open(&note, key.public());
        assert!(matches!(opened, Err(Error::Note(_))), "{text}: {opened:?}");
    }
    for text in ["no end", "a tab\tin it\n", "nul\0\n", "\r\n"] {
        assert!(matches!(key.sign(text), Err(Error::Note(_))), "{text:?}");
    }
    let signed = key.sign("text\n").unwrap();
    for wrong in [
        "",
        "\n",
        "\n\n",
        "text\n\n",
        "text\n\n\n",
        "text\n\nline\n",
        signed.trim_end(),
    ] {
        assert!(matches!(key.public().open(wrong), Err(Error::Note(_))), "{wrong:?}");
    }
    let many = format!("{signed}{}", signed.split_once("\n\n").unwrap().1.repeat(64));
    assert!(matches!(key.public().open(&many), Err(Error::Note(_))));
    assert!(matches!(key.public().open(&"a".repeat(200_000)), Err(Error::Note(_))));
}

#[test]
fn keys_have_names_and_show_no_secret() {
    for name in ["", "two words", "a+b", "line\nbreak", "nbsp\u{a0}"] {
        assert!(matches!(Key::try_new(name, &SEED), Err(Error::Key(_))), "{name:?}");
    }
    let written = key().public().to_string();
    assert_eq!(written.parse::<PublicKey>().unwrap(), *key().public());
    assert_eq!(format!("{:?}", key()), format!("Key({written})"));
    for wrong in ["", "a", "a+b", "a+00000000+", "a+00000000+AAAA", &written[1..]] {
        assert!(matches!(wrong.parse::<PublicKey>(), Err(Error::Key(_))), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_panic(text in "(\\PC|\n|\u{2014}| ){0,300}") {
        prop_assert!(Checkpoint::open(&text, key().public()).is_err());
        prop_assert!(text.parse::<PublicKey>().is_err());
    }
}
