#![allow(clippy::unwrap_used, reason = "a test may panic")]

use lyceum::principal::Role;
use lyceum::privacy::Basis;

use super::*;
use crate::domain::consent::{Event, Giver};
use crate::domain::decision::{Reason, Remedy};
use crate::domain::regulation::Fact;

const NOW: Moment = Moment(1_790_000_000_000);

fn educator() -> Principal {
    Principal::try_new("e-5", Role::Educator).unwrap()
}

fn granted(category: Category, giver: Giver, until: Option<Moment>) -> Event {
    Event::Granted {
        subject: (category, Purpose::Support),
        level: Level::Learning,
        text: 1,
        giver,
        until,
        at: NOW,
    }
}

fn issue(events: &[Event], wanted: &[(Category, Level)], holder: &Principal) -> Result<Permit, Refusal> {
    let school = School::try_new(&["ferpa"], [Fact::Agreement], 16).unwrap();
    let keys = Keyring::try_new([(7, [1; 32], Moment(0))], 30).unwrap();
    let issuer = Issuer {
        school: &school,
        keys: &keys,
        retention_days: 365,
    };
    let student = Student {
        account: "account-1",
        age: Some(14),
        consents: &Consents::rebuild(events),
    };
    let issued = issuer.issue(holder, student, Purpose::Support, wanted, NOW)?;
    assert_eq!(issued.1.len(), wanted.len());
    Ok(issued.0)
}

const BOTH: &[(Category, Level)] = &[
    (Category::Result, Level::Processing),
    (Category::Profile, Level::Learning),
];

#[test]
fn a_permit_says_what_was_decided_and_ends_with_the_first_agreement() {
    let end = Moment(NOW.0 + 60_000);
    let events = [
        granted(Category::Result, Giver::Guardian, None),
        granted(Category::Profile, Giver::Student, Some(end)),
    ];
    let permit = issue(&events, BOTH, &educator()).unwrap();
    let bases: Vec<_> = permit
        .uses()
        .iter()
        .map(|one| (one.category, one.level, one.basis))
        .collect();
    // A warning builds on what was kept, so processing alone would not do.
    let learning = Level::Learning;
    assert_eq!(
        bases,
        [
            (Category::Result, learning, Basis::GuardianConsent),
            (Category::Profile, learning, Basis::Consent)
        ]
    );
    assert_eq!((permit.consents(), permit.expires()), (2, system(end)));
    assert!(permit.student().expose().starts_with("7-") && permit.is_for(&educator()));
    let kept = permit.privacy(Category::Result).unwrap().retention;
    assert_eq!(kept, Duration::from_secs(365 * 86_400));
}

#[test]
fn all_or_nothing_with_the_decision_that_stands_against_it() {
    let events = [granted(Category::Result, Giver::Student, None)];
    let Err(refusal @ Refusal::Decision { .. }) = issue(&events, BOTH, &educator()) else {
        panic!("a permit for half of it");
    };
    assert_eq!(
        refusal.to_string(),
        "the use of profile is not allowed: CONSENT_MISSING"
    );
    let Refusal::Decision { category, decision } = refusal else {
        unreachable!("matched above")
    };
    assert_eq!(category, Category::Profile);
    assert_eq!(decision.verdict, Err((Reason::ConsentMissing, Remedy::StudentConsent)));
    let metadata = decision.metadata();
    let told: Vec<_> = metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        told,
        [
            ("regulation", "house"),
            ("article", "house 6"),
            ("remedy", "student-consent")
        ]
    );
}

#[test]
fn nobody_and_nothing_get_no_permit() {
    let events = [granted(Category::Result, Giver::Student, None)];
    let wanted = &[(Category::Result, Level::Learning)];
    let nobody = issue(&events, wanted, &Principal::anonymous());
    assert_eq!(nobody, Err(Refusal::Permit(permit::Error::Nobody)));
    assert_eq!(
        issue(&events, &[], &educator()),
        Err(Refusal::Permit(permit::Error::Categories))
    );
    let twice = [wanted[0], wanted[0]];
    assert_eq!(
        issue(&events, &twice, &educator()),
        Err(Refusal::Permit(permit::Error::Categories))
    );
}
