//! Educator alerts: what in a student's work deserves a look, why, what to try, and what came of it.
//!
//! ```text
//! events ─▶ standing ─▶ profile ─▶ signals ─▶ model ─▶ estimate: range, contributions, what would change it
//!                                     └─▶ raising ◀──────┘   one reason a cause, from a class's lowest threshold
//!                                            │
//!        consent ─▶ repetition ◀─────────────┘
//!                       └─▶ alert: raise ▸ see again ▸ pass on ▸ acknowledge ▸ intervene ▸ close ▸ remove
//!                            ├─▶ escalation      whom else, when nobody takes it on
//!                            ├─▶ delivery        threshold ▸ digest ▸ quiet hours, for each educator
//!                            ├─▶ feed            cursors over what changed
//!                            ├─▶ interventions   what could be tried, with reasons and studies
//!                            └─▶ effectiveness   what came of it, with intervals and caveats
//!
//! cohort ─▶ training ─▶ data/model.json;  quality ─▶ discrimination, calibration, fairness
//! ```
//!
//! 1. **Nothing without consent.** A rule that estimates, raises or grows an alert cannot be called without the student's
//!    consent as a value; when it is withdrawn, what was known is gone from the alert at once.
//! 2. **An estimate explains itself.** It is a sum of six signals of the work; each tells in words what it adds, and what
//!    would change it. It names no person, diagnoses nothing and decides nothing.
//! 3. **An estimate knows its limits.** It has a range, its calibration and its fairness across groups are computed from
//!    labelled data, and the data behind the weights in this crate is made up and says so.
//! 4. **Nobody is told twice, nobody at night, and nothing is lost.** The same within two weeks is one alert; quiet hours
//!    follow the wall's clock through every change of it and end when it says so; a cursor misses nothing or says so.
//! 5. **A history, not a row.** An alert is rebuilt from its events; commands said twice change nothing.
//! 6. **No figure is told as proof.** Nobody is helped by lot, so every effect carries its interval and its caveats.
//! 7. **Nothing draws or looks at a clock by itself**: seeds and times are handed in.
//!
//! From a profile to an alert that somebody is told of:
//! ```
//! use lyceum_educator_alerts::domain::alert::{Alert, Id, Subject};
//! use lyceum_educator_alerts::domain::consent::Consent;
//! use lyceum_educator_alerts::domain::delivery::{Delivery, deliver};
//! use lyceum_educator_alerts::domain::model::{Model, explaining};
//! use lyceum_educator_alerts::domain::preferences::{Preferences, Thresholds};
//! use lyceum_educator_alerts::domain::pseudonym::Pseudonym;
//! use lyceum_educator_alerts::domain::raising::findings;
//! use lyceum_educator_alerts::domain::signals::{Profile, Signals};
//!
//! let (model, consent, now) = (Model::built_in(), Consent::Covered, "2026-11-23T09:00:00Z".parse()?);
//! let profile = Profile {
//!     level: 0.41, uncertainty: 0.05, slope: -0.01, works: 9, idle_days: 12, due: 6, missed: 4, step: None,
//! };
//! let found = findings(model, profile, &Thresholds::default(), consent)?.remove(0);
//! assert!(found.sighting.summary.0.starts_with("As things stand, the course's goals may be missed (91 %"));
//!
//! let signals = Signals::try_new(profile)?;
//! let what_if = explaining::what_ifs(model, &signals, 0.6).remove(0);
//! assert_eq!(what_if.explanation, "Had no task been missed, the estimate would be 52 % instead of 91 %.");
//!
//! let subject = Subject {
//!     student: Pseudonym::parse("s-17")?, class: Pseudonym::parse("c-4")?, kind: found.kind, cause: found.cause,
//! };
//! let id = Id::parse("a-1").ok_or("an id")?;
//! let alert = Alert::begin(&Alert::raise(id, subject, found.sighting, consent, now)?)?;
//! let told = alert.content.as_ref().map(|content| deliver(&Preferences::default(), content, now));
//! assert_eq!(told, Some(Delivery::Now));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Begin with [`domain`]. Methods, figures and limits: `docs/services/educator-alerts.md`.

pub mod domain;
