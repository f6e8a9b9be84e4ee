#![allow(clippy::unwrap_used, reason = "a test may panic")]

use tonic::Code;

use super::*;
use crate::contracts;

fn refused(access: Access, principal: &Principal) -> (Code, &'static str) {
    let error = access.permits(principal).unwrap_err();
    (error.code(), error.reason())
}

#[test]
fn a_role_lets_in_and_nothing_said_lets_nobody_in() {
    let access = Access::of(&[Role::Educator, Role::Administrator]);
    let educator = Principal::try_new("e-1", Roles::of(&[Role::Parent, Role::Educator])).unwrap();
    let student = Principal::try_new("s-1", Role::Student).unwrap();
    let nobody = Principal::anonymous();
    assert_eq!(access.permits(&educator), Ok(()));
    assert_eq!(refused(access, &student), (Code::PermissionDenied, "ROLE_MISSING"));
    assert_eq!(refused(access, &nobody), (Code::Unauthenticated, "PRINCIPAL_MISSING"));
    for principal in [&educator, &student, &nobody] {
        assert_eq!(Access::ANYONE.permits(principal), Ok(()));
        assert_eq!(
            refused(Access::DENIED, principal),
            (Code::PermissionDenied, "ACCESS_UNDECLARED")
        );
    }
    let message = access.permits(&student).unwrap_err().to_string();
    assert!(message.contains("educator, administrator"), "{message}");
}

#[test]
fn every_method_says_who_may_call_it_but_the_one_that_tests_need() {
    let undeclared: Vec<&str> = contracts::METHODS
        .iter()
        .filter(|method| method.access == Access::DENIED)
        .map(|method| method.path)
        .collect();
    assert_eq!(undeclared, ["/lyceum.testing.v1.RecordsService/DeleteRecords"]);
    let index = contracts::method_index("/lyceum.testing.v1.RecordsService/ListRecords").unwrap();
    assert_eq!(
        contracts::METHODS[index].access,
        Access::of(&[Role::Educator, Role::Administrator])
    );
}

#[test]
fn roles_have_names_and_make_sets() {
    for role in Role::ALL {
        assert_eq!(role.name().parse(), Ok(role));
        assert!(Roles::from(role).contains(role) && !Roles::NONE.contains(role));
    }
    assert!("Student".parse::<Role>().is_err());
    let both: Roles = [Role::Parent, Role::Student].into_iter().collect();
    assert_eq!(both, Roles::of(&[Role::Student, Role::Parent]));
    assert_eq!(both.to_string(), "student, parent");
}

#[test]
fn names_that_could_tell_who_somebody_is_are_no_pseudonyms() {
    for name in ["", "ada@school.example", "Ada Lovelace", "anonymous", &"x".repeat(129)] {
        assert!(Principal::try_new(name, Role::Student).is_err(), "{name}");
    }
    let parent = Principal::try_new("p", Role::Parent).unwrap();
    assert_eq!(
        parent.clone().with_students(vec!["s".to_owned(); 65]),
        Err(Error::Many("students"))
    );
    assert_eq!(parent.with_classes(vec![String::new()]), Err(Error::Name("a class")));
}

#[test]
fn a_student_has_themselves_and_a_parent_their_children() {
    let student = Principal::try_new("s-1", Role::Student).unwrap();
    assert!(student.has_student("s-1") && !student.has_student("s-2"));
    let parent = Principal::try_new("p-1", Role::Parent)
        .unwrap()
        .with_students(vec!["s-1".to_owned()])
        .unwrap();
    assert!(parent.has_student("s-1") && !parent.has_student("p-1"));
    assert!(!format!("{parent:?}").contains("-1"), "{parent:?}");
}

#[test]
fn a_certificate_makes_a_service_or_an_administrator() {
    let of = |id: SpiffeId| Principal::of_certificate(&id).roles();
    assert_eq!(
        of(SpiffeId::service("d", "dc1", "ai-validator").unwrap()),
        Role::Service.into()
    );
    assert_eq!(of(SpiffeId::operator("d", "ada").unwrap()), Role::Administrator.into());
    let other = SpiffeId::parse("spiffe://d/somebody/else").unwrap();
    assert!(Principal::of_certificate(&other).is_anonymous());
}
