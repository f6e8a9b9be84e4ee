//! What a call costs in the domain: a trajectory with its changes, assessments, proposals, rebuilding, noise.
//!
//! `cargo bench -p lyceum-student-profiling`. The contract's calls are to answer within 15 ms through the gateway.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lyceum_student_profiling::domain::budget::Epsilon;
use lyceum_student_profiling::domain::change::Changes;
use lyceum_student_profiling::domain::cohort::Question;
use lyceum_student_profiling::domain::controls::Source;
use lyceum_student_profiling::domain::growth::{Band, Trajectory};
use lyceum_student_profiling::domain::observation::{DAY, Observation, Raw, When};
use lyceum_student_profiling::domain::profile::{Event, Profile};
use lyceum_student_profiling::domain::recommending::recommend;
use lyceum_student_profiling::domain::skills::Assessment;

fn observations(skills: usize, each: usize) -> Vec<Observation> {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut all = Vec::new();
    for skill in 0..skills {
        for index in 0..each {
            all.extend(Observation::try_from(Raw {
                id: format!("o{index}"),
                skill: format!("skill-{skill}"),
                value: 0.3 + 0.4 * rng.f64(),
                weight: 1.0,
                at: 1_600_000_000_000 + index as i64 * 3 * DAY,
                source: Source::Writing,
            }));
        }
    }
    all
}

fn profile(criterion: &mut Criterion) {
    let Ok(band) = Band::parse(90) else { return };
    for each in [20, 60, 256] {
        let one = observations(1, each);
        let now = one.last().map_or(When::default(), Observation::at);
        criterion.bench_function(&format!("changes of {each}"), |bencher| {
            bencher.iter(|| Changes::of(black_box(&one)));
        });
        let changes = Changes::of(&one);
        criterion.bench_function(&format!("trajectory of {each}"), |bencher| {
            bencher.iter(|| Trajectory::of(black_box(&one), &changes, band, 28));
        });
        criterion.bench_function(&format!("assessment of {each}"), |bencher| {
            bencher.iter(|| Assessment::of(black_box(&one), &changes, now));
        });
    }
    let eight = observations(8, 30);
    let now = eight.last().map_or(When::default(), Observation::at);
    criterion.bench_function("recommend, 8 skills of 30", |bencher| {
        bencher.iter(|| recommend(black_box(&eight), now, 3));
    });
    let events: Vec<Event> = eight.iter().cloned().map(Event::Observed).collect();
    criterion.bench_function("rebuild, 240 events", |bencher| {
        bencher.iter(|| {
            let mut profile = Profile::default();
            profile.replay((1..).zip(black_box(&events))).map(|()| profile)
        });
    });
    let members: Vec<Option<f64>> = (0..30).map(|i| Some(f64::from(i) / 30.0)).collect();
    criterion.bench_function("cohort mean of 30", |bencher| {
        bencher.iter(|| Question::Mean.answer(black_box(&members), Epsilon::nano(500_000_000)));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = profile
}
criterion_main!(benches);
