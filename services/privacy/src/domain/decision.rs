//! Decisions: whether a use is lawful now, on which basis, which rule said so, and what would help.
//!
//! The strictest rule says what is needed ([`super::regulation`]); what was agreed to says whether it is there
//! ([`super::consent`]). A restriction stands before both. Nothing is allowed that no rule speaks of. When not: a decision
//! is about one category and one purpose; whoever needs several asks for each.
//!
//! How far a purpose goes at the least is our own ladder: what builds on what was kept needs the level "learning",
//! research needs "research", and the rest needs "processing".

use lyceum::privacy::{Basis, Category, Consent as Level, Purpose};

use super::Moment;
use super::consent::{Agreement, Consents, Giver, Standing};
use super::regulation::{Effect, School, Spoken};

/// A use to decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Which data.
    pub category: Category,
    /// What for.
    pub purpose: Purpose,
    /// How far.
    pub level: Level,
}

/// Why a use is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No rule speaks of it.
    NoRule,
    /// A rule forbids it, whatever anybody agrees to.
    UseForbidden,
    /// The data is to be left alone.
    ProcessingRestricted,
    /// Nobody agreed.
    ConsentMissing,
    /// No guardian agreed, or approved what the student asked for.
    GuardianMissing,
    /// It was taken back, or objected to.
    ConsentWithdrawn,
    /// The text that was agreed to has changed in substance.
    ConsentOutdated,
    /// The agreement has ended.
    ConsentExpired,
    /// The agreement does not go so far.
    ConsentTooLow,
}

impl Reason {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRule => "NO_RULE",
            Self::UseForbidden => "USE_FORBIDDEN",
            Self::ProcessingRestricted => "PROCESSING_RESTRICTED",
            Self::ConsentMissing => "CONSENT_MISSING",
            Self::GuardianMissing => "GUARDIAN_MISSING",
            Self::ConsentWithdrawn => "CONSENT_WITHDRAWN",
            Self::ConsentOutdated => "CONSENT_OUTDATED",
            Self::ConsentExpired => "CONSENT_EXPIRED",
            Self::ConsentTooLow => "CONSENT_TOO_LOW",
        }
    }

    /// In plain words, for the student.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::NoRule => "No rule that your school keeps allows this.",
            Self::UseForbidden => "The rules that your school keeps forbid this, whatever anybody agrees to.",
            Self::ProcessingRestricted => "Your data is to be left alone for now, as was asked for.",
            Self::ConsentMissing => "Nobody has agreed to this.",
            Self::GuardianMissing => "A parent or guardian has to agree to this, and none has yet.",
            Self::ConsentWithdrawn => "You or your guardian said no to this.",
            Self::ConsentOutdated => "What you agreed to has changed since; please read it again.",
            Self::ConsentExpired => "What was agreed to has come to its end.",
            Self::ConsentTooLow => "What was agreed to does not go this far.",
        }
    }
}

/// What would make a refused use allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// The student agrees.
    StudentConsent,
    /// A guardian agrees, or approves.
    GuardianConsent,
    /// Whoever agreed agrees again, to the newest text or for longer.
    Renewal,
    /// A higher level is agreed to.
    HigherLevel,
    /// The restriction is lifted.
    LiftRestriction,
    /// Nothing.
    None,
}

impl Remedy {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StudentConsent => "student-consent",
            Self::GuardianConsent => "guardian-consent",
            Self::Renewal => "renewal",
            Self::HigherLevel => "higher-level",
            Self::LiftRestriction => "lift-restriction",
            Self::None => "none",
        }
    }
}

/// Whether a use is lawful, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// On which basis it is allowed, or why it is not and what would help.
    pub verdict: Result<Basis, (Reason, Remedy)>,
    /// The rules that spoke, strictest first: the first one decided.
    pub spoken: Vec<Spoken>,
    /// When the agreement that it rests on ends.
    pub until: Option<Moment>,
}

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_ok()
    }

    /// The rule that decided, as the audit log names it: `regulation/rule`.
    #[must_use]
    pub fn rule(&self) -> Option<String> {
        let first = self.spoken.first()?;
        Some(format!("{}/{}", first.regulation.name, first.rule.name))
    }

    /// The metadata of a refusal: which rule, and what would help.
    #[must_use]
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut metadata = Vec::new();
        if let Some(first) = self.spoken.first() {
            metadata.push(("regulation", first.regulation.name.clone()));
            metadata.push(("article", first.rule.article.clone()));
        }
        if let Err((_, remedy)) = self.verdict {
            metadata.push(("remedy", remedy.name().to_owned()));
        }
        metadata
    }
}

/// How far a purpose goes at the least.
#[must_use]
pub fn least(purpose: Purpose) -> Level {
    match purpose {
        Purpose::Personalisation | Purpose::Support | Purpose::Improvement => Level::Learning,
        Purpose::Research => Level::Research,
        _ => Level::Processing,
    }
}

/// Whether a student of this age may agree to a use alone, in this school; otherwise they ask, and a guardian approves.
#[must_use]
pub fn may_agree_alone(school: &School, purpose: Purpose, category: Category, age: Option<u8>) -> bool {
    let spoken = school.spoken(purpose, category, age);
    spoken
        .first()
        .is_some_and(|first| first.rule.effect != Effect::GuardianConsent)
}

/// Decides on a use of a student's data.
#[must_use]
pub fn decide(consents: &Consents, school: &School, wanted: Use, age: Option<u8>, now: Moment) -> Decision {
    let Use { category, purpose, .. } = wanted;
    let spoken = school.spoken(purpose, category, age);
    let refused = |reason, remedy| Err((reason, remedy));
    let agreement = consents.agreement((category, purpose));
    let until = agreement.and_then(|agreement| agreement.until);
    // Keeping an account and protecting a life go on (GDPR Art. 18(2)).
    let goes_on = matches!(purpose, Purpose::Operation | Purpose::Safeguarding);
    let verdict = match spoken.first().map(|first| (first.rule.effect, first.rule.basis)) {
        None => refused(Reason::NoRule, Remedy::None),
        Some((Effect::Forbidden, _)) => refused(Reason::UseForbidden, Remedy::None),
        Some(_) if consents.is_restricted() && !goes_on => {
            refused(Reason::ProcessingRestricted, Remedy::LiftRestriction)
        }
        Some((Effect::Allowed, basis)) => return allowed(basis, spoken, None),
        Some((Effect::UnlessObjected, basis)) => match agreement {
            Some(agreement) if agreement.withdrawn && agreement.level < wanted.level.max(least(purpose)) => {
                refused(Reason::ConsentWithdrawn, Remedy::StudentConsent)
            }
            _ => return allowed(basis, spoken, None),
        },
        Some((effect, _)) => consented(consents, agreement, wanted, effect == Effect::GuardianConsent, now),
    };
    Decision { verdict, spoken, until }
}

fn allowed(basis: Option<Basis>, spoken: Vec<Spoken>, until: Option<Moment>) -> Decision {
    Decision {
        verdict: Ok(basis.unwrap_or(Basis::Unregulated)),
        spoken,
        until,
    }
}

/// Whether what is needed was agreed to.
fn consented(
    consents: &Consents,
    agreement: Option<&Agreement>,
    wanted: Use,
    by_guardian: bool,
    now: Moment,
) -> Result<Basis, (Reason, Remedy)> {
    let (missing, help) = if by_guardian {
        (Reason::GuardianMissing, Remedy::GuardianConsent)
    } else {
        (Reason::ConsentMissing, Remedy::StudentConsent)
    };
    let agreement = agreement.ok_or((missing, help))?;
    match consents.standing(agreement, now) {
        Standing::AwaitingGuardian => return Err((Reason::GuardianMissing, Remedy::GuardianConsent)),
        Standing::Withdrawn => return Err((Reason::ConsentWithdrawn, help)),
        Standing::Expired => return Err((Reason::ConsentExpired, Remedy::Renewal)),
        Standing::Outdated => return Err((Reason::ConsentOutdated, Remedy::Renewal)),
        Standing::Active => {}
    }
    if by_guardian && agreement.giver != Giver::Guardian {
        // Agreed to when the law let the student alone.
        return Err((Reason::GuardianMissing, Remedy::GuardianConsent));
    }
    if agreement.level < wanted.level.max(least(wanted.purpose)) {
        return Err((Reason::ConsentTooLow, Remedy::HigherLevel));
    }
    Ok(match agreement.giver {
        Giver::Student => Basis::Consent,
        Giver::Guardian => Basis::GuardianConsent,
    })
}

#[cfg(test)]
mod tests;
