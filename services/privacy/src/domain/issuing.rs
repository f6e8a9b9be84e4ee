//! Issuing: from a request to a permit, or to the decision that stands against it.
//!
//! All the uses that are asked for are decided on, and a permit names all of them or is not made: a caller who needs two
//! sorts of data gains nothing from one. It ends with the first agreement that it rests on, and names the version of the
//! consents, so that a later withdrawal ends it. What goes no further than processing may keep nothing. When not: signing
//! is `lyceum::privacy::permit::Signer`'s.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lyceum::principal::Principal;
use lyceum::privacy::permit::{self, Permit};
use lyceum::privacy::{Category, Consent as Level, Purpose};

use super::Moment;
use super::consent::Consents;
use super::decision::{Decision, Use, decide, least};
use super::pseudonym::{self, Keyring};
use super::regulation::School;

/// Why there is no permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A rule, or a consent that is not there.
    #[error("the use of {category} is not allowed: {}", .decision.verdict.err().map_or("", |(reason, _)| reason.name()))]
    Decision {
        /// Which data.
        category: Category,
        /// The decision.
        decision: Box<Decision>,
    },
    /// A permit that cannot be.
    #[error(transparent)]
    Permit(#[from] permit::Error),
    /// An account that nobody has.
    #[error(transparent)]
    Account(#[from] pseudonym::Error),
}

/// What a school's permits are made with.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'s> {
    /// The rules that it keeps.
    pub school: &'s School,
    /// The keys of its pseudonyms.
    pub keys: &'s Keyring,
    /// How long records may be kept that may be kept at all, in days.
    pub retention_days: u32,
}

/// Whose data it is.
#[derive(Clone, Copy)]
pub struct Student<'s> {
    /// Their account.
    pub account: &'s str,
    /// Their age in years, where it is known.
    pub age: Option<u8>,
    /// What they and their guardians have said.
    pub consents: &'s Consents,
}

impl Issuer<'_> {
    /// The permit for `holder` to use data of a student for a purpose, each category as far as asked for, and why.
    ///
    /// # Errors
    /// [`Refusal`]; the decision is that of the first category, in the order asked for, that is refused.
    pub fn issue(
        &self,
        holder: &Principal,
        student: Student<'_>,
        purpose: Purpose,
        wanted: &[(Category, Level)],
        now: Moment,
    ) -> Result<(Permit, Vec<Decision>), Refusal> {
        let mut decisions = Vec::with_capacity(wanted.len());
        let mut uses = Vec::with_capacity(wanted.len());
        for (category, level) in wanted {
            let wanted = Use {
                category: *category,
                purpose,
                level: (*level).max(least(purpose)),
            };
            let decision = decide(student.consents, self.school, wanted, student.age, now);
            let Ok(basis) = decision.verdict else {
                return Err(Refusal::Decision {
                    category: *category,
                    decision: Box::new(decision),
                });
            };
            uses.push(permit::Use {
                category: *category,
                level: wanted.level,
                basis,
            });
            decisions.push(decision);
        }
        let keeps = uses.iter().all(|one| one.level >= Level::Learning);
        let days = if keeps { self.retention_days } else { 0 };
        let pseudonym = self.keys.pseudonym(student.account, purpose, now)?;
        let permit = Permit::try_new(holder, pseudonym, purpose, uses, system(now))?
            .of_version(student.consents.version())
            .with_retention(Duration::from_secs(u64::from(days) * 86_400));
        let ends = decisions.iter().filter_map(|decision| decision.until).min();
        Ok((
            match ends {
                Some(end) => permit.until(system(end)),
                None => permit,
            },
            decisions,
        ))
    }
}

fn system(moment: Moment) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(moment.0)
}

#[cfg(test)]
mod tests;
