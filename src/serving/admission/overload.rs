//! Overload, as an instance tells Consul: a state with a memory, so that it does not flicker.
//!
//! Utilisation is smoothed over a second. At 100 % and more for a second the instance is overloaded, and callers give it
//! a smaller share; below 80 % for five seconds it is well again. Between the two nothing changes. When not: the load
//! report in each answer tells callers within a call's time; this is for those who do not call yet, and for operators.

use std::time::Duration;

use tokio::time::Instant;

use super::Reading;

const MEMORY: f32 = 1.0;
const FULL: f32 = 1.0;
const EASY: f32 = 0.8;
const RISING: Duration = Duration::from_secs(1);
const FALLING: Duration = Duration::from_secs(5);

/// Whether an instance is overloaded.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    smoothed: f32,
    last: Option<Instant>,
    /// Since when the other state would be right.
    turning: Option<Instant>,
    overloaded: bool,
    refused: u64,
}

impl Overload {
    /// Takes a reading, and the calls refused so far. Some(…) when the state changes: what to tell operators of the
    /// overload, or nothing of its end.
    #[expect(clippy::option_option, reason = "no change, the end of it, and its beginning differ")]
    pub(crate) fn observe(&mut self, reading: &Reading, refused: u64, now: Instant) -> Option<Option<String>> {
        let passed = self.last.map_or(0.0, |last| (now - last).as_secs_f32());
        self.last = Some(now);
        let utilization = reading.utilization();
        self.smoothed = utilization + (self.smoothed - utilization) * (-passed / MEMORY).exp();
        let (turns, after) = if self.overloaded {
            (self.smoothed < EASY, FALLING)
        } else {
            (self.smoothed >= FULL, RISING)
        };
        if !turns {
            self.turning = None;
            self.refused = refused;
            return None;
        }
        if now - *self.turning.get_or_insert(now) < after {
            return None;
        }
        self.turning = None;
        self.overloaded = !self.overloaded;
        Some(self.overloaded.then(|| {
            format!(
                "overloaded: {:.0} % of {} calls, {} refused",
                self.smoothed * 100.0,
                reading.limit,
                refused.saturating_sub(self.refused)
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `seconds` of one utilisation, ten readings a second; the changes and when they came.
    fn feed(overload: &mut Overload, now: &mut Instant, seconds: u32, running: u32) -> Vec<Option<String>> {
        let reading = Reading {
            limit: 64,
            running,
            stream_limit: 1,
            ..Reading::default()
        };
        let mut changes = Vec::new();
        for _ in 0..seconds * 10 {
            *now += Duration::from_millis(100);
            changes.extend(overload.observe(&reading, 3, *now));
        }
        changes
    }

    #[test]
    fn it_begins_late_and_ends_later() {
        let (mut overload, mut now) = (Overload::default(), Instant::now());
        assert!(feed(&mut overload, &mut now, 10, 40).is_empty());
        let begun = feed(&mut overload, &mut now, 10, 77);
        assert_eq!(begun.len(), 1);
        let note = begun[0].as_deref().unwrap_or_default();
        assert!(
            note.starts_with("overloaded: 1") && note.contains("of 64 calls"),
            "{note}"
        );
        // Neither full nor easy: it stays as it is.
        assert!(feed(&mut overload, &mut now, 60, 58).is_empty());
        assert!(feed(&mut overload, &mut now, 4, 20).is_empty());
        assert_eq!(feed(&mut overload, &mut now, 4, 20), [None]);
        assert!(feed(&mut overload, &mut now, 60, 58).is_empty());
    }

    #[test]
    fn a_burst_is_no_overload() {
        let (mut overload, mut now) = (Overload::default(), Instant::now());
        for _ in 0..20 {
            assert!(feed(&mut overload, &mut now, 1, 80).is_empty());
            assert!(feed(&mut overload, &mut now, 2, 10).is_empty());
        }
    }
}
