//! Consent as a history: who agreed to what, to which text, and what is in force because of it.
//!
//! [`Consents`] is an event-sourced aggregate: a command looks at the state and gives [`Event`]s, and the state is what
//! [`Consents::apply`] made of them, in their order. The order alone decides, never the clock, so that a withdrawal stays
//! a withdrawal when a clock jumps back. There are at most 72 agreements, one for each category and purpose, and a
//! command that changes nothing gives no events: it may be repeated.
//!
//! A student below the age at which the law lets them agree asks, and a guardian approves. Either of them withdraws, at
//! any age, and what was refused before it was ever given is kept as an objection. When not: whether a use is lawful is
//! decided with the rules that apply ([`super::decision`]). Source: GDPR Art. 7 (conditions for consent) and 8 (a
//! child's), COPPA 16 CFR 312.5 and 312.6; event sourcing as Fowler (2005) has it.

use std::collections::BTreeMap;

use lyceum::privacy::{Category, Consent as Level, Purpose};

use super::Moment;

/// What an agreement is about.
pub type Subject = (Category, Purpose);

/// Who agreed, or took it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Giver {
    /// The student.
    Student,
    /// A parent or guardian.
    Guardian,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The student asked for something that a guardian has to approve.
    Requested {
        /// What it is about.
        subject: Subject,
        /// How far.
        level: Level,
        /// The version of the text that they saw.
        text: u32,
        /// Until when.
        until: Option<Moment>,
        /// When.
        at: Moment,
    },
    /// An agreement, by somebody who may give it.
    Granted {
        /// What it is about.
        subject: Subject,
        /// How far.
        level: Level,
        /// The version of the text that they saw.
        text: u32,
        /// Who agreed.
        giver: Giver,
        /// Until when.
        until: Option<Moment>,
        /// When.
        at: Moment,
    },
    /// An agreement taken back, or a use objected to.
    Withdrawn {
        /// What it is about.
        subject: Subject,
        /// What is left.
        left: Level,
        /// Who took it back.
        giver: Giver,
        /// When.
        at: Moment,
    },
    /// The text changed in substance: earlier agreements wait for their renewal.
    TextChanged {
        /// The version from which on agreements are good.
        version: u32,
        /// When.
        at: Moment,
    },
    /// Somebody asked that the data be left alone, or that its use goes on (GDPR Art. 18).
    Restricted {
        /// Whether it is restricted now.
        on: bool,
        /// When.
        at: Moment,
    },
}

/// Why a command changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text that was agreed to is not one that counts.
    #[error("the text has changed: read version {newest} and agree to that")]
    TextOutdated {
        /// The version to read.
        newest: u32,
    },
    /// An approval of what nobody asked for.
    #[error("the student has not asked for this: a guardian who wants it grants it")]
    NothingToApprove,
    /// An approval that goes further than what was asked for.
    #[error("this approves more than the student asked for")]
    ApprovesMore,
    /// An end that is past.
    #[error("the agreement would end before it begins")]
    EndsBefore,
    /// An agreement to nothing: that is a withdrawal.
    #[error("an agreement to nothing is a withdrawal")]
    NoLevel,
}

impl Refusal {
    /// Its stable name.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TextOutdated { .. } => "TEXT_OUTDATED",
            Self::NothingToApprove => "NOTHING_TO_APPROVE",
            Self::ApprovesMore => "APPROVES_MORE",
            Self::EndsBefore => "ENDS_BEFORE",
            Self::NoLevel => "NO_LEVEL",
        }
    }
}

/// Where an agreement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In force.
    Active,
    /// Asked for; no guardian has approved it.
    AwaitingGuardian,
    /// To a text that has changed in substance since.
    Outdated,
    /// Taken back, or objected to.
    Withdrawn,
    /// Past its end.
    Expired,
}

/// One agreement as it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How far; [`Level::None`] where it was taken back.
    pub level: Level,
    /// How far the student wants to go and a guardian has not approved; none where nothing waits.
    pub asked: Option<Level>,
    /// The version of the text; 0 where nothing was agreed to.
    pub text: u32,
    /// Who agreed, or took it back.
    pub giver: Giver,
    /// Whether its level was taken back rather than given.
    pub withdrawn: bool,
    /// Until when it holds.
    pub until: Option<Moment>,
    /// The version of the text that was asked with.
    asked_text: u32,
    asked_until: Option<Moment>,
    /// Since when it stands so.
    pub since: Moment,
}

/// Everything that one student and their guardians have said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents {
    agreements: BTreeMap<Subject, Agreement>,
    text: u32,
    restricted: bool,
    version: u64,
}

impl Consents {
    /// Rebuilt from what happened, in its order.
    #[must_use]
    pub fn rebuild<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut consents = Self::default();
        events.into_iter().for_each(|event| consents.apply(event));
        consents
    }

    /// How many events there were: what a change that others may make too is checked against.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version of the text from which on agreements are good.
    #[must_use]
    pub fn text(&self) -> u32 {
        self.text
    }

    /// Whether the data is to be left alone.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.restricted
    }

    /// Every agreement that there ever was, by category, then purpose.
    pub fn agreements(&self) -> impl Iterator<Item = (Subject, &Agreement)> {
        self.agreements.iter().map(|(subject, agreement)| (*subject, agreement))
    }

    /// What was said of one use.
    #[must_use]
    pub fn agreement(&self, subject: Subject) -> Option<&Agreement> {
        self.agreements.get(&subject)
    }

    /// Where an agreement stands at a time.
    #[must_use]
    pub fn standing(&self, agreement: &Agreement, now: Moment) -> Standing {
        if agreement.level == Level::None && agreement.asked.is_some() {
            Standing::AwaitingGuardian
        } else if agreement.level == Level::None {
            Standing::Withdrawn
        } else if agreement.until.is_some_and(|until| until <= now) {
            Standing::Expired
        } else if agreement.text < self.text {
            Standing::Outdated
        } else {
            Standing::Active
        }
    }

    /// Agrees to uses. `alone`: whether whoever agrees may do so alone; a student who may not asks for it. The newest
    /// text is `newest`; those before it count as long as the change was none of substance.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing happens, for none of the items.
    pub fn grant(&self, items: &[(Subject, Level)], grant: Grant) -> Result<Vec<Event>, Refusal> {
        self.readable(grant.text, grant.newest)?;
        if grant.until.is_some_and(|until| until <= grant.now) {
            return Err(Refusal::EndsBefore);
        }
        if items.iter().any(|(_, level)| *level == Level::None) {
            return Err(Refusal::NoLevel);
        }
        let Grant { text, until, giver, .. } = grant;
        let event = |(subject, level): &(Subject, Level)| {
            let known = self.agreements.get(subject);
            let (subject, level, at) = (*subject, *level, grant.now);
            if giver == Giver::Student && !grant.alone {
                let asked = |known: &Agreement| known.asked == Some(level) && known.asked_text == text;
                // What a guardian has approved already needs no second approval.
                let given =
                    |known: &Agreement| known.level >= level && known.text == text && known.giver == Giver::Guardian;
                return (!known.is_some_and(|known| asked(known) || given(known))).then_some(Event::Requested {
                    subject,
                    level,
                    text,
                    until,
                    at,
                });
            }
            let same = |known: &Agreement| {
                (known.level, known.text, known.giver, known.until) == (level, text, giver, until) && !known.withdrawn
            };
            (!known.is_some_and(same)).then_some(Event::Granted {
                subject,
                level,
                text,
                giver,
                until,
                at,
            })
        };
        Ok(items.iter().filter_map(event).collect())
    }

    /// Approves what the student asked for, or less of it.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing happens, for none of the items.
    pub fn approve(
        &self,
        items: &[(Subject, Level)],
        text: u32,
        newest: u32,
        now: Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.readable(text, newest)?;
        let mut events = Vec::new();
        for (subject, level) in items {
            let known = self.agreements.get(subject).ok_or(Refusal::NothingToApprove)?;
            if *level == Level::None {
                return Err(Refusal::NoLevel);
            }
            match known.asked {
                Some(asked) if *level > asked => return Err(Refusal::ApprovesMore),
                Some(_) => events.push(Event::Granted {
                    subject: *subject,
                    level: *level,
                    text,
                    giver: Giver::Guardian,
                    until: known.asked_until,
                    at: now,
                }),
                // Approved before.
                None if known.giver == Giver::Guardian && known.level == *level => {}
                None => return Err(Refusal::NothingToApprove),
            }
        }
        Ok(events)
    }

    /// Takes agreements back, down to what is left; of everything, where no items are named. Never refused.
    #[must_use]
    pub fn withdraw(&self, items: &[(Subject, Level)], giver: Giver, now: Moment) -> Vec<Event> {
        let everything: Vec<_>;
        let items = if items.is_empty() {
            everything = self.agreements.keys().map(|subject| (*subject, Level::None)).collect();
            &everything
        } else {
            items
        };
        let event = |(subject, left): &(Subject, Level)| {
            let stands = match self.agreements.get(subject) {
                // An objection to what nobody agreed to.
                None => *left == Level::None,
                Some(known) => {
                    known.level > *left || known.asked.is_some() || (!known.withdrawn && *left == Level::None)
                }
            };
            stands.then_some(Event::Withdrawn {
                subject: *subject,
                left: *left,
                giver,
                at: now,
            })
        };
        items.iter().filter_map(event).collect()
    }

    /// The text changed in substance.
    #[must_use]
    pub fn change_text(&self, version: u32, now: Moment) -> Option<Event> {
        (version > self.text).then_some(Event::TextChanged { version, at: now })
    }

    /// Leaves the data alone, or lets its use go on.
    #[must_use]
    pub fn restrict(&self, on: bool, now: Moment) -> Option<Event> {
        (on != self.restricted).then_some(Event::Restricted { on, at: now })
    }

    fn readable(&self, text: u32, newest: u32) -> Result<(), Refusal> {
        if text == 0 || text < self.text || text > newest {
            return Err(Refusal::TextOutdated { newest });
        }
        Ok(())
    }

    /// Takes an event in. Whatever happened has happened: nothing is refused here.
    pub fn apply(&mut self, event: &Event) {
        self.version += 1;
        match *event {
            Event::Requested {
                subject,
                level,
                text,
                until,
                at,
            } => {
                let agreement = self.agreements.entry(subject).or_insert(Agreement::nothing(at));
                agreement.asked = Some(level);
                (agreement.asked_text, agreement.asked_until) = (text, until);
                agreement.since = at;
            }
            Event::Granted {
                subject,
                level,
                text,
                giver,
                until,
                at,
            } => {
                let granted = Agreement {
                    level,
                    text,
                    giver,
                    until,
                    ..Agreement::nothing(at)
                };
                self.agreements.insert(subject, granted);
            }
            Event::Withdrawn {
                subject,
                left,
                giver,
                at,
            } => {
                let agreement = self.agreements.entry(subject).or_insert(Agreement::nothing(at));
                // A withdrawal never gives.
                agreement.level = agreement.level.min(left);
                agreement.asked = None;
                agreement.withdrawn = true;
                agreement.since = at;
                // What is left is still whose it was.
                if agreement.level == Level::None {
                    agreement.giver = giver;
                }
            }
            Event::TextChanged { version, .. } => self.text = self.text.max(version),
            Event::Restricted { on, .. } => self.restricted = on,
        }
    }
}

impl Agreement {
    fn nothing(since: Moment) -> Self {
        Self {
            level: Level::None,
            asked: None,
            text: 0,
            giver: Giver::Student,
            withdrawn: false,
            until: None,
            asked_text: 0,
            asked_until: None,
            since,
        }
    }
}

/// How an agreement is given.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// By whom.
    pub giver: Giver,
    /// Whether the law lets them agree alone.
    pub alone: bool,
    /// The version of the text that they saw.
    pub text: u32,
    /// The newest version there is.
    pub newest: u32,
    /// Until when it is to hold.
    pub until: Option<Moment>,
    /// Now.
    pub now: Moment,
}

#[cfg(test)]
mod tests;
