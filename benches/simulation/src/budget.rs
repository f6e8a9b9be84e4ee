//! The retry budget of a client process: 20 % of its calls, and ten a second on top.
//!
//! A token bucket over ten seconds: each call puts in a fifth of a retry, each second ten whole ones, each retry takes
//! one; what is not used in ten seconds is forgotten. Source: tower's and Finagle's `TpsBudget`.

/// How long unused tokens are kept, in µs.
const WINDOW: u64 = 10_000_000;
const SHARE: f64 = 0.2;
const EACH_SECOND: f64 = 10.0;

/// Tokens for retries.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// What each of the last ten seconds put in, less what was taken.
    seconds: [f64; 10],
    second: u64,
}

// === impl Budget ===

impl Budget {
    fn turn(&mut self, now: u64) {
        let second = now / (WINDOW / 10);
        for passed in self.second + 1..=second.min(self.second + 10) {
            self.seconds[(passed % 10) as usize] = EACH_SECOND;
        }
        self.second = second;
    }

    /// A call was begun.
    pub(crate) fn deposit(&mut self, now: u64) {
        self.turn(now);
        self.seconds[(self.second % 10) as usize] += SHARE;
    }

    /// Whether one retry may be made; it is then paid for, from the oldest second that has anything.
    pub(crate) fn withdraw(&mut self, now: u64) -> bool {
        self.turn(now);
        if self.seconds.iter().sum::<f64>() < 1.0 {
            return false;
        }
        let mut due = 1.0;
        for passed in 1..=10 {
            let tokens = &mut self.seconds[((self.second + passed) % 10) as usize];
            let taken = tokens.min(due);
            *tokens -= taken;
            due -= taken;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_stay_a_fifth_of_calls_and_ten_a_second() {
        let mut budget = Budget::default();
        let mut retries = 0;
        for call in 0..100_000_u64 {
            let now = call * 1_000;
            budget.deposit(now);
            retries += u32::from(budget.withdraw(now));
        }
        // 100 seconds at 1,000 calls a second: 20,000 of the share, 1,000 of the floor.
        assert!((20_500..=21_100).contains(&retries), "{retries}");
    }

    #[test]
    fn an_idle_client_saves_up_ten_seconds_and_no_more() {
        let mut budget = Budget::default();
        budget.deposit(3_600_000_000);
        let retries = (0..1_000).filter(|_| budget.withdraw(3_600_000_000)).count();
        assert_eq!(retries, 100);
    }
}
