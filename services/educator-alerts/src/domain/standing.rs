//! Where a student's work stands between two events, and the profile that rules and model read from it.
//!
//! What: the newest that profiling said of each skill, the newest change point of each, and the tasks of each class; and
//! [`Standing::profile`], which makes one profile of it for a class and a moment. Why kept: a silence raises an alert
//! although no event comes, so somebody must be able to look at any time.
//!
//! 1. Events may come twice and in any order: the newest revision of each thing stays, so the standing is the same.
//! 2. The profile is always one that can be read: whatever was taken in was checked.
//! 3. It is bounded: 64 skills, 500 tasks; tasks that fell due over ten weeks before the newest are dropped.
//!
//! Levels are averaged over skills, each by its number of works up to 20, so that no much-practised skill drowns the others.
//! A step is that of the skill that made the greatest one in four weeks, undiluted: one skill that breaks down is news.
//! When not: levels and change points are the profile's to estimate; here they are only put together.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::alert::Id;
use super::pseudonym::Pseudonym;
use super::signals::{Profile, Step, WEEKS};

/// At most this many skills; the least recently used goes.
pub const SKILLS_MOST: usize = 64;
/// At most this many tasks; the oldest goes.
pub const TASKS_MOST: usize = 500;
/// More works than this make a skill no weightier.
const WORKS_WEIGHTY: u32 = 20;
/// How long a change point is told.
const STEP_WINDOW: SignedDuration = SignedDuration::from_hours(28 * 24);
/// How long before the newest task another is kept.
const TASKS_KEPT: SignedDuration = SignedDuration::from_hours(70 * 24);
/// Weeks in the month that profiles tell growth in.
const WEEKS_A_MONTH: f64 = 30.0 / 7.0;

/// What profiling says of a skill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// The profile's revision: greater is newer.
    pub revision: u64,
    /// The level, 0 to 1.
    pub level: f64,
    /// Its standard deviation, 0 to 1.
    pub deviation: f64,
    /// Its growth in 30 days, -1 to 1, where it is known.
    pub growth: Option<f64>,
    /// Works that it rests on.
    pub works: u32,
    /// The latest of them.
    pub latest: Timestamp,
}

/// A place where a skill's level broke.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The profile's revision.
    pub revision: u64,
    /// When.
    pub at: Timestamp,
    /// The level after less before, -1 to 1.
    pub shift: f64,
}

/// A task of a class, as one student met it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The task's revision: greater is newer.
    pub revision: u64,
    /// The class.
    pub class: Pseudonym,
    /// When it is due.
    pub due: Timestamp,
    /// When it was handed in, if it was.
    pub handed_in: Option<Timestamp>,
}

/// An event that cannot be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a number in its range")]
pub struct OutOfRange(pub &'static str);

/// What is known of one student.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    skills: BTreeMap<Id, Skill>,
    changes: BTreeMap<Id, Change>,
    tasks: BTreeMap<Id, Task>,
}

impl Standing {
    /// Takes in what profiling says of a skill; what is older than what is known changes nothing.
    ///
    /// # Errors
    /// A number outside its range.
    pub fn skill(&mut self, name: Id, skill: Skill) -> Result<(), OutOfRange> {
        within("level", skill.level, 0.0)?;
        within("deviation", skill.deviation, 0.0)?;
        within("growth", skill.growth.unwrap_or(0.0), -1.0)?;
        if self
            .skills
            .get(&name)
            .is_none_or(|known| known.revision < skill.revision)
        {
            self.skills.insert(name, skill);
        }
        if self.skills.len() > SKILLS_MOST {
            let stale = self.skills.iter().min_by_key(|(_, skill)| skill.latest);
            if let Some(name) = stale.map(|(name, _)| name.clone()) {
                self.skills.remove(&name);
            }
        }
        Ok(())
    }

    /// Takes in a change point; the latest of a skill stays.
    ///
    /// # Errors
    /// A number outside its range.
    pub fn change(&mut self, name: Id, change: Change) -> Result<(), OutOfRange> {
        within("shift", change.shift, -1.0)?;
        let newer = |known: &Change| (known.at, known.revision) < (change.at, change.revision);
        if self.changes.get(&name).is_none_or(newer) {
            self.changes.insert(name, change);
        }
        if self.changes.len() > SKILLS_MOST {
            let oldest = self.changes.iter().min_by_key(|(_, change)| change.at);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.changes.remove(&name);
            }
        }
        Ok(())
    }

    /// Takes in a task; what is older than what is known changes nothing.
    pub fn task(&mut self, name: Id, task: Task) {
        if self.tasks.get(&name).is_none_or(|known| known.revision < task.revision) {
            self.tasks.insert(name, task);
        }
        if let Some(newest) = self.tasks.values().map(|task| task.due).max() {
            self.tasks
                .retain(|_, task| newest.duration_since(task.due) <= TASKS_KEPT);
        }
        if self.tasks.len() > TASKS_MOST {
            let oldest = self.tasks.iter().min_by_key(|(_, task)| task.due);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.tasks.remove(&name);
            }
        }
    }

    /// The profile for a class at a moment; `None` where nothing is known of any work.
    #[must_use]
    pub fn profile(&self, class: &Pseudonym, now: Timestamp) -> Option<Profile> {
        let latest = self.skills.values().map(|skill| skill.latest).max()?;
        let (mut weights, mut level, mut variance, mut slope, mut works) = (0.0, 0.0, 0.0, 0.0, 0_u32);
        for skill in self.skills.values() {
            // A skill without works is a guess, and weighs less than one with one.
            let weight = f64::from(skill.works.min(WORKS_WEIGHTY)).max(0.1);
            weights += weight;
            level += weight * skill.level;
            variance += (weight * skill.deviation).powi(2);
            slope += weight * skill.growth.unwrap_or(0.0) / WEEKS_A_MONTH;
            works = works.saturating_add(skill.works);
        }
        let window = SignedDuration::from_hours(i64::from(WEEKS) * 7 * 24);
        let due = self.tasks.values().filter(|task| {
            let ago = now.duration_since(task.due);
            &task.class == class && !ago.is_negative() && ago < window
        });
        let (mut all, mut missed) = (0, 0);
        for task in due {
            all += 1;
            // Late is not missed once it is there.
            missed += u32::from(task.handed_in.is_none_or(|at| at > now));
        }
        Some(Profile {
            // Rounding may leave a mean of ones above 1.
            level: (level / weights).clamp(0.0, 1.0),
            uncertainty: (variance.sqrt() / weights).clamp(0.0, 1.0),
            slope: (slope / weights).clamp(-1.0, 1.0),
            works,
            idle_days: days(latest, now),
            due: all,
            missed,
            step: self.step(now),
        })
    }

    /// The greatest step of the last four weeks; of equals the latest.
    fn step(&self, now: Timestamp) -> Option<Step> {
        let news = self.changes.values().filter(|change| {
            let ago = now.duration_since(change.at);
            !ago.is_negative() && ago < STEP_WINDOW
        });
        let greatest = news.max_by(|a, b| a.shift.abs().total_cmp(&b.shift.abs()).then(a.at.cmp(&b.at)));
        greatest.map(|change| Step {
            size: change.shift,
            age_days: days(change.at, now),
        })
    }
}

/// Whole days; none where clocks differ and it lies ahead.
fn days(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.duration_since(from).as_hours() / 24).unwrap_or(0)
}

fn within(name: &'static str, value: f64, least: f64) -> Result<(), OutOfRange> {
    // NaN is in no range.
    if (least..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(OutOfRange(name))
    }
}

#[cfg(test)]
mod tests;
