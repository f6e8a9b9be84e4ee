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
//! 1. **Nothing without consent.** A rule that raises or grows an alert cannot be called without the student's consent
//!    as a value; when it is withdrawn, what was known is gone from the alert at once.
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
//! Begin with [`domain`]. Methods, figures and limits: `docs/services/educator-alerts.md`.

pub mod domain;
