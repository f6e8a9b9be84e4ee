//! Waiting for a condition instead of sleeping: as short as it can be, and with an end.

use std::panic::Location;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything a test on a busy machine takes, shorter than a person's patience.
const DEADLINE: Duration = Duration::from_secs(60);

/// Between two looks at a condition that has no event of its own.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until the condition holds, looking every few milliseconds.
///
/// Use [`wait_until`] where a watch channel tells: it wakes with the event.
///
/// # Panics
/// When it does not hold within a minute: the message says what was waited for, and where.
#[track_caller]
pub fn wait_for<F>(what: &str, mut condition: impl FnMut() -> F) -> impl Future<Output = ()>
where
    F: Future<Output = bool>,
{
    let (what, place, start) = (what.to_owned(), Location::caller(), Instant::now());
    async move {
        while !condition().await {
            assert!(
                start.elapsed() < DEADLINE,
                "{place}: waited {DEADLINE:?} in vain for {what}"
            );
            sleep(PAUSE).await;
        }
    }
}

/// Waits until a watch channel's value meets the condition, and returns the value.
///
/// # Panics
/// When it does not within a minute, or the channel closes before.
#[track_caller]
pub fn wait_until<T: Clone + std::fmt::Debug>(
    what: &str,
    receiver: &mut watch::Receiver<T>,
    condition: impl FnMut(&T) -> bool,
) -> impl Future<Output = T> {
    let (what, place) = (what.to_owned(), Location::caller());
    async move {
        match timeout(DEADLINE, receiver.wait_for(condition)).await {
            Ok(Ok(value)) => return value.clone(),
            Ok(Err(_)) => {}
            Err(_) => {}
        }
        panic!(
            "{place}: waited in vain for {what}; the last value: {:?}",
            *receiver.borrow()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_condition_is_waited_for_as_long_as_it_takes() {
        let start = Instant::now();
        wait_for("three seconds", || async { start.elapsed() >= Duration::from_secs(3) }).await;
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "in vain for the impossible")]
    async fn a_condition_that_never_holds_fails_with_its_name() {
        wait_for("the impossible", || async { false }).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "in vain for a two; the last value: 1")]
    async fn a_value_that_never_comes_fails_with_the_last_one() {
        let (_sender, mut receiver) = watch::channel(1);
        wait_until("a two", &mut receiver, |value| *value == 2).await;
    }
}
