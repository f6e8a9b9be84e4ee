//! Figures with their uncertainty: 95 % intervals that hold what they say on few observations too.
//!
//! What: Wilson's interval for a share, Newcombe's for the difference of two shares, Mantel and
//! Haenszel's for it among what is alike, Student's for a mean, percentiles
//! for whatever was bootstrapped. Why these: the textbook interval of a share is empty at 0 of 10 and leaves 0 to 1;
//! Wilson's does neither (Agresti & Coull 1998). When not: none of them makes a biased sample right.
//! Sources: Wilson 1927; Newcombe 1998 (method 10); Mantel & Haenszel 1959; Student 1908; Efron & Tibshirani 1993.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The confidence of every interval here.
pub const CONFIDENCE: f64 = 0.95;
const Z: f64 = 1.959_963_984_540_054;

/// A figure; `low <= estimate <= high`, all finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The figure.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Of a share: `hits` of `of`. Nothing of nothing is anything: 0.5, from 0 to 1.
#[must_use]
pub fn wilson(hits: u32, of: u32) -> Interval {
    if of == 0 {
        return Interval {
            estimate: 0.5,
            low: 0.0,
            high: 1.0,
        };
    }
    let n = f64::from(of);
    let p = f64::from(hits.min(of)) / n;
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Interval {
        estimate: p,
        // Rounding may push an end past the figure itself at 0 and 1.
        low: (centre - half).clamp(0.0, p),
        high: (centre + half).clamp(p, 1.0),
    }
}

/// Of the difference of two shares, the first less the second.
#[must_use]
pub fn newcombe(first: (u32, u32), second: (u32, u32)) -> Interval {
    let (a, b) = (wilson(first.0, first.1), wilson(second.0, second.1));
    let estimate = a.estimate - b.estimate;
    let below = ((a.estimate - a.low).powi(2) + (b.high - b.estimate).powi(2)).sqrt();
    let above = ((a.high - a.estimate).powi(2) + (b.estimate - b.low).powi(2)).sqrt();
    Interval {
        estimate,
        low: (estimate - below).max(-1.0),
        high: (estimate + above).min(1.0),
    }
}

/// One stratum: improved and all with something, improved and all without.
pub type Stratum = [(u32, u32); 2];

/// Of the difference of two shares among what is alike: each stratum counts by what it can tell (Mantel & Haenszel 1959;
/// the variance of Sato, Greenland & Robins 1989). `None` where no stratum has both sides.
#[must_use]
pub fn mantel_haenszel(strata: impl IntoIterator<Item = Stratum>) -> Option<Interval> {
    let (mut weights, mut differences, mut p_sum, mut q_sum) = (0.0, 0.0, 0.0, 0.0);
    for [(a, n1), (b, n0)] in strata {
        if n1 == 0 || n0 == 0 {
            continue;
        }
        let [a, n1, b, n0] = [a.min(n1), n1, b.min(n0), n0].map(f64::from);
        let n = n1 + n0;
        weights += n1 * n0 / n;
        differences += (a * n0 - b * n1) / n;
        p_sum += (n1 * n1 * b - n0 * n0 * a + n1 * n0 * (n0 - n1) / 2.0) / (n * n);
        q_sum += (a * (n0 - b) + b * (n1 - a)) / (2.0 * n);
    }
    if weights == 0.0 {
        return None;
    }
    let estimate = differences / weights;
    let half = Z * (estimate * p_sum + q_sum).max(0.0).sqrt() / weights;
    Some(Interval {
        estimate,
        low: (estimate - half).max(-1.0),
        high: (estimate + half).min(1.0),
    })
}

/// Of a mean; `None` for fewer than two values or one that is not finite.
#[must_use]
pub fn student(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|value| value / n).sum::<f64>();
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.975) * (variance / n).sqrt();
    (mean.is_finite() && half.is_finite()).then_some(Interval {
        estimate: mean,
        low: mean - half,
        high: mean + half,
    })
}

/// Around a figure, from the same figure of bootstrap samples.
#[must_use]
pub fn percentile(estimate: f64, mut drawn: Vec<f64>) -> Interval {
    drawn.retain(|value| value.is_finite());
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * drawn.len() as f64) as usize;
        drawn.get(place.min(drawn.len().saturating_sub(1))).copied()
    };
    Interval {
        estimate,
        low: at(0.025).map_or(estimate, |low| low.min(estimate)),
        high: at(0.975).map_or(estimate, |high| high.max(estimate)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(found: Interval, expected: [f64; 3]) {
        for (found, expected) in [found.estimate, found.low, found.high].into_iter().zip(expected) {
            assert!((found - expected).abs() < 5e-5, "{found} is not {expected}");
        }
    }

    /// Figures that the publications print.
    #[test]
    fn published_examples_come_out() {
        // Newcombe 1998, two independent proportions, tables I and II: 56/70 less 48/80, and 9/10 less 3/10.
        close(newcombe((56, 70), (48, 80)), [0.2, 0.0524, 0.3339]);
        close(newcombe((9, 10), (3, 10)), [0.6, 0.1705, 0.8090]);
        // Newcombe 1998, single proportions: 81 of 263, and 0 of 20.
        close(wilson(81, 263), [0.307_98, 0.2553, 0.3662]);
        close(wilson(0, 20), [0.0, 0.0, 0.1611]);
    }

    #[test]
    fn a_mean_is_told_with_students_interval() {
        // Five values of mean 3 and variance 2.5: 3 ± 2.776 · sqrt(0.5).
        let found = student(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        close(
            found.unwrap_or(wilson(0, 0)),
            [3.0, 3.0 - 2.776_445 * 0.5_f64.sqrt(), 3.0 + 2.776_445 * 0.5_f64.sqrt()],
        );
        assert_eq!(student(&[1.0]), None);
        assert_eq!(student(&[1.0, f64::NAN]), None);
    }

    /// In each stratum it helps, in the heap it seems to harm, because it was tried where things were worst.
    #[test]
    fn what_is_alike_is_compared_with_what_is_alike() {
        let strata = [[(18, 20), (64, 80)], [(32, 80), (6, 20)]];
        let heap = newcombe((50, 100), (70, 100));
        assert!(heap.high < 0.0);
        let adjusted = mantel_haenszel(strata).unwrap_or(heap);
        assert!((adjusted.estimate - 0.1).abs() < 1e-12, "{adjusted:?}");
        assert!(adjusted.low < 0.0 && adjusted.high > 0.2);
        assert_eq!(mantel_haenszel([[(1, 2), (0, 0)]]), None);
    }

    proptest! {
        #[test]
        fn one_stratum_is_the_plain_difference_and_order_says_nothing(
            strata in prop::collection::vec(prop::array::uniform4(0_u32..60), 1..6),
        ) {
            let strata: Vec<Stratum> = strata.into_iter().map(|[a, b, c, d]| [(a, a + b), (c, c + d)]).collect();
            if let Some(one) = mantel_haenszel([strata[0]]) {
                let plain = newcombe(strata[0][0], strata[0][1]);
                prop_assert!((one.estimate - plain.estimate).abs() < 1e-12);
            }
            let there = mantel_haenszel(strata.clone());
            let back = mantel_haenszel(strata.iter().rev().copied());
            prop_assert_eq!(there.is_some(), back.is_some());
            if let (Some(there), Some(back)) = (there, back) {
                prop_assert!((there.estimate - back.estimate).abs() < 1e-9 && (there.low - back.low).abs() < 1e-9);
                prop_assert!(there.low <= there.estimate && there.estimate <= there.high);
                prop_assert!((-1.0..=1.0).contains(&there.low) && (-1.0..=1.0).contains(&there.high));
            }
        }

        #[test]
        fn shares_stay_shares_and_more_observations_tell_more(hits in 0_u32..200, more in 0_u32..200) {
            let of = hits + more;
            let share = wilson(hits, of);
            prop_assert!(0.0 <= share.low && share.low <= share.estimate);
            prop_assert!(share.estimate <= share.high && share.high <= 1.0);
            if of > 0 {
                let surer = wilson(hits * 10, of * 10);
                prop_assert!(surer.high - surer.low < share.high - share.low);
            }
        }

        #[test]
        fn differences_are_told_the_same_from_both_sides(a in 0_u32..50, b in 0_u32..50, c in 0_u32..50, d in 0_u32..50) {
            let there = newcombe((a, a + b), (c, c + d));
            let back = newcombe((c, c + d), (a, a + b));
            prop_assert!(there.low <= there.estimate && there.estimate <= there.high);
            prop_assert!((-1.0..=1.0).contains(&there.low) && (-1.0..=1.0).contains(&there.high));
            prop_assert!((there.low + back.high).abs() < 1e-12 && (there.high + back.low).abs() < 1e-12);
        }

        #[test]
        fn a_mean_of_any_finite_values_is_none_or_finite(values in prop::collection::vec(prop::num::f64::ANY, 0..20)) {
            if let Some(mean) = student(&values) {
                prop_assert!(mean.low.is_finite() && mean.high.is_finite());
                prop_assert!(mean.low <= mean.estimate && mean.estimate <= mean.high);
            }
        }

        #[test]
        fn bootstrapped_figures_lie_in_their_interval(
            estimate in -1.0..1.0_f64,
            drawn in prop::collection::vec(-1.0..1.0_f64, 0..50),
        ) {
            let found = percentile(estimate, drawn);
            prop_assert!(found.low <= estimate && estimate <= found.high);
        }
    }
}
