//! linkerd's proxy: tower's P2C over peak EWMA, each endpoint behind a breaker on consecutive failures.
//!
//! Seven failures in a row shut an endpoint for 1 s, jittered by up to half; then one call is let through, and only its
//! answer opens the endpoint; a failure doubles the pause, up to 60 s. While a shut endpoint waits, answers to older
//! calls are ignored; the first answer after the probe was let through decides, whichever call it belongs to. With
//! every endpoint shut, calls wait; after 3 s of that the balancer is in fail-fast and refuses them at once until an
//! endpoint is ready. Decay 10 s and first estimate 30 ms are the proxy's defaults.
//!
//! Not modelled: the success-rate breaker and load biasing that newer versions can be configured with.
//! Source: linkerd2-proxy `app/outbound/src/http/breaker/consecutive_failures.rs` and `…/logical.rs`, the annotations'
//! defaults in linkerd's documentation of circuit breakers.

use fastrand::Rng;
use lyceum::balancing::Outcome;

use super::roster::{Roster, two};
use super::tower::PeakEwma;
use super::{Balancer, End, Listing, Pick};

const MOST_FAILURES: u32 = 7;
const FIRST_PAUSE: u64 = 1_000_000;
const LONGEST_PAUSE: u64 = 60_000_000;
const JITTER: f64 = 0.5;
const FAIL_FAST_AFTER: u64 = 3_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// Calls pass; so many failures in a row.
    Open(u32),
    /// No calls until the time; how long the pause is without jitter.
    Shut(u64, u64),
    /// One call may pass.
    Probation(u64),
    /// The one call has passed: its answer decides.
    Probing(u64),
}

#[derive(Debug)]
struct Note {
    load: PeakEwma,
    gate: Gate,
}

#[derive(Debug)]
pub(super) struct Linkerd {
    rng: Rng,
    roster: Roster<Note>,
    passable: Vec<usize>,
    /// How many gates are not open: while it is 0, nobody need look at them.
    shut: usize,
    /// Since when nobody has been ready.
    unready: Option<u64>,
}

impl Linkerd {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            roster: Roster::default(),
            passable: Vec::new(),
            shut: 0,
            unready: None,
        }
    }

    fn look(&mut self, now: u64) {
        self.passable.clear();
        for index in &self.roster.ready {
            let gate = &mut self.roster.nodes[*index].note.gate;
            if let Gate::Shut(until, pause) = *gate
                && now >= until
            {
                *gate = Gate::Probation(pause);
            }
            if matches!(gate, Gate::Open(_) | Gate::Probation(_)) {
                self.passable.push(*index);
            }
        }
    }
}

fn shut(rng: &mut Rng, now: u64, pause: u64) -> Gate {
    let jitter = rng.f64() * JITTER * pause as f64;
    Gate::Shut(now + pause + jitter as u64, pause)
}

impl Balancer for Linkerd {
    fn list(&mut self, servers: &[Listing], now: u64) {
        self.roster.list(servers, || Note {
            load: PeakEwma::new(now),
            gate: Gate::Open(0),
        });
        self.shut = (self.roster.nodes.iter())
            .filter(|node| !matches!(node.note.gate, Gate::Open(_)))
            .count();
    }

    fn connections(&mut self, _: u64) {
        self.roster.connections();
    }

    fn pick(&mut self, now: u64, _: &[u32]) -> Pick {
        let drawn = if self.shut == 0 {
            two(&mut self.rng, &self.roster.ready)
        } else {
            self.look(now);
            two(&mut self.rng, &self.passable)
        };
        let Some((first, second)) = drawn else {
            let since = *self.unready.get_or_insert(now);
            return if now - since < FAIL_FAST_AFTER {
                Pick::Wait
            } else {
                Pick::Refuse
            };
        };
        self.unready = None;
        let nodes = &mut self.roster.nodes;
        let chosen = if nodes[first].note.load.cost(now) <= nodes[second].note.load.cost(now) {
            first
        } else {
            second
        };
        let note = &mut nodes[chosen].note;
        note.load.begin();
        if let Gate::Probation(pause) = note.gate {
            note.gate = Gate::Probing(pause);
        }
        Pick::Server {
            server: self.roster.server(chosen),
            token: 0,
        }
    }

    fn end(&mut self, end: &End) {
        let Some(note) = self.roster.note(end.server) else {
            return;
        };
        note.load.end(end);
        let failed = end.outcome != Outcome::Answered;
        match note.gate {
            Gate::Open(failures) if failed && failures + 1 >= MOST_FAILURES => {
                note.gate = shut(&mut self.rng, end.now, FIRST_PAUSE);
                self.shut += 1;
            }
            Gate::Open(failures) => note.gate = Gate::Open(if failed { failures + 1 } else { 0 }),
            Gate::Shut(..) => {}
            Gate::Probation(pause) | Gate::Probing(pause) if failed => {
                note.gate = shut(&mut self.rng, end.now, LONGEST_PAUSE.min(pause * 2));
            }
            Gate::Probation(_) | Gate::Probing(_) => {
                note.gate = Gate::Open(0);
                self.shut -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::tests::everybody;
    use super::*;

    fn end(linkerd: &mut Linkerd, server: u32, now: u64, outcome: Outcome) {
        linkerd.end(&End {
            server,
            token: 0,
            begun: now,
            now,
            outcome,
            report: None,
        });
    }

    #[test]
    fn seven_failures_shut_and_one_probe_opens() {
        let mut linkerd = Linkerd::new(Rng::with_seed(1));
        linkerd.list(&everybody(1), 0);
        let taken = Pick::Server { server: 0, token: 0 };
        for _ in 0..7 {
            assert_eq!(linkerd.pick(0, &[]), taken);
            end(&mut linkerd, 0, 0, Outcome::Failed);
        }
        assert_eq!(linkerd.pick(999_999, &[]), Pick::Wait, "shut for a second at least");
        assert_eq!(linkerd.pick(1_500_000, &[]), taken, "and one and a half at most");
        assert_eq!(linkerd.pick(1_500_000, &[]), Pick::Wait, "one probe");
        end(&mut linkerd, 0, 1_500_000, Outcome::Failed);
        assert_eq!(linkerd.pick(3_400_000, &[]), Pick::Wait, "twice as long");
        assert_eq!(linkerd.pick(4_500_000, &[]), taken);
        end(&mut linkerd, 0, 4_500_000, Outcome::Answered);
        assert_eq!(linkerd.pick(4_500_000, &[]), taken);
        assert_eq!(linkerd.pick(4_500_000, &[]), taken, "open");
    }

    #[test]
    fn after_three_seconds_with_nobody_calls_fail_fast() {
        let mut linkerd = Linkerd::new(Rng::with_seed(1));
        linkerd.list(&[], 0);
        assert_eq!(linkerd.pick(0, &[]), Pick::Wait);
        assert_eq!(linkerd.pick(2_999_999, &[]), Pick::Wait);
        assert_eq!(linkerd.pick(3_000_000, &[]), Pick::Refuse);
    }
}
