//! Whether estimates are as good for one group of students as for another.
//!
//! What: at a threshold, the share of each group's students who were in need and were seen (true positives), and of those
//! who were not and were named all the same (false positives); the greatest differences between groups (equalised odds,
//! Hardt, Price & Srebro 2016); and calibration and AUC inside each group. Why both kinds: where groups differ in how
//! many are in need, no estimate can be equal in both (Kleinberg, Mullainathan & Raghavan 2017; Chouldechova 2017), so a
//! school must see both and choose. When not: groups are for this report alone; no signal, no alert and no threshold
//! knows them.

use super::{Labelled, auc, calibration_error, in_the_large, share, sound};
use crate::domain::interval::{self, Interval};

/// With fewer students in need, or fewer who are not, a group's rates say nothing.
pub const LEAST: u32 = 10;

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
#[derive(Clone, Debug, PartialEq)]
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
    counts: [(u32, u32); 2],
}

/// Groups beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Fairness {
    /// The threshold that the rates hold for.
    pub threshold: f64,
    /// Each group, by number.
    pub groups: Vec<Group>,
    /// The greatest difference of true positive rates between two groups (Newcombe's interval); absent where fewer than
    /// two groups have rates.
    pub true_positive_gap: Option<Interval>,
    /// The same of false positive rates.
    pub false_positive_gap: Option<Interval>,
}

/// Reports; `None` where nothing can be said of the estimates at all.
#[must_use]
pub fn fairness(estimates: &[Labelled], threshold: f64) -> Option<Fairness> {
    let all: Vec<&Labelled> = estimates.iter().collect();
    if !sound(&all) {
        return None;
    }
    let mut numbers: Vec<u8> = estimates.iter().map(|e| e.group).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let groups: Vec<Group> = numbers
        .into_iter()
        .map(|number| group(&all, number, threshold))
        .collect();
    Some(Fairness {
        threshold,
        true_positive_gap: gap(&groups, 0),
        false_positive_gap: gap(&groups, 1),
        groups,
    })
}

fn group(all: &[&Labelled], number: u8, threshold: f64) -> Group {
    let own: Vec<&Labelled> = all.iter().copied().filter(|e| e.group == number).collect();
    let count = |outcome: bool, named: bool| {
        let hits = own
            .iter()
            .filter(|e| e.outcome == outcome && (!named || e.probability >= threshold));
        hits.count() as u32
    };
    let counts = [
        (count(true, true), count(true, false)),
        (count(false, true), count(false, false)),
    ];
    let enough = counts.iter().all(|(_, of)| *of >= LEAST);
    Group {
        group: number,
        count: own.len() as u32,
        prevalence: share(&own),
        rates: enough.then(|| Rates {
            true_positive: interval::wilson(counts[0].0, counts[0].1),
            false_positive: interval::wilson(counts[1].0, counts[1].1),
            auc: auc(&own),
            calibration_error: calibration_error(&own),
            in_the_large: in_the_large(&own),
            counts,
        }),
    }
}

/// The greatest difference between two groups' rates.
fn gap(groups: &[Group], rate: usize) -> Option<Interval> {
    let mut known: Vec<(u32, u32)> = groups
        .iter()
        .filter_map(|group| group.rates.as_ref().map(|rates| rates.counts[rate]))
        .collect();
    if known.len() < 2 {
        return None;
    }
    let share = |(hits, of): &(u32, u32)| f64::from(*hits) / f64::from(*of);
    known.sort_by(|a, b| share(a).total_cmp(&share(b)));
    Some(interval::newcombe(known[known.len() - 1], known[0]))
}
