//! The laws of assessments.

use proptest::prelude::*;

use super::*;
use crate::domain::controls::Source;
use crate::domain::observation::{DAY, Raw};

const NOW: i64 = 1_700_000_000_000;

fn now() -> When {
    When::parse(NOW).expect("it is in range")
}

fn observation(index: usize, days_ago: i64, value: f64, weight: f64) -> Observation {
    Observation::try_from(Raw {
        id: format!("o{index}"),
        skill: "cohesion".to_owned(),
        value,
        weight,
        at: NOW - days_ago * DAY,
        source: Source::Writing,
    })
    .expect("it is valid")
}

fn assess(observations: &[Observation], now: When) -> Assessment {
    Assessment::of(observations, &Changes::of(observations), now).expect("the band exists")
}

fn series(most: usize) -> impl Strategy<Value = Vec<Observation>> {
    let value = prop_oneof![4 => 0.0..=1.0_f64, 1 => Just(0.0), 1 => Just(1.0)];
    let age = prop_oneof![4 => 0_i64..400, 1 => 0_i64..19_000, 1 => -300_i64..0];
    proptest::collection::vec((age, value, 1e-3..=1.0_f64), 0..=most).prop_map(|series| {
        series
            .into_iter()
            .enumerate()
            .map(|(index, (age, value, weight))| observation(index, age, value, weight))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_figure_is_finite_and_in_its_band(observations in series(40)) {
        let Assessment { level, stages, evidence, .. } = assess(&observations, now());
        prop_assert!(0.0 <= level.lower && level.lower <= level.mean && level.mean <= level.upper && level.upper <= 1.0);
        prop_assert!(level.deviation > 0.0 && level.deviation.is_finite());
        prop_assert!(evidence >= 0.0 && evidence.is_finite());
        prop_assert!((stages.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!(stages.iter().all(|share| (0.0..=1.0).contains(share)));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(observations in series(20), seed: u64) {
        let mut shuffled = observations.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(assess(&observations, now()), assess(&shuffled, now()));
    }

    #[test]
    fn without_new_work_less_and_less_is_known_and_no_level_moves(observations in series(20), days in 0_u32..400) {
        let (before, after) = (assess(&observations, now()), assess(&observations, now().plus_days(days)));
        prop_assert!(after.level.deviation >= before.level.deviation - 1e-12);
        prop_assert!(after.evidence <= before.evidence + 1e-9);
        prop_assert!((after.level.mean - before.level.mean).abs() < 1e-12);
    }

    /// The last point of a trajectory and an assessment of that moment are the same belief.
    #[test]
    fn an_assessment_agrees_with_the_trajectory(observations in series(20)) {
        prop_assume!(observations.len() >= growth::LEAST);
        let latest = observations.iter().map(Observation::at).max().expect("there are some");
        let assessment = assess(&observations, latest);
        let band = Band::parse(BAND_PERCENT).expect("it is in range");
        let trajectory =
            growth::Trajectory::of(&observations, &Changes::of(&observations), band, 0).expect("there are enough");
        let last = trajectory.points[trajectory.points.len() - 1].level;
        prop_assert!((assessment.level.mean - last.mean).abs() < 1e-6);
        prop_assert!((assessment.level.deviation - last.deviation).abs() < 1e-6);
    }
}

#[test]
fn nothing_known_is_a_guess_and_much_alike_is_sure() {
    let nothing = assess(&[], now());
    assert_eq!(
        (nothing.level.mean, nothing.sureness(), nothing.latest),
        (0.5, Sureness::Guess, None)
    );
    let much: Vec<Observation> = (0..20).map(|i| observation(i, i as i64 * 3, 0.85, 1.0)).collect();
    let known = assess(&much, now());
    assert_eq!((known.sureness(), known.stage().0), (Sureness::Sure, Stage::Extending));
    assert!(known.at_most(Stage::Extending) > 0.999 && known.at_most(Stage::Secure) < 0.1);
    let unseen = assess(&much, now().plus_days(3 * 365));
    assert!(unseen.sureness() == Sureness::Guess, "{unseen:?}");
}
