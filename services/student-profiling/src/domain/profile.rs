//! A student's profile as a history: what happened, in order, and what follows from it.
//!
//! What: an event-sourced aggregate. A question to do something ([`Profile::observe`], [`Profile::switch`],
//! [`Profile::retract`]) is answered with the [`Event`] that it makes, or with nothing where nothing changes; applying
//! events, and only that, changes a profile. So a profile rebuilt from its history is the same as one that was kept, one
//! from a snapshot and the events after it too, and an event seen twice is absorbed by its number ([`Profile::replay`]).
//! Why a history: a student may ask why their profile says what it says, and what is switched off must be as if it had
//! never been used.
//!
//! Only evidence is kept, no judgement: levels, trajectories and proposals are made of it when asked, for one purpose
//! ([`Profile::usable`]). When not: transactions and encryption are the storage's. What a student switched off for every
//! purpose is dropped here; whoever stores the history must drop those events too. Source: Young 2010 (event sourcing);
//! Vernon 2013, appendix A.

pub mod history;

use std::collections::BTreeMap;

use lyceum::privacy::Consent;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::controls::{self, Controls, Purpose, Source, Switch, Use};
use super::observation::{Observation, ObservationId, Skill};

/// More skills than this has no student.
pub const MOST_SKILLS: usize = 64;

/// Of a skill the newest so many observations are kept.
pub const MOST_OBSERVATIONS: usize = 1000;

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A new skill beyond [`MOST_SKILLS`].
    #[error("a profile has at most {MOST_SKILLS} skills")]
    TooManySkills,
    /// The controls were changed meanwhile.
    #[error("the data controls were changed: the current revision is {current}")]
    Stale {
        /// The revision that they have.
        current: u64,
    },
    /// A switch that cannot be set.
    #[error(transparent)]
    Switch(#[from] controls::Error),
    /// An event is missing before this one.
    #[error("event {found} cannot follow revision {revision}")]
    Gap {
        /// The profile's revision.
        revision: u64,
        /// The number of the event that came.
        found: u64,
    },
}

/// Something that happened to a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A skill was seen.
    Observed(Observation),
    /// The source took an observation back.
    Retracted {
        /// Of which skill.
        skill: Skill,
        /// Which.
        id: ObservationId,
    },
    /// Uses were switched.
    Switched {
        /// Which, and to what.
        switches: Vec<Switch>,
    },
}

/// What is held of a student.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    revision: u64,
    controls: Controls,
    controls_revision: u64,
    /// By time, then id.
    skills: BTreeMap<Skill, Vec<Observation>>,
}

/// The observations that one purpose may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usable {
    /// By skill's name, then time.
    pub observations: Vec<Observation>,
    /// How many are held that it may not use, by source.
    pub left_out: BTreeMap<Source, usize>,
}

impl Profile {
    /// How many events it was made of.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The student's switches.
    #[must_use]
    pub fn controls(&self) -> Controls {
        self.controls
    }

    /// How often they were switched.
    #[must_use]
    pub fn controls_revision(&self) -> u64 {
        self.controls_revision
    }

    /// Everything that is held, by skill's name, then time: what an export shows.
    pub fn held(&self) -> impl Iterator<Item = &Observation> {
        self.skills.values().flatten()
    }

    /// What may be used for a purpose now, and how much is left out.
    #[must_use]
    pub fn usable(&self, purpose: Purpose, consent: Consent) -> Usable {
        let mut usable = Usable::default();
        for observation in self.held() {
            let source = observation.source();
            if self.controls.allow(Use { purpose, source }, consent) {
                usable.observations.push(observation.clone());
            } else {
                *usable.left_out.entry(source).or_default() += 1;
            }
        }
        usable
    }

    /// A skill was seen. Nothing happens when the observation is held already, is older than all that is kept, or
    /// comes from where the student lets nothing be used.
    ///
    /// # Errors
    /// [`Error::TooManySkills`].
    pub fn observe(&self, observation: Observation) -> Result<Option<Event>, Error> {
        let known = self.skills.get(observation.skill());
        if known.is_none() && self.skills.len() >= MOST_SKILLS {
            return Err(Error::TooManySkills);
        }
        let held = known.is_some_and(|known| {
            let full = known.len() >= MOST_OBSERVATIONS;
            let older = known.first().is_some_and(|first| observation.order() < first.order());
            (full && older) || known.iter().any(|one| one.id() == observation.id())
        });
        Ok((!held && kept(self.controls, observation.source())).then_some(Event::Observed(observation)))
    }

    /// The source takes an observation back. Nothing happens when it is not held.
    #[must_use]
    pub fn retract(&self, skill: &Skill, id: &ObservationId) -> Option<Event> {
        let held = self.skills.get(skill)?.iter().any(|one| one.id() == id);
        held.then(|| Event::Retracted {
            skill: skill.clone(),
            id: id.clone(),
        })
    }

    /// The student switches uses, having seen the controls at a revision. Nothing happens when all are as asked.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Switch`].
    pub fn switch(&self, expected_revision: u64, switches: &[Switch]) -> Result<Option<Event>, Error> {
        if expected_revision != self.controls_revision {
            return Err(Error::Stale {
                current: self.controls_revision,
            });
        }
        let next = self.controls.with(switches)?;
        Ok((next != self.controls).then(|| Event::Switched {
            switches: switches.to_vec(),
        }))
    }

    /// What follows from an event. It never fails: what happened, happened.
    pub fn apply(&mut self, event: &Event) {
        self.revision += 1;
        match event {
            Event::Observed(observation) => self.take(observation),
            Event::Retracted { skill, id } => {
                if let Some(known) = self.skills.get_mut(skill) {
                    known.retain(|one| one.id() != id);
                }
            }
            Event::Switched { switches } => {
                self.controls_revision += 1;
                for switch in switches {
                    // One that was possible once and is no more changes nothing; those beside it do.
                    self.controls = self.controls.with(&[*switch]).unwrap_or(self.controls);
                }
                let controls = self.controls;
                for known in self.skills.values_mut() {
                    known.retain(|one| kept(controls, one.source()));
                }
            }
        }
        self.skills.retain(|_, known| !known.is_empty());
    }

    fn take(&mut self, observation: &Observation) {
        if !kept(self.controls, observation.source()) {
            return;
        }
        let known = self.skills.entry(observation.skill().clone()).or_default();
        if known.iter().any(|one| one.id() == observation.id()) {
            return;
        }
        let place = known.partition_point(|one| one.order() < observation.order());
        known.insert(place, observation.clone());
        if known.len() > MOST_OBSERVATIONS {
            known.remove(0);
        }
    }

    /// Applies numbered events: one that was applied before is absorbed, one after a gap refused with all behind it.
    ///
    /// # Errors
    /// [`Error::Gap`].
    pub fn replay<'e>(&mut self, events: impl IntoIterator<Item = (u64, &'e Event)>) -> Result<(), Error> {
        for (number, event) in events {
            if number <= self.revision {
                continue;
            }
            if number != self.revision + 1 {
                return Err(Error::Gap {
                    revision: self.revision,
                    found: number,
                });
            }
            self.apply(event);
        }
        Ok(())
    }
}

/// Whether the student lets data of a source be used for anything, whatever the consent: consent changes often and
/// elsewhere, and what it forbids must not be lost when it comes back.
fn kept(controls: Controls, source: Source) -> bool {
    controls.allow_any(source, Consent::Research)
}

#[cfg(test)]
mod tests;
