#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;

use super::*;

const DAY: u64 = 86_400_000;

fn ring() -> Keyring {
    let keys = [
        (1, [1; 32], Moment(0)),
        (2, [2; 32], Moment(100 * DAY)),
        (5, [3; 32], Moment(200 * DAY)),
    ];
    Keyring::try_new(keys, 30).unwrap()
}

fn name(ring: &Keyring, account: &str, purpose: Purpose, day: u64) -> String {
    ring.pseudonym(account, purpose, Moment(day * DAY)).unwrap()
}

#[test]
fn a_pseudonym_stays_within_its_purpose_its_account_and_its_epoch() {
    let ring = ring();
    let mut seen = HashSet::new();
    for account in ["a", "b", "ab", "ada@school.example"] {
        for purpose in Purpose::ALL {
            for day in [0, 100, 200] {
                let pseudonym = name(&ring, account, *purpose, day);
                assert!(seen.insert(pseudonym.clone()), "{pseudonym} twice");
                assert!(lyceum_token(&pseudonym) && pseudonym.len() <= 33, "{pseudonym}");
                assert!(!pseudonym.contains("ada"));
            }
        }
    }
    assert_eq!(
        name(&ring, "a", Purpose::Support, 99),
        name(&ring, "a", Purpose::Support, 7)
    );
    assert!(name(&ring, "a", Purpose::Support, 250).starts_with("5-"));
    // Another key makes another name.
    let other = Keyring::try_new([(1, [9; 32], Moment(0))], 30).unwrap();
    assert_ne!(
        name(&other, "a", Purpose::Support, 1),
        name(&ring, "a", Purpose::Support, 1)
    );
}

fn lyceum_token(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[test]
fn the_bytes_are_those_of_hmac() {
    // Made with OpenSSL: HMAC-SHA-256 with 32 bytes of 0x01 over "lyceum pseudonym\0", 0x05 and "a".
    assert_eq!(name(&ring(), "a", Purpose::Support, 1), "1-YNnY1k2btIoopc22wp_ToQ");
}

#[test]
fn old_names_are_known_for_a_time_and_then_no_more() {
    let ring = ring();
    let old = name(&ring, "a", Purpose::Support, 50);
    let knows =
        |pseudonym: &str, account, purpose, day: u64| ring.knows(pseudonym, account, purpose, Moment(day * DAY));
    for (day, known) in [(50, true), (100, true), (129, true), (130, false), (900, false)] {
        assert_eq!(knows(&old, "a", Purpose::Support, day), known, "day {day}");
    }
    assert!(!knows(&old, "b", Purpose::Support, 50) && !knows(&old, "a", Purpose::Research, 50));
    assert!(
        knows(&name(&ring, "a", Purpose::Support, 900), "a", Purpose::Support, 9000),
        "the newest never ends"
    );
    for nonsense in [
        "",
        "-",
        "1-",
        "1",
        "x-y",
        "3-AAAA",
        "99999999999-A",
        &old[..old.len() - 1],
    ] {
        assert!(!knows(nonsense, "a", Purpose::Support, 50), "{nonsense}");
    }
    assert_eq!(ring.known_until(1), Some(Moment(130 * DAY)));
    assert_eq!((ring.known_until(5), ring.known_until(7)), (None, None));
}

#[test]
fn an_erasure_looks_for_every_name() {
    let ring = ring();
    let every = ring.every("a").unwrap();
    assert_eq!(every.len(), 27);
    for purpose in Purpose::ALL {
        for day in [0, 150, 300] {
            assert!(every.contains(&name(&ring, "a", *purpose, day)));
        }
    }
    let most = (1..=7).map(|number| (number, [0; 32], Moment(number.into())));
    assert!(
        Keyring::try_new(most, 1).unwrap().every("a").unwrap().len() <= 64,
        "as many as one call names"
    );
}

#[test]
fn keys_are_in_order_and_shown_to_nobody() {
    let keys = |numbers: &[(u32, u64)]| {
        Keyring::try_new(
            numbers.iter().map(|(number, from)| (*number, [7; 32], Moment(*from))),
            30,
        )
        .map(|_| ())
    };
    assert_eq!(keys(&[]), Err(Error::Count));
    assert_eq!(
        keys(&[(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (7, 6), (8, 7)]),
        Err(Error::Count)
    );
    for wrong in [&[(0, 0)][..], &[(1, 0), (1, 1)], &[(2, 0), (1, 1)], &[(1, 5), (2, 5)]] {
        assert_eq!(keys(wrong), Err(Error::Order), "{wrong:?}");
    }
    assert_eq!(
        format!("{:?}", ring()),
        "Keyring { epochs: [1, 2, 5], overlap_days: 30 }"
    );
    let late = Keyring::try_new([(3, [1; 32], Moment(50)), (4, [2; 32], Moment(90))], 1).unwrap();
    assert_eq!(late.epoch(Moment(0)), 3, "a clock that jumped back");
    for account in ["", &"a".repeat(257)] {
        assert_eq!(
            late.pseudonym(account, Purpose::Support, Moment(60)),
            Err(Error::Account)
        );
        assert!(late.every(account).is_err() && !late.knows("3-AAAA", account, Purpose::Support, Moment(60)));
    }
}
