//! Upkeep: everything about a pool that is not done for each call. It takes a lock that no pick takes.
//!
//! Ten times a second it refreshes the medians that picks compare with, lets slow starts and the zone's preference move
//! on, ejects outliers and takes them in again, and makes a new snapshot where any weight changed. All of it is O(n).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use fastrand::Rng;

use super::ejection::{Standing, Tally};
use super::hashing::hash;
use super::ring::Ring;
use super::score::Usual;
use super::settings::{Ejection, Policy, Settings};
use super::snapshot::Snapshot;
use super::zone::Preference;
use super::{Endpoint, Member, Micros, Pool, Wanted, subset};

/// What upkeep remembers of a pool.
#[derive(Debug)]
pub(super) struct Upkeep {
    settings: Settings,
    zone: Preference,
    ring: Option<Arc<Ring>>,
}

/// What one look at the calls in flight counts against the earlier ones.
const SMOOTHING: f32 = 0.2;

type Endpoints<M> = [Arc<Endpoint<M>>];

impl Upkeep {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            zone: Preference::default(),
            ring: None,
        }
    }
}

impl<M: Member> Pool<M> {
    fn upkeep(&self) -> MutexGuard<'_, Upkeep> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the members. An endpoint whose key stays keeps its statistics and its connection; `make` is called for
    /// new keys only, and may refuse one. Of several with the same key the first counts. O(n).
    pub fn update<T>(
        &self,
        wanted: impl IntoIterator<Item = (Wanted, T)>,
        key: impl Fn(&T) -> &str,
        mut make: impl FnMut(T) -> Option<M>,
        now: Micros,
    ) {
        let mut upkeep = self.upkeep();
        let old = self.snapshot.load_full();
        let wanted: Vec<(Wanted, T)> = wanted.into_iter().collect();
        let chosen = self.choose(&upkeep.settings, &wanted, &key);
        let known: HashMap<&str, &Arc<Endpoint<M>>> = old
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.member().key(), endpoint))
            .collect();
        let at_work = wanted
            .iter()
            .filter(|(wanted, _)| wanted.weight > 0)
            .filter_map(|(_, item)| known.get(key(item)))
            .any(|endpoint| endpoint.answered() > 0);
        let endpoints: Vec<_> = wanted
            .into_iter()
            .zip(chosen)
            .filter(|(_, chosen)| *chosen)
            .filter_map(|((wanted, item), _)| match known.get(key(&item)) {
                Some(endpoint) => {
                    endpoint.set(wanted);
                    Some(Arc::clone(endpoint))
                }
                None => make(item).map(|member| {
                    let endpoint = Endpoint::new(member, wanted, Arc::clone(&self.pulse));
                    if at_work {
                        endpoint.join(now);
                    }
                    Arc::new(endpoint)
                }),
            })
            .collect();
        upkeep.ring = None;
        keep_half(&endpoints, now);
        self.rebuild(&mut upkeep, endpoints, now);
    }

    /// Which are members: each key once, and of a large pool only the subset.
    fn choose<T>(&self, settings: &Settings, wanted: &[(Wanted, T)], key: &impl Fn(&T) -> &str) -> Vec<bool> {
        let mut seen = HashSet::with_capacity(wanted.len());
        let mut chosen: Vec<bool> = wanted.iter().map(|(_, item)| seen.insert(key(item))).collect();
        if settings.subset > 0 && settings.affinity.is_none() && !matches!(settings.policy, Policy::Pinned(_)) {
            let candidates: Vec<usize> = (0..wanted.len())
                .filter(|index| chosen[*index] && wanted[*index].0.weight > 0)
                .collect();
            let hashes: Vec<u64> = candidates
                .iter()
                .map(|index| hash(key(&wanted[*index].1).as_bytes()))
                .collect();
            for (index, is_in) in candidates
                .iter()
                .zip(subset::choose(&hashes, self.identity, settings.subset))
            {
                chosen[*index] = is_in;
            }
        }
        chosen
    }

    /// Changes the settings; statistics stay. Another subset counts from the next [`Self::update`].
    pub fn configure(&self, settings: Settings, now: Micros) {
        let mut upkeep = self.upkeep();
        self.pulse.traffic.count(settings.affinity.is_some());
        upkeep.settings = settings;
        let endpoints = self.endpoints();
        self.rebuild(&mut upkeep, endpoints, now);
    }

    /// To be called ten times a second, off the calls' path. Returns the endpoints whose health should be checked
    /// (`grpc.health.v1`); [`Endpoint::probed`] takes the answer.
    pub fn maintain(&self, now: Micros, rng: &mut Rng) -> Vec<Arc<Endpoint<M>>> {
        let mut upkeep = self.upkeep();
        let snapshot = self.snapshot.load_full();
        let endpoints = &snapshot.endpoints;
        for endpoint in endpoints {
            endpoint.wait_for_connection(now);
        }
        let due = match &upkeep.settings.ejection {
            Some(settings) => eject(endpoints, settings, now, rng),
            None => {
                for endpoint in endpoints.iter().filter(|endpoint| endpoint.is_ejected()) {
                    endpoint.readmit(now);
                }
                Vec::new()
            }
        };
        self.feel(endpoints, now);
        if let Some((own, others)) = costs(endpoints, now, self.pulse.read()) {
            upkeep.zone.learn(own, others);
        }
        if upkeep.weights(endpoints, now) != snapshot.weights() {
            self.rebuild(&mut upkeep, endpoints.clone(), now);
        }
        due
    }

    /// Refreshes the medians, from those that take part and have answered.
    fn feel(&self, endpoints: &Endpoints<M>, now: Micros) {
        let usual = self.pulse.read();
        let part = || endpoints.iter().filter(|one| !one.is_ejected() && one.weight() > 0);
        let mut latencies: Vec<f32> = part().filter_map(|one| one.smoothed(now, usual)).collect();
        let mut failures: Vec<f32> = part().map(|one| one.failing(now)).collect();
        self.pulse.latency.set(median(&mut latencies).unwrap_or(usual.latency));
        self.pulse.failing.set(median(&mut failures).unwrap_or(0.0));
        let count = failures.len().max(1) as f32;
        let load: f32 = part().map(|one| one.in_flight() as f32 * one.hot.relief.get()).sum();
        let before = self.pulse.load.get();
        self.pulse.load.set(before + (load / count - before) * SMOOTHING);
        let streams: u64 = part().map(|one| u64::from(one.streams())).sum();
        self.pulse.streams.set(streams as f32 / count);
    }

    fn rebuild(&self, upkeep: &mut Upkeep, endpoints: Vec<Arc<Endpoint<M>>>, now: Micros) {
        let ring = upkeep.settings.affinity.map(|bound| {
            let ring = upkeep.ring.get_or_insert_with(|| {
                let members: Vec<(u64, f32)> = endpoints.iter().map(|one| (one.hash, one.weight() as f32)).collect();
                Arc::new(Ring::new(&members))
            });
            (Arc::clone(ring), bound)
        });
        let weights = upkeep.weights(&endpoints, now);
        let snapshot = Snapshot::new(endpoints, weights, &upkeep.settings.policy, ring);
        self.snapshot.store(Arc::new(snapshot));
    }
}

impl Upkeep {
    fn weights<M>(&self, endpoints: &Endpoints<M>, now: Micros) -> Vec<f32> {
        let (mut own, mut all) = (0.0, 0.0);
        for endpoint in endpoints {
            let weight = endpoint.weight() as f32;
            all += weight;
            own += if endpoint.is_same_zone() { weight } else { 0.0 };
        }
        // Where everybody or nobody is in the zone, it makes no difference.
        let zone = if own > 0.0 && own < all {
            self.zone.factor(self.settings.zone_factor, own / all)
        } else {
            1.0
        };
        endpoints
            .iter()
            .map(|endpoint| endpoint.effective(now, &self.settings, zone))
            .collect()
    }
}

impl<M: Member> Endpoint<M> {
    /// A slow start begins with the connection.
    fn wait_for_connection(&self, now: Micros) {
        if self.is_starting() && self.calls() == 0 && !self.is_ready() {
            self.join(now);
        }
    }
}

impl<M> Endpoint<M> {
    fn tally(&self) -> Tally {
        Tally {
            answered: self.answered(),
            failed: self.errors(),
        }
    }

    fn readmit(&self, now: Micros) {
        self.watch().readmit(now, &self.hot.state);
        self.forget_failures(now);
        self.join(now);
    }
}

/// Ejects outliers, worst first, and lets those who are out come back; who is due for a health check.
fn eject<M>(endpoints: &Endpoints<M>, settings: &Ejection, now: Micros, rng: &mut Rng) -> Vec<Arc<Endpoint<M>>> {
    keep_half(endpoints, now);
    let (mut all, mut out, mut weighted) = (Tally::default(), 0, 0);
    let mut due = Vec::new();
    let mut recent = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        let passed = endpoint.hot.state.get() == Standing::Passed;
        if passed {
            endpoint.readmit(now);
        }
        let mut watch = endpoint.watch();
        let tally = watch.observe(endpoint.tally(), now);
        if watch.is_out() {
            out += 1;
            if watch.wait(now, settings, &endpoint.hot.state, rng) {
                due.push(Arc::clone(endpoint));
            }
        } else {
            all.add(tally);
        }
        recent.push(tally);
        weighted += usize::from(endpoint.weight() > 0);
    }
    let mut outliers: Vec<(f32, &Arc<Endpoint<M>>)> = endpoints
        .iter()
        .zip(recent)
        .filter(|(endpoint, _)| endpoint.weight() > 0)
        .filter_map(|(endpoint, tally)| {
            let watch = endpoint.watch();
            let badness = if watch.is_out() {
                0.0
            } else {
                watch.verdict(all.without(tally), endpoint.streak(), settings)
            };
            (badness > 0.0).then_some((badness, endpoint))
        })
        .collect();
    outliers.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
    for (_, endpoint) in outliers.into_iter().take((weighted / 2).saturating_sub(out)) {
        endpoint.watch().eject(now, settings, &endpoint.hot.state, rng);
    }
    due
}

/// Takes in again whoever is out beyond half of the pool: first those whose pause ends first.
fn keep_half<M>(endpoints: &Endpoints<M>, now: Micros) {
    let weighted = endpoints.iter().filter(|endpoint| endpoint.weight() > 0).count();
    let mut out: Vec<(Micros, &Arc<Endpoint<M>>)> = endpoints
        .iter()
        .filter_map(|endpoint| endpoint.ejected_until().map(|until| (until, endpoint)))
        .collect();
    let most = weighted / 2;
    if out.len() > most {
        out.sort_unstable_by_key(|(until, _)| *until);
        for (_, endpoint) in &out[..out.len() - most] {
            endpoint.readmit(now);
        }
    }
}

/// What a call costs in the own zone and in the others, where both are known.
fn costs<M>(endpoints: &Endpoints<M>, now: Micros, usual: Usual) -> Option<(f32, f32)> {
    let mut sums = [(0.0, 0.0); 2];
    let known = endpoints
        .iter()
        .filter(|endpoint| endpoint.latency().is_some() && !endpoint.is_ejected());
    for endpoint in known {
        let weight = endpoint.weight() as f32;
        let (sum, weights) = &mut sums[usize::from(endpoint.is_same_zone())];
        *sum += weight * endpoint.cost(now, usual);
        *weights += weight;
    }
    let [others, own] = sums;
    (own.1 > 0.0 && others.1 > 0.0).then(|| (own.0 / own.1, others.0 / others.1))
}

/// The lower one of two in the middle.
fn median(values: &mut [f32]) -> Option<f32> {
    if values.is_empty() {
        return None;
    }
    let middle = (values.len() - 1) / 2;
    Some(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}
