//! The filter against Gaussian conditioning and a published series; the laws of trajectories.

use proptest::prelude::*;

use super::filter::{Model, Reading};
use super::*;
use crate::domain::controls::Source;
use crate::domain::observation::Raw;

fn observation(index: usize, hours: i64, value: f64, weight: f64) -> Observation {
    Observation::try_from(Raw {
        id: format!("o{index}"),
        skill: "cohesion".to_owned(),
        value,
        weight,
        at: 1_700_000_000_000 + hours * 3_600_000,
        source: Source::Writing,
    })
    .expect("it is valid")
}

fn series(most: usize) -> impl Strategy<Value = Vec<Observation>> {
    let hours = prop_oneof![4 => 0_i64..2_000, 1 => 0_i64..600_000, 1 => Just(0)];
    let value = prop_oneof![4 => 0.0..=1.0_f64, 1 => Just(0.0), 1 => Just(1.0)];
    let weight = prop_oneof![3 => Just(1.0), 1 => 1e-3..=1.0_f64];
    proptest::collection::vec((hours, value, weight), LEAST..=most).prop_map(|series| {
        series
            .into_iter()
            .enumerate()
            .map(|(index, (hours, value, weight))| observation(index, hours, value, weight))
            .collect()
    })
}

fn trajectory(observations: &[Observation], band: Band, horizon: u32) -> Result<Trajectory, Error> {
    Trajectory::of(observations, &Changes::of(observations), band, horizon)
}

fn band(percent: u32) -> Band {
    Band::parse(percent).expect("it is in range")
}

/// Solves `matrix x = right` by elimination with pivots: the slow and independent way to what the smoother does.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))
            .expect("there are rows");
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..size {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column].clone();
            for (entry, above) in matrix[row].iter_mut().zip(above).skip(column) {
                *entry -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// The covariance of the level at two days, by integrating the model's equations.
fn covariance(model: &Model, prior: &State, a: f64, b: f64) -> f64 {
    let (early, late) = (a.min(b), a.max(b));
    prior.level_variance
        + (a + b) * prior.covariance
        + a * b * prior.growth_variance
        + early * model.level_drift
        + (early.powi(3) / 3.0 + early * early * (late - early) / 2.0) * model.growth_drift
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The smoother is conditioning of a Gaussian on what was seen, whatever the times and weights.
    #[test]
    fn smoothing_is_conditioning(
        steps in proptest::collection::vec((0.0..30.0_f64, 0.0..1.0_f64, 0.05..1.0_f64), 1..12),
        noise in 0.02..0.3_f64,
        level_drift in 0.0..0.05_f64,
        growth_drift in 0.0..0.001_f64,
    ) {
        let mut day = 0.0;
        let readings: Vec<Reading> = steps
            .iter()
            .enumerate()
            .map(|(index, &(gap, value, weight))| {
                day += if index == 0 { 0.0 } else { gap };
                Reading { day, value, weight, jump: 0.0 }
            })
            .collect();
        let model = Model {
            noise: noise * noise,
            level_drift: level_drift * level_drift,
            growth_drift: growth_drift * growth_drift,
        };
        let seen: Vec<Vec<f64>> = readings
            .iter()
            .enumerate()
            .map(|(row, a)| {
                readings
                    .iter()
                    .enumerate()
                    .map(|(column, b)| {
                        let own = if row == column { model.noise / a.weight } else { 0.0 };
                        covariance(&model, &PRIOR, a.day, b.day) + own
                    })
                    .collect()
            })
            .collect();
        let away: Vec<f64> = readings.iter().map(|reading| reading.value - PRIOR.level).collect();
        let pull = solve(seen.clone(), away);
        let smoothed = filter::smooth(&model, PRIOR, &readings);
        for (at, (mean, variance)) in readings.iter().zip(&smoothed) {
            let across: Vec<f64> =
                readings.iter().map(|other| covariance(&model, &PRIOR, at.day, other.day)).collect();
            let expected: f64 = PRIOR.level + across.iter().zip(&pull).map(|(a, b)| a * b).sum::<f64>();
            let known: f64 = across.iter().zip(solve(seen.clone(), across.clone())).map(|(a, b)| a * b).sum();
            let left = covariance(&model, &PRIOR, at.day, at.day) - known;
            prop_assert!((mean - expected).abs() < 1e-7, "{mean} {expected}");
            prop_assert!((variance - left).abs() < 1e-7, "{variance} {left}");
        }
        let (_, last) = filter::run(&model, PRIOR, &readings);
        let (mean, variance) = smoothed[smoothed.len() - 1];
        prop_assert!((last.level - mean).abs() < 1e-9 && (last.level_variance - variance).abs() < 1e-9);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(observations in series(20), seed: u64) {
        let mut shuffled = observations.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(trajectory(&observations, band(90), 30), trajectory(&shuffled, band(90), 30));
    }

    #[test]
    fn every_figure_is_finite_and_in_its_band(observations in series(30), percent in 50_u32..=99, horizon in 0_u32..=90) {
        let trajectory = trajectory(&observations, band(percent), horizon).expect("there are enough");
        prop_assert_eq!(trajectory.points.len(), observations.len());
        for point in trajectory.points.iter().chain(&trajectory.forecast) {
            let Estimate { mean, deviation, lower, upper } = point.level;
            prop_assert!(deviation.is_finite() && deviation > 0.0);
            prop_assert!(0.0 <= lower && lower <= mean && mean <= upper && upper <= 1.0, "{:?}", point.level);
        }
        let Estimate { mean, deviation, lower, upper } = trajectory.growth;
        prop_assert!(lower < mean && mean < upper && deviation > 0.0 && upper.is_finite() && lower.is_finite());
        prop_assert!((0.0..=1.0).contains(&trajectory.growing));
        prop_assert!(trajectory.noise >= NOISE[0] - 1e-12 && trajectory.noise <= NOISE[NOISE.len() - 1] + 1e-12);
    }

    #[test]
    fn a_surer_band_holds_a_less_sure_one(observations in series(15), percent in 50_u32..=98) {
        let narrow = trajectory(&observations, band(percent), 14).expect("there are enough");
        let wide = trajectory(&observations, band(percent + 1), 14).expect("there are enough");
        for (narrow, wide) in narrow.points.iter().zip(&wide.points) {
            prop_assert!(wide.level.lower <= narrow.level.lower && narrow.level.upper <= wide.level.upper);
        }
        prop_assert!(wide.growth.lower < narrow.growth.lower && narrow.growth.upper < wide.growth.upper);
    }

    #[test]
    fn the_farther_ahead_the_less_is_known(observations in series(15)) {
        let trajectory = trajectory(&observations, band(90), 90).expect("there are enough");
        prop_assert!(trajectory.forecast.is_sorted_by(|a, b| a.at < b.at));
        let today = trajectory.points[trajectory.points.len() - 1].level.mean;
        prop_assert!((trajectory.forecast[0].level.mean - today).abs() < 1e-9);
        prop_assert!(trajectory.forecast.is_sorted_by(|a, b| a.level.deviation <= b.level.deviation));
    }

    /// What is mirrored is estimated mirrored: no direction is preferred.
    #[test]
    fn up_and_down_are_treated_alike(values in proptest::collection::vec(0_u32..=16, 3..12)) {
        // Sixteenths, so that one minus a value is exact.
        let make = |mirror: bool| -> Vec<Observation> {
            values
                .iter()
                .enumerate()
                .map(|(index, &value)| {
                    let value = f64::from(value) / 16.0;
                    observation(index, index as i64 * 50, if mirror { 1.0 - value } else { value }, 1.0)
                })
                .collect()
        };
        let one = trajectory(&make(false), band(90), 0).expect("there are enough");
        let other = trajectory(&make(true), band(90), 0).expect("there are enough");
        prop_assert!((one.growth.mean + other.growth.mean).abs() < 1e-9);
        prop_assert!((one.growing + other.growing - 1.0).abs() < 1e-9);
        for (a, b) in one.points.iter().zip(&other.points) {
            prop_assert!((a.level.mean + b.level.mean - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn little_is_refused_and_much_is_cut_to_the_newest() {
    let many: Vec<Observation> = (0..500).map(|i| observation(i, i as i64 * 10, 0.5, 1.0)).collect();
    assert_eq!(trajectory(&many[..2], band(90), 0), Err(Error::TooFew));
    assert_eq!(trajectory(&many, band(90), 91), Err(Error::Horizon));
    let trajectory = trajectory(&many, band(90), 0).expect("there are enough");
    assert_eq!(trajectory.points.len(), MOST);
    assert_eq!(trajectory.points[MOST - 1].at, many[499].at());
    assert_eq!(Band::parse(49), Err(Error::Band));
    assert_eq!(Band::parse(100), Err(Error::Band));
}

#[test]
fn forecasts_go_by_weeks_and_end_at_the_horizon() {
    assert_eq!(ahead(0).count(), 0);
    assert_eq!(ahead(7).collect::<Vec<_>>(), [0, 7]);
    assert_eq!(ahead(16).collect::<Vec<_>>(), [0, 7, 14, 16]);
}

/// The flow of the Nile at Aswan 1871–1970 in 10⁸ m³ (Cobb 1978), on which Durbin & Koopman 2012 fit the local level
/// model of chapter 2.
pub(crate) const NILE: [f64; 100] = [
    1120., 1160., 963., 1210., 1160., 1160., 813., 1230., 1370., 1140., 995., 935., 1110., 994., 1020., 960., 1180.,
    799., 958., 1140., 1100., 1210., 1150., 1250., 1260., 1220., 1030., 1100., 774., 840., 874., 694., 940., 833.,
    701., 916., 692., 1020., 1050., 969., 831., 726., 456., 824., 702., 1120., 1100., 832., 764., 821., 768., 845.,
    864., 862., 698., 845., 744., 796., 1040., 759., 781., 865., 845., 944., 984., 897., 822., 1010., 771., 676., 649.,
    846., 812., 742., 801., 1040., 860., 874., 848., 890., 744., 749., 838., 1050., 918., 986., 797., 923., 975., 815.,
    1020., 906., 901., 1170., 912., 746., 919., 718., 714., 740.,
];

#[test]
fn the_filter_has_the_books_figures_of_the_nile() {
    let model = Model {
        noise: 15_099.0,
        level_drift: 1_469.1,
        growth_drift: 0.0,
    };
    let wide = State {
        level: 0.0,
        growth: 0.0,
        level_variance: 1e7,
        covariance: 0.0,
        growth_variance: 0.0,
    };
    let readings: Vec<Reading> = NILE
        .iter()
        .zip(0_u32..)
        .map(|(&value, year)| Reading {
            day: f64::from(year),
            value,
            weight: 1.0,
            jump: 0.0,
        })
        .collect();
    let (likelihood, last) = filter::run(&model, wide, &readings);
    // Chapter 2: the filtered variance settles at 4032.2; forecasts stay at 798.4.
    assert!((last.level - 798.4).abs() < 0.1, "{}", last.level);
    assert!((last.level_variance - 4032.2).abs() < 0.5, "{}", last.level_variance);
    // The diffuse likelihood leaves out the first reading, for which nothing is known (Helske 2017 reports -632.54).
    let first = -0.5 * ((std::f64::consts::TAU * (1e7 + model.noise)).ln() + 1120.0 * 1120.0 / (1e7 + model.noise));
    let diffuse = likelihood - first;
    println!(
        "Nile: last level {:.2}, variance {:.1}, diffuse log-likelihood {diffuse:.2}",
        last.level, last.level_variance
    );
    assert!((diffuse - -632.54).abs() < 0.01, "{diffuse}");
    // No reading after the last: smoothed and filtered agree there; in the middle the smoother knows more.
    let smoothed = filter::smooth(&model, wide, &readings);
    assert!((smoothed[99].0 - last.level).abs() < 1e-6);
    assert!((smoothed[50].1 - 2326.8).abs() < 1.0, "{}", smoothed[50].1);
}
