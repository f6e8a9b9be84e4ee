//! What values must be beyond their types; every broken rule is noted with its key.

use std::time::Duration;

use humantime_serde::re::humantime::parse_duration;

use crate::configuration::Problem;

/// The rules of one section, and where its broken ones are noted.
pub(super) struct Rules<'a> {
    section: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Rules<'a> {
    pub(super) fn of(section: &'a str, problems: &'a mut Vec<Problem>) -> Self {
        Self { section, problems }
    }

    pub(super) fn broken(&mut self, key: &str, problem: impl Into<String>) {
        self.problems.push(Problem {
            key: format!("{}.{key}", self.section),
            problem: problem.into(),
        });
    }

    /// The bounds are written as they are told.
    pub(super) fn time(&mut self, key: &str, value: Duration, least: &'static str, most: &'static str) {
        let bound = |text| parse_duration(text).unwrap_or_default();
        if value < bound(least) || value > bound(most) {
            self.broken(key, format!("must be between {least} and {most}"));
        }
    }

    pub(super) fn count(&mut self, key: &str, value: u32, least: u32, most: u32) {
        if value < least || value > most {
            self.broken(key, format!("must be between {least} and {most}"));
        }
    }

    /// What is not a number is in no range.
    pub(super) fn share(&mut self, key: &str, value: f64, least: f64, most: f64) {
        if !(least..=most).contains(&value) {
            self.broken(key, format!("must be between {least} and {most}"));
        }
    }
}
