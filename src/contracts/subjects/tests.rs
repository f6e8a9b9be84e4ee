#![allow(clippy::unwrap_used, reason = "a test may panic")]

use tonic::Status;
use tonic_types::StatusExt as _;

use super::*;
use crate::contracts::testing::v1::{AddRecordsRequest, GetRecordRequest, ListRecordsRequest, Membership};

fn principal(role: Role, subject: &str, students: &[&str], classes: &[&str]) -> Principal {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Principal::try_new(subject, role)
        .and_then(|principal| principal.with_students(owned(students)))
        .and_then(|principal| principal.with_classes(owned(classes)))
        .unwrap()
}

fn record(student: &str, class: &str) -> GetRecordRequest {
    GetRecordRequest {
        student: student.to_owned(),
        class: class.to_owned(),
    }
}

/// The fields of a refusal; none where there was none.
fn refused(message: &impl Concerns, caller: &Principal) -> Vec<String> {
    let Err(error) = Named::check(message, caller) else {
        return Vec::new();
    };
    assert_eq!(
        (error.code(), error.reason()),
        (tonic::Code::PermissionDenied, "NOT_YOURS")
    );
    let status = Status::from(error);
    let shown = format!("{status:?}");
    assert!(
        !shown.contains("s-") && !shown.contains("c-"),
        "a value is told: {shown}"
    );
    let violations = status
        .get_details_bad_request()
        .into_iter()
        .flat_map(|request| request.field_violations);
    violations.map(|violation| violation.field).collect()
}

#[test]
fn students_have_themselves_and_parents_their_children() {
    let student = principal(Role::Student, "s-1", &[], &["c-1"]);
    let parent = principal(Role::Parent, "p-1", &["s-1", "s-2"], &[]);
    for (caller, student, class, expected) in [
        (&student, "s-1", "", vec![]),
        (&student, "s-1", "c-1", vec![]),
        (&student, "s-1", "c-2", vec!["class"]),
        (&student, "s-2", "", vec!["student"]),
        (&student, "s-2", "c-1", vec!["student"]),
        (&student, "", "c-1", vec!["student"]),
        (&student, "", "", vec!["student"]),
        (&parent, "s-2", "", vec![]),
        (&parent, "p-1", "", vec!["student"]),
    ] {
        let expected: Vec<&str> = expected;
        assert_eq!(refused(&record(student, class), caller), expected, "{student} {class}");
    }
}

#[test]
fn educators_have_whoever_stands_beside_a_class_of_theirs() {
    let educator = principal(Role::Educator, "e-1", &[], &["c-1", "c-2"]);
    assert!(refused(&record("s-9", "c-2"), &educator).is_empty());
    assert_eq!(refused(&record("s-9", "c-9"), &educator), ["student", "class"]);
    assert_eq!(refused(&record("s-9", ""), &educator), ["student", "class"]);
    let list = |classes: &[&str]| ListRecordsRequest {
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
    };
    assert!(refused(&list(&["c-1", "c-2"]), &educator).is_empty());
    assert_eq!(refused(&list(&["c-1", "c-9"]), &educator), ["classes"]);
    assert_eq!(refused(&list(&[]), &educator), ["classes"]);
}

#[test]
fn a_class_answers_for_its_own_message_alone() {
    let member = |student: &str, class: &str| Membership {
        student: student.to_owned(),
        class: class.to_owned(),
    };
    let educator = principal(Role::Educator, "e-1", &[], &["c-1"]);
    let both = AddRecordsRequest {
        members: vec![member("s-1", "c-1"), member("s-2", "c-1")],
    };
    assert!(refused(&both, &educator).is_empty());
    let smuggled = AddRecordsRequest {
        members: vec![member("s-1", "c-1"), member("s-2", "")],
    };
    assert_eq!(refused(&smuggled, &educator), ["members.student"]);
    // Nothing named is nothing granted.
    assert!(Named::check(&AddRecordsRequest::default(), &educator).is_err());
}

#[test]
fn administrators_and_services_may_see_everybody_and_strangers_nobody() {
    for role in [Role::Administrator, Role::Service] {
        assert!(refused(&record("s-1", "c-1"), &principal(role, "x", &[], &[])).is_empty());
    }
    assert!(!refused(&record("s-1", ""), &Principal::anonymous()).is_empty());
}

#[test]
fn no_message_shows_whom_it_names() {
    let shown = format!(
        "{:?} {:?}",
        record("s-1", "c-1"),
        ListRecordsRequest {
            classes: vec!["c-1".to_owned()]
        }
    );
    assert!(!shown.contains("s-1") && !shown.contains("c-1"), "{shown}");
}

#[test]
fn only_requests_that_name_somebody_are_looked_at() {
    use crate::contracts::testing::v1::{GetProbeRequest, GetRecordResponse};
    const {
        assert!(GetRecordRequest::CHECKED && AddRecordsRequest::CHECKED && ListRecordsRequest::CHECKED);
        assert!(!GetProbeRequest::CHECKED && !GetRecordResponse::CHECKED && !Membership::CHECKED);
    }
}
