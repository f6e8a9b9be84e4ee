//! A made-up cohort: students who were never born, for a recipe that must be shown.
//!
//! What: each student gets an ability, a diligence and a drift; each week of a course of 16 brings one or two tasks, done
//! or missed, with a score around the level of that week; some lives are disturbed for a while, by chance, and a tenth of the students stops for good. Off track is
//! who hands in less than 60 % of all tasks or whose last four scores are below 0.45 on average. On days 28, 56 and 84
//! the signals are read from what had been handed in until then, as a profile would read them.
//!
//! Why made up: see [`super`]. How hard the task is was set, by the size of disturbances and of chance, so that what can
//! be known at these days is about what Kuzilek et al.'s open data (2017) lets one know: an AUC near 0.73, 0.81, 0.84.
//! **So the AUC of the report is an assumption that went in, not a finding that came out.**
//!
//! Three groups stand in for differences that a school must watch; no signal names them. Group 1 is most students. Group
//! 2 works offline: each work arrives some days later, which says nothing of the outcome. Group 3's works are scored with
//! more noise. When not: it says nothing about real groups.

use fastrand::Rng;

use crate::domain::signals::{Profile, Signals, Step};

/// Weeks of the course.
pub const WEEKS: u32 = 16;
/// The days on which signals are read.
pub const DAYS: [u32; 3] = [28, 56, 84];
/// The number of groups.
pub const GROUPS: u8 = 3;

/// One student on one day, and what became of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Which student.
    pub student: u32,
    /// Which group: 1 to [`GROUPS`].
    pub group: u8,
    /// Which day of the course.
    pub day: u32,
    /// What could be seen.
    pub signals: Signals,
    /// What became of it.
    pub off_track: bool,
}

/// A task of the course as one student met it.
#[derive(Clone, Copy, Debug)]
struct Task {
    due: u32,
    /// Arrival and score, where it was handed in.
    work: Option<(u32, f64)>,
}

/// Makes a cohort; the same seed makes the same.
#[must_use]
pub fn generate(students: u32, seed: u64) -> Vec<Observation> {
    let mut rng = Rng::with_seed(seed);
    let mut all = Vec::new();
    for student in 0..students {
        let group = match rng.f64() {
            x if x < 0.6 => 1,
            x if x < 0.85 => 2,
            _ => 3,
        };
        let tasks = live(&mut rng, group);
        let off_track = is_off_track(&tasks);
        for day in DAYS {
            if let Some(signals) = profile_on(&tasks, day).and_then(|profile| Signals::try_new(profile).ok()) {
                all.push(Observation {
                    student,
                    group,
                    day,
                    signals,
                    off_track,
                });
            }
        }
    }
    all
}

/// One student's course.
fn live(rng: &mut Rng, group: u8) -> Vec<Task> {
    let ability = (0.61 + 0.125 * normal(rng)).clamp(0.05, 0.95);
    let diligence = 1.6 + 0.75 * normal(rng);
    let drift = 0.007 * normal(rng);
    let disturbed = (rng.f64() < 0.4).then(|| {
        let begins = 1.0 + rng.f64() * f64::from(WEEKS - 2);
        let lasts = 2.0 + rng.f64() * 8.0;
        (begins, begins + lasts, 0.08 + 0.12 * rng.f64(), 0.8 + 1.4 * rng.f64())
    });
    // Some stop, and do not come back.
    let stops = (rng.f64() < 0.1).then(|| rng.u32(3..WEEKS));
    let mut mood = 0.0;
    let mut tasks = Vec::new();
    for week in 0..WEEKS {
        mood = 0.7 * mood + 0.5 * normal(rng);
        let time = f64::from(week);
        let (fall, slack) = match disturbed {
            Some((begins, ends, fall, slack)) if (begins..ends).contains(&time) => (fall, slack),
            _ => (0.0, 0.0),
        };
        let level = ability + drift * time - fall;
        let willing = diligence + mood - slack;
        for nth in 0..1 + u32::from(rng.bool()) {
            let due = week * 7 + 3 + 3 * nth;
            let scatter = if group == 3 { 0.16 } else { 0.11 };
            let score = (level + 0.02 * mood + scatter * normal(rng)).clamp(0.0, 1.0);
            let late = if group == 2 { rng.u32(2..=6) } else { rng.u32(0..=1) };
            let there = stops.is_none_or(|stops| week < stops);
            let handed_in = there && rng.f64() < 1.0 / (1.0 + (-willing).exp());
            tasks.push(Task {
                due,
                work: handed_in.then_some((due + late, score)),
            });
        }
    }
    tasks
}

/// Below 60 % handed in, or a mean of the last four scores below 0.45.
fn is_off_track(tasks: &[Task]) -> bool {
    let scores: Vec<f64> = tasks
        .iter()
        .filter_map(|task| task.work.map(|(_, score)| score))
        .collect();
    let last = &scores[scores.len().saturating_sub(4)..];
    let mean = last.iter().sum::<f64>() / last.len().max(1) as f64;
    scores.len() * 10 < tasks.len() * 6 || mean < 0.45
}

/// What a profile says on a day, from what had arrived until then.
fn profile_on(tasks: &[Task], day: u32) -> Option<Profile> {
    let works: Vec<(u32, f64)> = tasks
        .iter()
        .filter_map(|task| task.work)
        .filter(|(at, _)| *at <= day)
        .collect();
    let (last, _) = works.last()?;
    let (level, uncertainty, slope) = line(&works, day)?;
    let recent = |task: &&Task| task.due <= day && task.due + 28 > day;
    let due = tasks.iter().filter(recent).count() as u32;
    // What arrives late is not missed once it is there.
    let here = |task: &&Task| task.work.is_some_and(|(at, _)| at <= day);
    let done = tasks.iter().filter(recent).filter(here).count() as u32;
    Some(Profile {
        level,
        uncertainty,
        slope,
        works: works.len() as u32,
        idle_days: day - last,
        due,
        missed: due - done,
        step: step(&works, day),
    })
}

/// Level today, its standard error, slope a week: a straight line through the works, halving in weight every four weeks.
fn line(works: &[(u32, f64)], day: u32) -> Option<(f64, f64, f64)> {
    if works.len() < 3 {
        return None;
    }
    let (mut w0, mut w1, mut w2, mut y0, mut y1, mut squares) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, score) in works {
        // Weeks from today, at most 0.
        let x = (f64::from(*at) - f64::from(day)) / 7.0;
        let weight = (x / 4.0).exp2();
        w0 += weight;
        squares += weight * weight;
        w1 += weight * x;
        w2 += weight * x * x;
        y0 += weight * score;
        y1 += weight * x * score;
    }
    // Drawn in as far as slopes are rare beside scatter, as a profile's would be.
    let w2 = w2 + 150.0;
    let determinant = w0 * w2 - w1 * w1;
    let slope = (w0 * y1 - w1 * y0) / determinant;
    let level = (y0 - slope * w1) / w0;
    let scatter: f64 = works
        .iter()
        .map(|(at, score)| {
            let x = (f64::from(*at) - f64::from(day)) / 7.0;
            (x / 4.0).exp2() * (score - level - slope * x).powi(2)
        })
        .sum::<f64>()
        / w0;
    // As many works as the weights are worth (Kish 1965); never surer than a spread of 0.05 allows.
    let worth = w0 * w0 / squares;
    let uncertainty = ((scatter + 0.0025) / worth).sqrt();
    Some((level.clamp(0.0, 1.0), uncertainty.min(1.0), slope.clamp(-1.0, 1.0)))
}

/// The split of the works, three on each side at least, whose means differ most for their scatter, if clearly.
fn step(works: &[(u32, f64)], day: u32) -> Option<Step> {
    let mut best: Option<(f64, Step)> = None;
    for split in 3..works.len().saturating_sub(2) {
        let (before, after) = works.split_at(split);
        let mean = |part: &[(u32, f64)]| part.iter().map(|(_, s)| s).sum::<f64>() / part.len() as f64;
        let (mean_before, mean_after) = (mean(before), mean(after));
        let within: f64 = before.iter().map(|(_, s)| (s - mean_before).powi(2)).sum::<f64>()
            + after.iter().map(|(_, s)| (s - mean_after).powi(2)).sum::<f64>();
        let pooled = within / (works.len() - 2) as f64;
        let error = (pooled * (1.0 / before.len() as f64 + 1.0 / after.len() as f64)).sqrt();
        let size = mean_after - mean_before;
        let clear = size.abs() / error.max(0.01);
        if clear > 2.5 && best.is_none_or(|(most, _)| clear > most) {
            let age_days = day - after[0].0.min(day);
            best = Some((clear, Step { size, age_days }));
        }
    }
    best.map(|(_, step)| step)
}

/// A standard normal draw (Box & Muller 1958).
fn normal(rng: &mut Rng) -> f64 {
    // 1 - [0, 1) is never 0.
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}
