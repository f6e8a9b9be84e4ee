//! What can happen to an alert, and what it changes.
//!
//! What: the events and the one function that applies them. Why apart from the commands: a command may be refused, an
//! event has happened; so `apply` asks only whether the history can be one, and a damaged one is an error with the place,
//! never a panic. When not: events of others reach the domain as commands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Alert, Closing, Content, Corrupt, Id, Reach, Sighting, Subject, Trial};
use crate::domain::pseudonym::Pseudonym;

/// The first event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raised {
    /// Identifies the alert.
    pub id: Id,
    /// Whom and what it is about.
    pub subject: Subject,
    /// What was seen.
    pub sighting: Sighting,
    /// When.
    pub at: Timestamp,
}

/// Why an alert is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Consent was withdrawn.
    ConsentWithdrawn,
    /// The student was erased.
    Erased,
    /// Its time is over.
    Expired,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was raised.
    Raised(Box<Raised>),
    /// The same was seen again.
    SeenAgain {
        /// What was seen.
        sighting: Sighting,
        /// When.
        at: Timestamp,
    },
    /// It was passed on.
    PassedOn {
        /// How far.
        to: Reach,
        /// When.
        at: Timestamp,
    },
    /// Somebody took it on.
    Acknowledged {
        /// Who.
        by: Pseudonym,
        /// When.
        at: Timestamp,
    },
    /// An intervention began; whoever began it has taken the alert on.
    InterventionBegan {
        /// Which.
        intervention: Id,
        /// Who.
        by: Pseudonym,
        /// When.
        at: Timestamp,
    },
    /// What came of it is known; whoever said so has taken the alert on.
    Closed {
        /// What.
        closing: Closing,
        /// Who.
        by: Pseudonym,
    },
    /// What was known is gone.
    Removed {
        /// Why.
        reason: Reason,
        /// When.
        at: Timestamp,
    },
}

impl Alert {
    /// The alert that its first event makes.
    ///
    /// # Errors
    /// Another event than the first.
    pub fn begin(event: &Event) -> Result<Self, Corrupt> {
        let Event::Raised(raised) = event else {
            return Err(Corrupt {
                at: 1,
                why: "an alert begins by being raised",
            });
        };
        let Raised {
            id,
            subject,
            sighting,
            at,
        } = raised.as_ref().clone();
        Ok(Self {
            id,
            version: 1,
            content: Some(Content {
                subject,
                raised: at,
                first: sighting.clone(),
                last: sighting,
                last_seen: at,
                recurrences: 0,
                reach: Reach::Class,
                acknowledged: None,
                trials: Vec::new(),
                closing: None,
            }),
        })
    }

    /// Changes it by what happened. On an error it is as it was.
    ///
    /// # Errors
    /// An event that cannot follow.
    pub fn apply(&mut self, event: &Event) -> Result<(), Corrupt> {
        let next = self.version + 1;
        let corrupt = |why| Corrupt { at: next, why };
        let Some(content) = &mut self.content else {
            return Err(corrupt("nothing follows a removal"));
        };
        match event {
            Event::Raised(_) => return Err(corrupt("an alert is raised once")),
            Event::SeenAgain { sighting, at } => {
                let severity = sighting.severity.max(content.last.severity);
                content.last = Sighting {
                    severity,
                    ..sighting.clone()
                };
                // News may overtake each other; the last seen is the latest.
                content.last_seen = content.last_seen.max(*at);
                content.recurrences = content.recurrences.saturating_add(1);
            }
            Event::PassedOn { to, .. } => {
                if *to <= content.reach {
                    return Err(corrupt("an alert is passed on further each time"));
                }
                content.reach = *to;
            }
            Event::Acknowledged { by, at } => {
                if content.acknowledged.is_some() {
                    return Err(corrupt("an alert is acknowledged once"));
                }
                content.acknowledged = Some((by.clone(), *at));
            }
            Event::InterventionBegan { intervention, by, at } => {
                if content.closing.is_some() {
                    return Err(corrupt("nothing is tried once the outcome is known"));
                }
                content.acknowledged.get_or_insert_with(|| (by.clone(), *at));
                content.trials.push(Trial {
                    intervention: intervention.clone(),
                    began: *at,
                });
            }
            Event::Closed { closing, by } => {
                if content.closing.is_some() {
                    return Err(corrupt("an alert is closed once"));
                }
                content.acknowledged.get_or_insert_with(|| (by.clone(), closing.at));
                content.closing = Some(closing.clone());
            }
            Event::Removed { .. } => self.content = None,
        }
        self.version = next;
        Ok(())
    }

    /// The alert that a whole history makes.
    ///
    /// # Errors
    /// No history, or none of one alert.
    pub fn rebuild<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self, Corrupt> {
        let mut events = events.into_iter();
        let first = events.next().ok_or(Corrupt {
            at: 1,
            why: "there is no event",
        })?;
        let mut alert = Self::begin(first)?;
        for event in events {
            alert.apply(event)?;
        }
        Ok(alert)
    }
}
