//! The laws of data controls.

use proptest::prelude::*;

use super::*;

const CONSENTS: [Consent; 4] = [Consent::None, Consent::Processing, Consent::Learning, Consent::Research];

fn any_use() -> impl Strategy<Value = Use> {
    proptest::sample::select(Use::all().collect::<Vec<_>>())
}

fn any_controls() -> impl Strategy<Value = Controls> {
    proptest::collection::vec((any_use(), any::<bool>()), 0..20).prop_map(|switches| {
        switches
            .into_iter()
            .fold(Controls::default(), |controls, (target, on)| {
                controls.with(&[Switch { target, on }]).expect("the use exists")
            })
    })
}

proptest! {
    #[test]
    fn a_switch_does_what_it_says_and_nothing_else(controls in any_controls(), target in any_use(), on: bool) {
        let after = controls.with(&[Switch { target, on }]).expect("the use exists");
        for other in Use::all() {
            prop_assert_eq!(after.on(other), if other == target { on } else { controls.on(other) });
        }
    }

    #[test]
    fn less_consent_never_allows_more(controls in any_controls(), target in any_use()) {
        for pair in CONSENTS.windows(2) {
            prop_assert!(controls.allow(target, pair[0]) <= controls.allow(target, pair[1]));
        }
    }

    #[test]
    fn the_order_of_switches_of_different_uses_does_not_matter(
        controls in any_controls(),
        switches in proptest::sample::subsequence(Use::all().collect::<Vec<_>>(), 0..=10),
        on: bool,
    ) {
        let mut switches: Vec<_> = switches.into_iter().map(|target| Switch { target, on }).collect();
        let forward = controls.with(&switches);
        switches.reverse();
        prop_assert_eq!(forward, controls.with(&switches));
    }

    #[test]
    fn controls_survive_storage(controls in any_controls()) {
        let stored = serde_json::to_string(&controls).expect("it is plain");
        prop_assert_eq!(serde_json::from_str::<Controls>(&stored).expect("it was written here"), controls);
    }
}

#[test]
fn what_leaves_the_classroom_is_off_until_turned_on() {
    let untouched = Controls::default();
    for target in Use::all() {
        let near = matches!(
            target.purpose,
            Purpose::OwnProfile | Purpose::Recommendation | Purpose::EducatorView
        );
        assert_eq!(untouched.on(target), near, "{target:?}");
        assert!(
            !untouched.allow(target, Consent::Processing),
            "nothing is kept without consent to keep"
        );
    }
}

#[test]
fn a_pair_that_no_purpose_needs_cannot_be_turned_on() {
    let mut refused = 0;
    for purpose in Purpose::ALL {
        for source in Source::ALL {
            let target = Use { purpose, source };
            let result = Controls::default().with(&[Switch { target, on: true }]);
            if !target.exists() {
                refused += 1;
                assert_eq!(result, Err(Error::Unknown(target)));
                assert!(!Controls::default().allow(target, Consent::Research));
            }
        }
    }
    assert_eq!(refused, 36 - Use::all().count());
}

#[test]
fn all_switches_are_set_or_none() {
    let first = Use::all().next().expect("there are uses");
    let twice = [Switch {
        target: first,
        on: false,
    }; 2];
    assert_eq!(Controls::default().with(&twice), Err(Error::Twice(first)));
}

#[test]
fn what_is_off_for_everything_is_not_kept() {
    let off: Vec<Switch> = Use::all()
        .filter(|target| target.source == Source::Assistance)
        .map(|target| Switch { target, on: false })
        .collect();
    let controls = Controls::default().with(&off).expect("they exist");
    assert!(!controls.allow_any(Source::Assistance, Consent::Research));
    assert!(controls.allow_any(Source::Writing, Consent::Learning));
    assert!(!controls.allow_any(Source::Writing, Consent::Processing));
}

#[test]
fn every_use_says_what_it_gives_and_what_is_lost() {
    let mut sentences: Vec<String> = Use::all()
        .flat_map(|target| [target.gives(), target.lost_when_off()])
        .collect();
    assert!(
        sentences
            .iter()
            .all(|sentence| sentence.ends_with('.') && sentence.len() < 200)
    );
    let count = sentences.len();
    sentences.sort_unstable();
    sentences.dedup();
    assert_eq!(sentences.len(), count, "no two uses are explained alike");
}
