//! Whether estimates are as good for one group of students as for another.
//!
//! What: at a threshold, the share of each group's students who were in need and were seen (true positives), and of those
//! who were not and were named all the same (false positives); the greatest differences between groups (equalised odds,
//! Hardt, Price & Srebro 2016); and calibration and AUC inside each group. Why both kinds: where groups differ in how
//! many are in need, no estimate can be equal in both (Kleinberg, Mullainathan & Raghavan 2017; Chouldechova 2017), so a
//! school must see both and choose. Intervals come from the bootstrap over students, and the gap is that of the two groups
//! which are furthest apart, so where groups are many it is on the large side. When not: groups are for this report alone; no signal, no alert and no threshold
//! knows them.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::{Labelled, auc, calibration_error, in_the_large, resampled, share, sound};
use crate::domain::interval::{self, Interval};

/// With fewer students in need, or fewer who are not, a group's rates say nothing.
pub const LEAST: usize = 10;

/// One group's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its number.
    pub group: u8,
    /// Its estimates.
    pub count: u32,
    /// The share in need.
    pub prevalence: f64,
    /// The rates, where there are enough to tell.
    pub rates: Option<Rates>,
}

/// How often a group is seen rightly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// In need and seen, of those in need.
    pub true_positive: Interval,
    /// Not in need and named, of those not in need.
    pub false_positive: Interval,
    /// Discrimination inside the group.
    pub auc: f64,
    /// Calibration inside the group.
    pub calibration_error: f64,
    /// The share in need less the mean estimate.
    pub in_the_large: f64,
}

/// Groups beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Fairness {
    /// The threshold that the rates hold for.
    pub threshold: f64,
    /// Each group, by number.
    pub groups: Vec<Group>,
    /// The greatest difference of true positive rates between two groups; absent where fewer than two have rates.
    pub true_positive_gap: Option<Interval>,
    /// The same of false positive rates.
    pub false_positive_gap: Option<Interval>,
}

/// Reports; `None` where nothing can be said of the estimates at all. The seed is the bootstrap's.
#[must_use]
pub fn fairness(estimates: &[Labelled], threshold: f64, seed: u64) -> Option<Fairness> {
    let all: Vec<&Labelled> = estimates.iter().collect();
    if !sound(&all) {
        return None;
    }
    let samples = resampled(estimates, &mut Rng::with_seed(seed));
    let measured = Measured {
        all: &all,
        samples: &samples,
        threshold,
    };
    let numbers: BTreeSet<u8> = estimates.iter().map(|e| e.group).collect();
    let groups: Vec<Group> = numbers.into_iter().map(|number| measured.group(number)).collect();
    Some(Fairness {
        threshold,
        true_positive_gap: measured.gap(&groups, true),
        false_positive_gap: measured.gap(&groups, false),
        groups,
    })
}

/// The estimates, and what the bootstrap drew from them.
struct Measured<'a> {
    all: &'a [&'a Labelled],
    samples: &'a [Vec<&'a Labelled>],
    threshold: f64,
}

impl Measured<'_> {
    fn group(&self, number: u8) -> Group {
        let own: Vec<&Labelled> = self.all.iter().copied().filter(|e| e.group == number).collect();
        let students = |outcome: bool| {
            let of: BTreeSet<u32> = own.iter().filter(|e| e.outcome == outcome).map(|e| e.student).collect();
            of.len()
        };
        let enough = students(true) >= LEAST && students(false) >= LEAST;
        Group {
            group: number,
            count: own.len() as u32,
            prevalence: share(&own),
            rates: enough.then(|| Rates {
                true_positive: self.rate(number, true),
                false_positive: self.rate(number, false),
                auc: auc(&own),
                calibration_error: calibration_error(&own),
                in_the_large: in_the_large(&own),
            }),
        }
    }

    /// The share that is named, of a group's estimates with an outcome; NaN of none, which no interval takes in.
    fn named(&self, estimates: &[&Labelled], number: u8, outcome: bool) -> f64 {
        let (mut named, mut of) = (0.0, 0.0);
        for estimate in estimates.iter().filter(|e| e.group == number && e.outcome == outcome) {
            of += 1.0;
            named += f64::from(u8::from(estimate.probability >= self.threshold));
        }
        named / of
    }

    fn rate(&self, number: u8, outcome: bool) -> Interval {
        let drawn = self.samples.iter().map(|s| self.named(s, number, outcome)).collect();
        interval::percentile(self.named(self.all, number, outcome), drawn)
    }

    /// Between the two groups that are furthest apart.
    fn gap(&self, groups: &[Group], outcome: bool) -> Option<Interval> {
        let mut known: Vec<(f64, u8)> = groups
            .iter()
            .filter(|group| group.rates.is_some())
            .map(|group| (self.named(self.all, group.group, outcome), group.group))
            .collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ((low, lowest), (high, highest)) = (*known.first()?, *known.last()?);
        if lowest == highest {
            return None;
        }
        let apart = |s: &Vec<&Labelled>| self.named(s, highest, outcome) - self.named(s, lowest, outcome);
        Some(interval::percentile(
            high - low,
            self.samples.iter().map(apart).collect(),
        ))
    }
}
