//! Ejection: an instance that fails where the rest of its pool does not gets no calls for a while.
//!
//! ```text
//!            outlier                pause over              healthy            picked
//!     In ────────────────▶ Out ────────────────▶ Asked ─────────────▶ Trial ─────────▶ Trying
//!      ▲                    ▲   health check due   │ not                ▲ given up       │
//!      │                    └──────────────────────┴──────────── failed ┼────────────────┤
//!      └──────────────────── Passed ◀───────────────────────── answered ┴────────────────┘
//! ```
//!
//! An outlier has failed several times in a row, or succeeds clearly less than *the rest of the pool*, so that a pool
//! whose every member fails ejects nobody: whatever they all depend on is broken, and fewer instances would not mend it.
//! Both verdicts demand evidence: a run of failures that chance would produce, or a shortfall within three standard
//! errors, is none. Half of the pool is never out. After a pause the instance is asked for its health, and then one call,
//! the canary, finds out. When not: slowness. The score deals with that, and a slow instance is better than none.
//! Source: Envoy's outlier detection for the verdicts and the growing pause; the tests against chance are ours.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use fastrand::Rng;

use super::Micros;
use super::settings::Ejection;

/// A run of failures as unlikely as this is no chance.
const CHANCE: f32 = 1e-6;
/// Standard errors by which a share of successes must fall short.
const ERRORS: f32 = 3.0;
/// Seconds that are looked at.
const SECONDS: u64 = 10;
/// How long a health check may take before another is asked for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an endpoint must last before its last ejection is forgotten.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Whether calls may go to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Standing {
    /// As usual.
    In,
    /// None, until its pause is over.
    Out,
    /// None: a health check is under way.
    Asked,
    /// One, whichever is picked next.
    Trial,
    /// The one is picked.
    Taken,
    /// The one is under way.
    Trying,
    /// The one was answered: upkeep takes it in again.
    Passed,
    /// The one failed: upkeep puts it out again.
    Failed,
}

impl Standing {
    const ALL: [Self; 8] = [
        Self::In,
        Self::Out,
        Self::Asked,
        Self::Trial,
        Self::Taken,
        Self::Trying,
        Self::Passed,
        Self::Failed,
    ];
}

/// The standing as picks and calls see it.
#[derive(Debug, Default)]
pub(super) struct State(AtomicU8);

impl State {
    #[inline]
    pub(super) fn get(&self) -> Standing {
        Standing::ALL[usize::from(self.0.load(Ordering::Relaxed)) % Standing::ALL.len()]
    }

    fn set(&self, standing: Standing) {
        self.0.store(standing as u8, Ordering::Relaxed);
    }

    fn turn(&self, from: Standing, to: Standing) -> bool {
        self.0
            .compare_exchange(from as u8, to as u8, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether the caller may make the one call.
    pub(super) fn claim(&self) -> bool {
        self.turn(Standing::Trial, Standing::Taken)
    }

    /// A call begins; whether it is the one.
    pub(super) fn begin(&self) -> bool {
        self.get() == Standing::Taken && self.turn(Standing::Taken, Standing::Trying)
    }

    /// The one call ended.
    pub(super) fn tried(&self, answered: bool) {
        self.turn(
            Standing::Trying,
            if answered { Standing::Passed } else { Standing::Failed },
        );
    }

    /// The one call said nothing.
    pub(super) fn untried(&self) {
        self.turn(Standing::Trying, Standing::Trial);
    }
}

/// Answered and failed calls of a while.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) answered: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn calls(self) -> u64 {
        self.answered + self.failed
    }

    pub(super) fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
    }

    /// All but those.
    pub(super) fn without(self, other: Self) -> Self {
        Self {
            answered: self.answered - other.answered,
            failed: self.failed - other.failed,
        }
    }

    fn success(self) -> f32 {
        self.answered as f32 / self.calls().max(1) as f32
    }
}

/// What upkeep remembers of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The counters when they were last read.
    read: Tally,
    /// By second, each with which second it was.
    buckets: [(u64, Tally); SECONDS as usize],
    /// The last ten seconds together.
    recent: Tally,
    /// How often the pause was doubled.
    level: u32,
    until: Micros,
    out: bool,
    ejections: u64,
    asked: Micros,
    returned: Micros,
    /// The canary was picked, but not begun, when upkeep last looked.
    idle: bool,
}

impl Watch {
    pub(super) fn until(&self) -> Option<Micros> {
        self.out.then_some(self.until)
    }

    pub(super) fn ejections(&self) -> u64 {
        self.ejections
    }

    pub(super) fn is_out(&self) -> bool {
        self.out
    }

    /// Reads the counters; what the last ten seconds brought.
    pub(super) fn observe(&mut self, counters: Tally, now: Micros) -> Tally {
        let second = now.0 / 1_000_000;
        let bucket = &mut self.buckets[(second % SECONDS) as usize];
        if bucket.0 != second {
            *bucket = (second, Tally::default());
        }
        bucket.1.add(counters.without(self.read));
        self.read = counters;
        self.recent = Tally::default();
        for (then, tally) in &self.buckets {
            if second.abs_diff(*then) < SECONDS {
                self.recent.add(*tally);
            }
        }
        self.recent
    }

    /// How bad it is compared with the rest of the pool: 0 is no outlier.
    pub(super) fn verdict(&self, rest: Tally, streak: u16, settings: &Ejection) -> f32 {
        // One more failure and one more success than were seen: of few calls nothing is certain.
        let rest_fails = (rest.failed + 1) as f32 / (rest.calls() + 2) as f32;
        let unlikely = (CHANCE.ln() / rest_fails.ln()).ceil();
        if f32::from(streak) >= unlikely.max(settings.failures as f32) {
            return 1.0 + f32::from(streak);
        }
        if self.recent.calls() < u64::from(settings.samples) || rest.calls() < u64::from(settings.samples) {
            return 0.0;
        }
        let (own, pool) = (self.recent.success(), rest.success());
        let error = (rest_fails * (1.0 - rest_fails) / self.recent.calls() as f32).sqrt();
        if own < settings.success * pool && pool - own > ERRORS * error {
            1.0 - own
        } else {
            0.0
        }
    }

    /// No calls for a while, longer each time.
    pub(super) fn eject(&mut self, now: Micros, settings: &Ejection, state: &State, rng: &mut Rng) {
        if !self.out && now.0 > self.returned.after(FORGIVEN).0 {
            self.level = 0;
        }
        // A tenth to either side, so that callers do not come back all at once.
        let pause = settings
            .first
            .saturating_mul(1 << self.level.min(16))
            .min(settings.longest)
            .mul_f32(0.9 + 0.2 * rng.f32());
        self.level += 1;
        self.ejections += u64::from(!self.out);
        self.out = true;
        self.until = now.after(pause);
        state.set(Standing::Out);
    }

    /// Takes it in again: as if nothing had been.
    pub(super) fn readmit(&mut self, now: Micros, state: &State) {
        self.buckets = Default::default();
        self.recent = Tally::default();
        self.out = false;
        self.returned = now;
        state.set(Standing::In);
    }

    /// What time does to an endpoint that is out; whether a health check is due.
    pub(super) fn wait(&mut self, now: Micros, settings: &Ejection, state: &State, rng: &mut Rng) -> bool {
        let standing = state.get();
        let idle = std::mem::replace(&mut self.idle, standing == Standing::Taken);
        match standing {
            Standing::Failed => self.eject(now, settings, state, rng),
            // Picked and never begun.
            Standing::Taken if idle => {
                state.turn(Standing::Taken, Standing::Trial);
            }
            Standing::Out if now >= self.until => {
                self.asked = now;
                state.set(Standing::Asked);
                return true;
            }
            Standing::Asked if now >= self.asked.after(PATIENCE) => {
                self.asked = now;
                return true;
            }
            _ => {}
        }
        false
    }

    /// The answer to the health check.
    pub(super) fn probed(&mut self, now: Micros, healthy: bool, state: &State) {
        if state.get() != Standing::Asked {
            return;
        }
        if healthy {
            state.set(Standing::Trial);
        } else {
            self.until = now;
            state.set(Standing::Failed);
        }
    }
}
