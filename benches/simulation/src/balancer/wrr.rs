//! gRPC's weighted round robin on what servers report of their load (A58).
//!
//! ```text
//! weight = qps / (utilization + eps / qps · 1)
//! ```
//!
//! from the last report with any answer. For 10 s after the first report of an endpoint, and where there is none,
//! the mean of the others' weights stands in; with fewer than two weights it is plain round robin. Weights are read
//! once a second by a static stride scheduler, which spreads an endpoint's turns over the rotation. Utilisation is
//! the share of places in use and, like the rates, counted over a second: a server that reported the moment would make
//! the weights jump and a busy pool collapse. Discovery weights are not used.
//! Source: gRFC A58, grpc-go `balancer/weightedroundrobin/{balancer,scheduler}.go`.

use fastrand::Rng;

use super::roster::Roster;
use super::{Balancer, End, Listing, Pick};

const BLACKOUT: u64 = 10_000_000;
const EXPIRES: u64 = 180_000_000;
const EVERY: u64 = 1_000_000;
const ERROR_PENALTY: f64 = 1.0;
const MOST: u64 = u16::MAX as u64;

#[derive(Debug, Default)]
struct Note {
    weight: f64,
    updated: Option<u64>,
    since: Option<u64>,
}

impl Note {
    fn usable(&self, now: u64) -> f64 {
        match (self.updated, self.since) {
            (Some(updated), Some(since)) if now - updated < EXPIRES && now - since >= BLACKOUT => self.weight,
            _ => 0.0,
        }
    }
}

#[derive(Debug)]
pub(super) struct Wrr {
    roster: Roster<Note>,
    sequence: u64,
    /// Scaled weights of `roster.ready`; empty: plain round robin.
    weights: Vec<u64>,
    scheduled: u64,
}

impl Wrr {
    pub(super) fn new(mut rng: Rng) -> Self {
        Self {
            roster: Roster::default(),
            sequence: rng.u64(..1 << 20),
            weights: Vec::new(),
            scheduled: 0,
        }
    }

    fn schedule(&mut self, now: u64) {
        self.scheduled = now;
        let usable: Vec<f64> = (self.roster.ready.iter())
            .map(|index| self.roster.nodes[*index].note.usable(now))
            .collect();
        self.weights.clear();
        let known = usable.iter().filter(|weight| **weight > 0.0).count();
        if known < 2 {
            return;
        }
        let scale = MOST as f64 / usable.iter().copied().fold(0.0, f64::max);
        let mean = (usable.iter().sum::<f64>() / known as f64 * scale).round();
        self.weights
            .extend((usable.iter()).map(|weight| if *weight > 0.0 { weight * scale } else { mean }.round() as u64));
    }
}

impl Balancer for Wrr {
    fn list(&mut self, servers: &[Listing], now: u64) {
        self.roster.list(servers, Note::default);
        self.schedule(now);
    }

    fn connections(&mut self, now: u64) {
        self.roster.connections();
        self.schedule(now);
    }

    fn pick(&mut self, now: u64, _: &[u32]) -> Pick {
        if self.roster.ready.is_empty() {
            return Pick::Wait;
        }
        if now - self.scheduled >= EVERY {
            self.schedule(now);
        }
        let count = self.roster.ready.len() as u64;
        let turn = loop {
            self.sequence += 1;
            let turn = self.sequence % count;
            let Some(weight) = self.weights.get(turn as usize) else {
                break turn;
            };
            let round = self.sequence / count;
            if (weight * round + turn * (MOST / 2)) % MOST >= MOST - weight {
                break turn;
            }
        };
        Pick::Server {
            server: self.roster.server(self.roster.ready[turn as usize]),
            token: 0,
        }
    }

    fn end(&mut self, end: &End) {
        let (Some(report), Some(note)) = (end.report, self.roster.note(end.server)) else {
            return;
        };
        if report.average <= 0.0 || report.rate <= 0.0 {
            return;
        }
        note.weight = report.rate / (report.average + report.errors / report.rate * ERROR_PENALTY);
        note.updated = Some(end.now);
        note.since.get_or_insert(end.now);
    }
}

#[cfg(test)]
mod tests {
    use lyceum::balancing::Outcome;

    use super::super::roster::tests::everybody;
    use super::*;
    use crate::server::Report;

    /// How often each of three servers is picked, from `now` on, when they report these utilisations at equal rates.
    fn counts(now: u64, utilizations: [f64; 3]) -> [u32; 3] {
        let mut wrr = Wrr::new(Rng::with_seed(1));
        wrr.list(&everybody(3), 0);
        for (server, average) in utilizations.into_iter().enumerate() {
            wrr.end(&End {
                server: server as u32,
                token: 0,
                begun: 0,
                now: 0,
                outcome: Outcome::Answered,
                report: Some(Report {
                    average,
                    rate: 100.0,
                    ..Report::default()
                }),
            });
        }
        let mut counts = [0; 3];
        for _ in 0..70_000 {
            let Pick::Server { server, .. } = wrr.pick(now, &[]) else {
                unreachable!("everybody is ready");
            };
            counts[server as usize] += 1;
        }
        counts
    }

    #[test]
    fn shares_follow_the_reports_after_the_blackout() {
        let blackout = counts(BLACKOUT - 1, [0.2, 0.4, 0.8]);
        assert!(blackout.iter().all(|count| count.abs_diff(23_333) <= 1), "{blackout:?}");
        for (count, right) in counts(BLACKOUT, [0.2, 0.4, 0.8])
            .into_iter()
            .zip([40_000, 20_000, 10_000])
        {
            assert!(count.abs_diff(right) < 50, "{count}, right is {right}");
        }
    }

    #[test]
    fn who_has_not_reported_gets_the_mean() {
        for (count, right) in counts(BLACKOUT, [0.2, 0.4, 0.0])
            .into_iter()
            .zip([31_111, 15_556, 23_333])
        {
            assert!(count.abs_diff(right) < 50, "{count}, right is {right}");
        }
    }
}
