//! Where a skill's growth broke: how probable an abrupt change is at each place, and behind the newest observations.
//!
//! What: Bayesian change-point detection. Between two changes the values lie around a straight line; a change may come
//! in every gap with the hazard of one in [`MEAN_DAYS`]; line and noise of each stretch are integrated out (normal and
//! inverse gamma). The sum over *all* ways to cut the series into stretches is exact, by recursion: forwards it gives
//! Adams & MacKay's run lengths, so that a change is suspected as soon as it can be; forwards and backwards it gives the
//! probability of a change at every place, given everything (Fearnhead). Why lines and not levels: steady growth is no
//! change. Why not PELT: it names places but no probability, and its penalty must be guessed.
//!
//! A stretch that another follows has at least [`SHORTEST`] observations, since a single odd piece of work is no change
//! of the student. When not: under [`LEAST`] observations nothing is said; slow drift is the business of
//! [`super::growth`]. Quadratic in the observations, hence at most [`MOST`]. Source: Adams & MacKay 2007,
//! arXiv:0710.3742; Fearnhead 2006, *Statistics and Computing* 16, § 2; Barry & Hartigan 1992 (product partitions).

mod stretch;

use self::stretch::Stretch;
use super::growth::newest;
use super::observation::{Observation, When};

/// Fewer observations than this show no change.
pub const LEAST: usize = 6;

/// More than this are not looked at: the newest are.
pub const MOST: usize = 256;

/// Days between two changes, on average, before anything is seen.
pub const MEAN_DAYS: f64 = 730.0;

/// The fewest observations between two changes.
pub const SHORTEST: usize = 3;

/// How many of the newest observations a recent change lies behind, at most; at least [`SHORTEST`], since one odd piece
/// of work would always raise a suspicion.
pub const RECENT: usize = 6;

/// A change less probable than this is not told.
pub const TOLD: f64 = 0.5;

/// A change so probable is acted upon: the level starts anew behind it, and others are told.
pub const NEARLY_CERTAIN: f64 = 0.9;

/// Two changes within so many days are the same one, whose place became clearer.
pub const SAME_DAYS: f64 = 21.0;

/// A change's place is known to so many observations before or behind.
const NEAR: usize = 2;

/// However close together, two observations leave this chance of a change between them.
const LEAST_HAZARD: f64 = 1e-4;

/// A place where growth broke.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The last observation before it.
    pub after: When,
    /// The first observation behind it.
    pub before: When,
    /// How probable it is that a change lies within two observations of this place.
    pub probability: f64,
    /// How far the level moved.
    pub shift: f64,
    /// By how much the growth in a day changed.
    pub growth_shift: f64,
}

/// What is known of changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Those more probable than [`TOLD`], by time.
    pub found: Vec<Change>,
    /// How probable it is that one lies behind the newest [`RECENT`] observations.
    pub recent: f64,
}

impl Changes {
    /// The changes in the observations of one skill, in whatever order they come.
    #[must_use]
    pub fn of(observations: &[Observation]) -> Self {
        let observations = newest(observations, MOST);
        if observations.len() < LEAST {
            return Self::default();
        }
        let cuts = Cuts::of(&observations);
        let count = observations.len();
        let places = cuts.places();
        let edges: Vec<usize> = [0]
            .into_iter()
            .chain(places.iter().map(|place| place.0))
            .chain([count])
            .collect();
        let stretches: Vec<Stretch> = edges
            .windows(2)
            .map(|edges| Stretch::over(&observations[edges[0]..edges[1]]))
            .collect();
        let found = places
            .iter()
            .zip(stretches.windows(2))
            .map(|(&(place, probability), sides)| {
                let (after, before) = (observations[place - 1].at(), observations[place].at());
                Change {
                    after,
                    before,
                    probability,
                    shift: sides[1].level_at(before) - sides[0].level_at(after),
                    growth_shift: sides[1].growth() - sides[0].growth(),
                }
            })
            .collect();
        Self {
            found,
            recent: cuts.within(count.saturating_sub(RECENT), count - SHORTEST),
        }
    }
}

impl Changes {
    /// The nearly certain ones that were not told yet, by the times of those that were.
    pub fn news<'c>(&'c self, told: &'c [When]) -> impl Iterator<Item = &'c Change> {
        self.found.iter().filter(|change| {
            let same = |told: &When| change.before.days_since(*told).abs() <= SAME_DAYS;
            change.probability >= NEARLY_CERTAIN && !told.iter().any(same)
        })
    }
}

/// The sum over all cuts of a series. A place `k` is the gap before observation `k`.
struct Cuts {
    count: usize,
    /// The logarithm of a stretch's share in a cut: likelihood and the chance that it lasts; by first observation and
    /// length less one.
    stretches: Vec<Vec<f64>>,
    /// The logarithm of the hazard in each gap.
    hazard: Vec<f64>,
    /// The logarithm of the probability of all before a place together with a change there.
    before: Vec<f64>,
    /// Of all behind a place, given a change there.
    behind: Vec<f64>,
    total: f64,
}

impl Cuts {
    fn of(observations: &[&Observation]) -> Self {
        let count = observations.len();
        let chance: Vec<f64> = (0..count)
            .map(|place| {
                let days = place
                    .checked_sub(1)
                    .map_or(0.0, |last| observations[place].at().days_since(observations[last].at()));
                // 1 - e^-x, precise for small x.
                (-(-days / MEAN_DAYS).exp_m1()).clamp(LEAST_HAZARD, 0.5)
            })
            .collect();
        let stretches = (0..count)
            .map(|first| {
                let mut stretch = Stretch::from(observations[first].at());
                let mut share = 0.0;
                (first..count)
                    .map(|next| {
                        share += stretch.see(observations[next]);
                        if next - first >= SHORTEST {
                            share += (-chance[next]).ln_1p();
                        }
                        share
                    })
                    .collect()
            })
            .collect();
        let mut cuts = Self {
            count,
            stretches,
            hazard: chance.into_iter().map(f64::ln).collect(),
            before: vec![f64::NEG_INFINITY; count],
            behind: vec![f64::NEG_INFINITY; count],
            total: 0.0,
        };
        cuts.sum();
        cuts
    }

    /// The share of the stretch from `first` to before `place`.
    fn stretch(&self, first: usize, place: usize) -> f64 {
        self.stretches[first][place - first - 1]
    }

    /// The same with the change at its end, and all that is behind; for the last stretch there is neither.
    fn ended(&self, first: usize, place: usize) -> f64 {
        if place == self.count {
            self.stretch(first, place)
        } else if place - first < SHORTEST {
            f64::NEG_INFINITY
        } else {
            self.stretch(first, place) + self.hazard[place] + self.behind[place]
        }
    }

    fn sum(&mut self) {
        self.before[0] = 0.0;
        for place in SHORTEST..self.count {
            let ways = (0..=place - SHORTEST).map(|first| self.before[first] + self.stretch(first, place));
            self.before[place] = self.hazard[place] + log_sum(ways);
        }
        for first in (0..self.count).rev() {
            self.behind[first] = log_sum((first + 1..=self.count).map(|place| self.ended(first, place)));
        }
        self.total = self.behind[0];
    }

    /// How probable a change is at one place.
    fn at(&self, place: usize) -> f64 {
        (self.before[place] + self.behind[place] - self.total).exp().min(1.0)
    }

    /// How probable at least one change is at the places from `from` to `to`: one less the probability that a single
    /// stretch covers them.
    fn within(&self, from: usize, to: usize) -> f64 {
        let from = from.max(1);
        let covering = (0..from).flat_map(|first| {
            (to + 1..=self.count).map(move |place| self.before[first] + self.ended(first, place) - self.total)
        });
        (1.0 - log_sum(covering).exp()).clamp(0.0, 1.0)
    }

    /// The places to tell, in order, with the probability of a change near each.
    fn places(&self) -> Vec<(usize, f64)> {
        let mut left: Vec<f64> = (0..self.count)
            .map(|place| if place == 0 { 0.0 } else { self.at(place) })
            .collect();
        let mut found = Vec::new();
        // The gap that most speaks for; what is near it is the same change.
        while let Some((place, &most)) = left.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) {
            if most < TOLD / (2.0 * NEAR as f64 + 1.0) {
                break;
            }
            let (from, to) = (place.saturating_sub(NEAR).max(1), (place + NEAR).min(self.count - 1));
            let probability = self.within(from, to);
            if probability >= TOLD {
                found.push((place, probability));
            }
            left[from..=to].fill(0.0);
        }
        found.sort_unstable_by_key(|place| place.0);
        found
    }
}

/// The logarithm of the sum of what these are logarithms of.
fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + logs.map(|log| (log - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests;
