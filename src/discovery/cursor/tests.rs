#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use proptest::prelude::*;

use super::*;

fn cursor() -> Cursor {
    Cursor::new(Settings::default(), fastrand::Rng::with_seed(7))
}

fn answer(index: u64) -> Answer<()> {
    Answer {
        value: (),
        index,
        known_leader: true,
        last_contact: Duration::ZERO,
        filtered: false,
        connections: 0,
    }
}

const BELIEVED: Verdict = Verdict::Believe { reborn: false };
const REBORN: Verdict = Verdict::Believe { reborn: true };

#[test]
fn the_first_read_does_not_block_and_the_next_waits_on_the_index() {
    let mut cursor = cursor();
    assert_eq!(cursor.query().index, 0);
    assert_eq!(cursor.answered(&answer(12)), BELIEVED);
    assert_eq!(cursor.query().index, 12);
    assert_eq!(
        cursor.answered(&answer(12)),
        BELIEVED,
        "a return does not mean a change"
    );
    assert_eq!(cursor.query().index, 12);
}

#[test]
fn an_index_is_at_least_one() {
    let mut cursor = cursor();
    assert_eq!(cursor.answered(&answer(0)), BELIEVED);
    assert_eq!(cursor.query().index, 1, "0 would not block and poll for ever");
}

#[test]
fn an_index_that_goes_backwards_starts_again_from_zero() {
    let mut cursor = cursor();
    cursor.answered(&answer(500));
    assert_eq!(cursor.answered(&answer(9)), REBORN);
    assert_eq!(cursor.query().index, 0);
    assert_eq!(cursor.answered(&answer(9)), BELIEVED);
    assert_eq!(cursor.query().index, 9);
}

#[test]
fn any_error_starts_again_from_zero() {
    let mut cursor = cursor();
    cursor.answered(&answer(500));
    cursor.failed();
    assert_eq!(cursor.query().index, 0);
    assert_eq!(
        cursor.answered(&answer(600)),
        REBORN,
        "what happened in between is unknown"
    );
    assert_eq!(cursor.answered(&answer(601)), BELIEVED);
}

#[test]
fn a_stale_answer_without_leader_or_long_out_of_touch_is_doubted_and_the_leader_asked() {
    let doubtful = [
        Answer {
            known_leader: false,
            ..answer(500)
        },
        Answer {
            last_contact: Duration::from_secs(11),
            ..answer(500)
        },
    ];
    for doubtful in doubtful {
        let mut cursor = cursor();
        assert!(cursor.query().stale);
        assert_eq!(cursor.answered(&doubtful), Verdict::Doubt);
        assert_eq!((cursor.query().stale, cursor.query().index), (false, 0));
        for _ in 0..READS_FROM_LEADER {
            assert!(!cursor.query().stale);
            assert_eq!(cursor.answered(&answer(500)), BELIEVED);
        }
        assert!(cursor.query().stale);
    }
}

#[test]
fn without_stale_reads_the_leader_is_always_asked() {
    let settings = Settings {
        stale: false,
        ..Settings::default()
    };
    assert!(!Cursor::new(settings, fastrand::Rng::with_seed(1)).query().stale);
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_in_the_buckets_time() {
    let mut cursor = cursor();
    let refill = cursor.settings.refill;
    for now in [Instant::now(), Instant::now() + refill * 100] {
        for _ in 0..BURST {
            assert_eq!(cursor.permit(now), Duration::ZERO);
        }
        assert_eq!([cursor.permit(now), cursor.permit(now)], [refill, refill * 2]);
    }
}

proptest! {
    #[test]
    fn a_pause_is_anything_up_to_the_doubled_limit(seed: u64, failures in 1_usize..80) {
        let settings = Settings::default();
        let mut cursor = Cursor::new(settings.clone(), fastrand::Rng::with_seed(seed));
        let mut ceiling = settings.backoff;
        for _ in 0..failures {
            prop_assert!(cursor.failed() <= ceiling);
            ceiling = (ceiling * 2).min(settings.backoff_limit);
        }
    }

    #[test]
    fn pauses_differ_between_processes(seed: u64) {
        let pause = |seed| {
            let mut cursor = Cursor::new(Settings::default(), fastrand::Rng::with_seed(seed));
            (0..8).map(|_| cursor.failed()).collect::<Vec<_>>()
        };
        prop_assert_ne!(pause(seed), pause(seed.wrapping_add(1)));
    }

    #[test]
    fn whatever_is_answered_the_next_index_is_that_or_zero(indexes in prop::collection::vec(any::<u64>(), 1..50)) {
        let mut cursor = cursor();
        for index in indexes {
            let before = cursor.query().index;
            cursor.answered(&answer(index));
            let expected = if index.max(1) < before { 0 } else { index.max(1) };
            prop_assert_eq!(cursor.query().index, expected);
        }
    }
}

#[test]
fn a_new_connection_starts_again_from_zero() {
    let mut cursor = cursor();
    cursor.answered(&Answer {
        connections: 3,
        ..answer(500)
    });
    assert_eq!(cursor.query().connections, Some(3));
    cursor.reconnected();
    assert_eq!((cursor.query().index, cursor.failures()), (0, 0));
    assert_eq!(
        cursor.answered(&answer(600)),
        REBORN,
        "the agent may have lost its data"
    );
    assert_eq!(cursor.answered(&answer(601)), BELIEVED);
}
