//! What a server says about its own load: requests in flight ÷ its limit.
//!
//! It counts for what other callers do to the instance, which this process cannot see. A report is believed for about a
//! second; what it says for longer than that is its moving mean. Used as an instant factor it makes every caller run to
//! the same instance and away again: in simulation the healthy p99 rose from 41 to 105 ms.
//! A server may lie or be wrong: what is no number is ignored, what is out of range is brought into it.

use super::Micros;
use super::packed::{Float, Memory, Packed};

/// Far beyond any limit; more than this is nonsense.
const MOST: f32 = 4.0;
/// How long a report itself counts, and how long their mean.
const REPORT: Memory = Memory::of_millis(1_000.0);
const MEAN: Memory = Memory::of_millis(10_000.0);

/// The last report and the mean of the reports.
#[derive(Debug, Default)]
pub(super) struct Utilization {
    last: Packed,
    mean: Float,
}

impl Utilization {
    pub(super) fn report(&self, now: Micros, value: f32) {
        if value.is_nan() {
            return;
        }
        let value = value.clamp(0.0, MOST);
        let (_, kept) = self.last.faded(now, MEAN);
        // Two writers may lose one of two means, which are all but equal.
        self.mean.set(value + (self.mean.get() - value) * kept);
        self.last.set(value, now);
    }

    #[inline]
    pub(super) fn at(&self, now: Micros) -> f32 {
        let last = self.last.value();
        let mean = self.mean.get();
        if last == 0.0 && mean == 0.0 {
            return 0.0;
        }
        // Silence means that nobody calls: the mean fades too.
        mean * self.last.faded(now, MEAN).1 + (last - mean) * self.last.faded(now, REPORT).1
    }
}
