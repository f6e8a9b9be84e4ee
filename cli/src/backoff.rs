//! How long to wait before a dead process is started again.
//!
//! The first restart is almost immediate, because a killed replica should be missed as briefly as possible; each
//! further death doubles the wait, so that a process that cannot start does not eat the machine. One that lived a
//! while has proved itself and starts over at the short wait. When not: for calls between services, which have
//! jittered retries with a budget; here one supervisor waits for its own child and meets no crowd.

use std::time::Duration;

/// The wait after the first death.
const FIRST: Duration = Duration::from_millis(100);

/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(15);

/// A process that lived this long has proved itself.
const STEADY: Duration = Duration::from_secs(20);

/// The waits of one process.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    deaths: u32,
}

// === impl Backoff ===

impl Backoff {
    /// How long to wait after a death that followed a life of this length.
    pub(crate) fn after(&mut self, life: Duration) -> Duration {
        if life >= STEADY {
            self.deaths = 0;
        }
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.deaths)).min(LONGEST);
        self.deaths = self.deaths.saturating_add(1);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(3);

    #[test]
    fn doubles_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..10).map(|_| backoff.after(SHORT).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]);
    }

    #[test]
    fn a_steady_life_starts_over() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.after(SHORT);
        }
        assert_eq!(backoff.after(STEADY), FIRST);
        assert_eq!(backoff.after(SHORT), FIRST * 2);
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff { deaths: u32::MAX - 1 };
        assert_eq!(backoff.after(SHORT), LONGEST);
        assert_eq!(backoff.after(SHORT), LONGEST);
    }
}
