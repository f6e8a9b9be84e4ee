//! The contract says what the rules say: the same words in the same order, who may call, and nothing to print.

use lyceum::contracts::student_profiling::v1::{
    DataControlsChangedEvent, EvidenceSource, ProfilePurpose, SetDataControlsRequest, SkillObservedEvent, SkillStage,
};
use lyceum::contracts::{METHODS, Violations, method_index};
use lyceum::principal::Role;
use lyceum_student_profiling::domain::controls::{Purpose, Source};
use lyceum_student_profiling::domain::skills::Stage;

const SERVICE: &str = "/lyceum.student_profiling.v1.StudentProfilingService/";

#[test]
fn words_are_the_same_and_in_the_same_order() {
    let upper = |word: String| {
        let spaced: String = word
            .chars()
            .flat_map(|c| {
                c.is_uppercase()
                    .then_some('_')
                    .into_iter()
                    .chain([c.to_ascii_uppercase()])
            })
            .collect();
        spaced.trim_start_matches('_').to_owned()
    };
    for (number, source) in (1..).zip(Source::ALL) {
        let named = EvidenceSource::try_from(number).expect("it is in the contract");
        assert_eq!(
            named.as_str_name(),
            format!("EVIDENCE_SOURCE_{}", upper(format!("{source:?}")))
        );
    }
    for (number, purpose) in (1..).zip(Purpose::ALL) {
        let named = ProfilePurpose::try_from(number).expect("it is in the contract");
        assert_eq!(
            named.as_str_name(),
            format!("PROFILE_PURPOSE_{}", upper(format!("{purpose:?}")))
        );
    }
    for (number, stage) in (1..).zip(Stage::ALL) {
        let named = SkillStage::try_from(number).expect("it is in the contract");
        assert_eq!(
            named.as_str_name(),
            format!("SKILL_STAGE_{}", upper(format!("{stage:?}")))
        );
    }
    assert!(EvidenceSource::try_from(Source::ALL.len() as i32 + 1).is_err());
    assert!(ProfilePurpose::try_from(Purpose::ALL.len() as i32 + 1).is_err());
}

#[test]
fn only_students_and_their_parents_touch_the_controls() {
    let may = |method: &str, role: Role| {
        let index = method_index(&format!("{SERVICE}{method}")).expect("the method is in the contract");
        METHODS[index].access.roles().contains(role)
    };
    for method in ["GetDataControls", "SetDataControls"] {
        assert!(may(method, Role::Student) && may(method, Role::Parent));
        assert!(!may(method, Role::Educator) && !may(method, Role::Administrator) && !may(method, Role::Service));
    }
    assert!(!may("QueryCohort", Role::Student) && may("QueryCohort", Role::Educator));
    let methods = METHODS.iter().filter(|method| method.path.starts_with(SERVICE));
    let changing: Vec<&str> = methods
        .filter(|method| !method.idempotent)
        .filter_map(|method| method.path.strip_prefix(SERVICE))
        .collect();
    assert_eq!(
        changing,
        ["QueryCohort", "SetDataControls"],
        "what changes something is not tried twice"
    );
}

#[test]
fn a_students_name_is_never_printed() {
    let observed = SkillObservedEvent {
        student: "s-4711".to_owned(),
        observation: "essay-of-s-4711".to_owned(),
        ..SkillObservedEvent::default()
    };
    let changed = DataControlsChangedEvent {
        student: "s-4711".to_owned(),
        ..DataControlsChangedEvent::default()
    };
    let request = SetDataControlsRequest {
        student: "s-4711".to_owned(),
        ..SetDataControlsRequest::default()
    };
    assert!(!format!("{observed:?} {changed:?} {request:?}").contains("4711"));
    assert!(Violations::of(&request).is_empty());
}
