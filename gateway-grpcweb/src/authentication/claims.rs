//! From the claims of a verified token to a principal.
//!
//! Which claim says what is the issuer's configuration, because every identity provider has its own names: a plain
//! claim, one whose name has dots in it (`https://school.example/roles`), or one inside an object (`realm_access.roles`).
//! A list may be an array or one string with blanks, as `scope` is. Roles that are none of ours, or that the issuer may
//! not grant, are passed over; whoever has none is known, and may call what is for anyone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lyceum::configuration;
use lyceum::principal::{self, Principal, Role, Roles};
use serde_json::{Map, Value};

use super::pseudonyms::Pseudonyms;

pub(super) type Claims = Map<String, Value>;

/// Why claims make no principal. Says nothing of what stood in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("the token's claim for the subject is missing or no text")]
    NoSubject,
    #[error("the token's {0} are not a list of texts")]
    NoList(&'static str),
    #[error(
        "a name in the token is no pseudonym, and the gateway has no key to make one of it (gateway.authentication.pseudonym_key)"
    )]
    NoPseudonym,
    #[error(transparent)]
    Principal(#[from] principal::Error),
}

/// How the claims of one issuer are read.
#[derive(Debug)]
pub(super) struct Mapping {
    subject: String,
    roles: String,
    students: String,
    classes: String,
    names: BTreeMap<String, Role>,
    may_grant: Option<Vec<Role>>,
    hash: bool,
    pseudonyms: Arc<Pseudonyms>,
}

// === impl Mapping ===

impl Mapping {
    /// What is no role in the settings was refused by the configuration's rules.
    pub(super) fn new(settings: &configuration::Issuer, pseudonyms: Arc<Pseudonyms>) -> Self {
        let role = |name: &String| name.parse::<Role>().ok();
        Self {
            subject: settings.subject.clone(),
            roles: settings.roles.clone(),
            students: settings.students.clone(),
            classes: settings.classes.clone(),
            names: settings
                .role_names
                .iter()
                .filter_map(|(theirs, ours)| Some((theirs.clone(), role(ours)?)))
                .collect(),
            may_grant: (!settings.may_grant.is_empty()).then(|| settings.may_grant.iter().filter_map(role).collect()),
            hash: settings.hash_subjects,
            pseudonyms,
        }
    }

    /// Who the claims speak of.
    pub(super) fn principal(&self, claims: &Claims, expires: u64) -> Result<Principal, Error> {
        let subject = find(claims, &self.subject)
            .and_then(Value::as_str)
            .ok_or(Error::NoSubject)?;
        let roles: Roles = list(claims, &self.roles, "roles")?
            .into_iter()
            .filter_map(|name| self.role(name))
            .collect();
        let expires: SystemTime = UNIX_EPOCH + Duration::from_secs(expires);
        Ok(Principal::try_new(self.pseudonym(subject)?, roles)?
            .with_students(self.pseudonyms(claims, &self.students, "students")?)?
            .with_classes(self.pseudonyms(claims, &self.classes, "classes")?)?
            .until(expires))
    }

    fn role(&self, name: &str) -> Option<Role> {
        let role = self.names.get(name).copied().or_else(|| name.parse().ok())?;
        self.may_grant
            .as_ref()
            .is_none_or(|granted| granted.contains(&role))
            .then_some(role)
    }

    fn pseudonym(&self, name: &str) -> Result<String, Error> {
        self.pseudonyms.of(name, self.hash).ok_or(Error::NoPseudonym)
    }

    fn pseudonyms(&self, claims: &Claims, claim: &str, what: &'static str) -> Result<Vec<String>, Error> {
        let names = list(claims, claim, what)?;
        // Before the work of hashing them.
        if names.len() > principal::MOST {
            return Err(principal::Error::Many(what).into());
        }
        names.into_iter().map(|name| self.pseudonym(name)).collect()
    }
}

/// A claim by its name, or by a path of names.
fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (outer, inner) = name.split_once('.')?;
    find(claims.get(outer)?.as_object()?, inner)
}

/// A claim as a list; absent means empty.
fn list<'a>(claims: &'a Claims, name: &str, what: &'static str) -> Result<Vec<&'a str>, Error> {
    match find(claims, name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split_ascii_whitespace().collect()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().ok_or(Error::NoList(what)))
            .collect(),
        Some(_) => Err(Error::NoList(what)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping(change: impl FnOnce(&mut configuration::Issuer)) -> Mapping {
        let mut settings = configuration::Issuer::new("i", "a", "k");
        change(&mut settings);
        Mapping::new(&settings, Arc::new(Pseudonyms::open(None).unwrap()))
    }

    fn read(mapping: &Mapping, claims: Value) -> Result<Principal, Error> {
        mapping.principal(claims.as_object().unwrap(), 1_800_000_000)
    }

    #[test]
    fn the_usual_claims_make_a_principal() {
        let claims = json!({ "sub": "p-1", "roles": ["parent", "janitor"], "students": "s-1 s-2", "classes": null });
        let parent = read(&mapping(|_| {}), claims).unwrap();
        assert_eq!(parent.roles(), Role::Parent.into());
        assert!(parent.has_student("s-2") && !parent.has_student("s-3"));
        assert_eq!(parent.expires(), Some(UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
        let nobody = read(&mapping(|_| {}), json!({ "sub": "x" })).unwrap();
        assert!(nobody.roles().is_empty() && !nobody.is_anonymous());
    }

    #[test]
    fn claims_have_the_names_that_the_issuer_gives_them() {
        let mapping = mapping(|settings| {
            settings.roles = "realm.access.roles".to_owned();
            settings.classes = "https://school.example/groups".to_owned();
            settings.role_names = [("teacher".to_owned(), "educator".to_owned())].into();
        });
        let claims = json!({
            "sub": "e-1", "realm": { "access": { "roles": ["teacher"] } }, "https://school.example/groups": ["5b"]
        });
        let educator = read(&mapping, claims).unwrap();
        assert_eq!(educator.roles(), Role::Educator.into());
        assert!(educator.has_class("5b"));
    }

    #[test]
    fn an_issuer_grants_what_it_may_and_no_more() {
        let mapping = mapping(|settings| settings.may_grant = vec!["student".to_owned()]);
        let claims = json!({ "sub": "s-1", "roles": "student administrator" });
        assert_eq!(read(&mapping, claims).unwrap().roles(), Role::Student.into());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let refused = |claims| read(&mapping(|_| {}), claims).unwrap_err();
        assert_eq!(refused(json!({})), Error::NoSubject);
        assert_eq!(refused(json!({ "sub": 7 })), Error::NoSubject);
        assert_eq!(refused(json!({ "sub": "ada@school.example" })), Error::NoPseudonym);
        assert_eq!(
            refused(json!({ "sub": "s", "roles": { "a": 1 } })),
            Error::NoList("roles")
        );
        assert_eq!(
            refused(json!({ "sub": "s", "students": [1] })),
            Error::NoList("students")
        );
        let many: Vec<String> = (0..65).map(|number| format!("s-{number}")).collect();
        assert_eq!(
            refused(json!({ "sub": "s", "students": many })),
            Error::Principal(principal::Error::Many("students"))
        );
    }
}
