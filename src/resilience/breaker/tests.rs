use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

struct Scene {
    breaker: Arc<Breaker>,
    settings: Call,
    rng: fastrand::Rng,
    now: u64,
}

impl Scene {
    fn new() -> Self {
        Self {
            breaker: Arc::default(),
            settings: Call::default(),
            rng: fastrand::Rng::with_seed(3),
            now: 5 * SECOND,
        }
    }

    fn ask(&self) -> Result<Pass, Refused> {
        self.breaker.ask(Micros(self.now), &self.settings)
    }

    fn end(&mut self, pass: Pass, verdict: Verdict) -> Option<Event> {
        self.breaker
            .end(pass, verdict, Micros(self.now), &self.settings, &mut self.rng)
    }

    fn call(&mut self, verdict: Verdict) -> Option<Event> {
        let Ok(pass) = self.ask() else {
            panic!("refused in {:?}", self.breaker.state())
        };
        self.end(pass, verdict)
    }

    fn opened() -> Self {
        let mut scene = Self::new();
        for _ in 0..4 {
            assert_eq!(scene.call(Verdict::Failed), None);
        }
        assert_eq!(scene.call(Verdict::Failed), Some(Event::Opened));
        scene
    }

    /// To when a trial is due.
    fn wait(&mut self) {
        let State::Open { until } = self.breaker.state() else {
            panic!("{:?}", self.breaker.state())
        };
        self.now = self.now.max(until.0);
    }
}

#[test]
fn five_failures_in_a_row_open_it_and_an_answer_begins_the_count_anew() {
    let mut scene = Scene::new();
    for _ in 0..4 {
        scene.call(Verdict::Failed);
    }
    scene.call(Verdict::Answered);
    for _ in 0..4 {
        assert_eq!(scene.call(Verdict::Failed), None);
    }
    scene.call(Verdict::Unknown);
    assert_eq!(scene.breaker.state(), State::Closed { failures: 4 });
    assert_eq!(scene.call(Verdict::Failed), Some(Event::Opened));
    let refused = scene.ask().map(drop);
    let Err(Refused { retry_after }) = refused else {
        panic!("let through")
    };
    assert!((400..=600).contains(&retry_after.as_millis()), "{retry_after:?}");
}

#[test]
fn a_short_silence_proves_nothing_whoever_gives_up() {
    let mut scene = Scene::new();
    scene.call(Verdict::Answered);
    scene.now += 490_000;
    for _ in 0..100 {
        assert_eq!(scene.call(Verdict::Silent), None);
    }
    assert_eq!(scene.breaker.state(), State::Closed { failures: 0 });
    // One that was told why failed, however short ago the last answer was.
    for _ in 0..4 {
        assert_eq!(scene.call(Verdict::Failed), None);
    }
    scene.now += 10_000;
    assert_eq!(scene.call(Verdict::Silent), Some(Event::Opened));
    // A trial that is silent keeps it open.
    scene.wait();
    assert_eq!(scene.call(Verdict::Silent), Some(Event::StillOpen));
}

#[test]
fn what_began_before_the_last_answer_proves_nothing() {
    let mut scene = Scene::new();
    let begun: Vec<_> = (0..20).map(|_| scene.ask()).collect();
    scene.now += 2000;
    scene.call(Verdict::Answered);
    scene.now += 400_000;
    for pass in begun.into_iter().flatten() {
        assert_eq!(scene.end(pass, Verdict::Failed), None);
    }
    assert_eq!(scene.breaker.state(), State::Closed { failures: 0 });
    for _ in 0..4 {
        scene.call(Verdict::Failed);
    }
    assert_eq!(scene.call(Verdict::Failed), Some(Event::Opened));
}

#[test]
fn after_the_pause_one_call_tries_and_the_others_wait_for_it() {
    let mut scene = Scene::opened();
    scene.wait();
    let Ok(trial) = scene.ask() else { panic!("no trial") };
    assert!(trial.is_trial());
    assert!(scene.ask().is_err());
    assert_eq!(scene.end(trial, Verdict::Answered), Some(Event::Closed));
    assert_eq!(scene.breaker.state(), State::Closed { failures: 0 });
    assert_eq!(scene.call(Verdict::Answered), None);
}

#[test]
fn a_trial_that_fails_keeps_it_open() {
    let mut scene = Scene::opened();
    for _ in 0..20 {
        scene.wait();
        let Ok(trial) = scene.ask() else { panic!("no trial") };
        assert_eq!(scene.end(trial, Verdict::Failed), Some(Event::StillOpen));
        assert!(scene.ask().is_err());
        let State::Open { until } = scene.breaker.state() else {
            panic!("not open")
        };
        assert!(
            (400_000..=600_000).contains(&(until.0 - scene.now)),
            "the pause never grows"
        );
    }
}

#[test]
fn a_trial_that_is_dropped_makes_room_at_once() {
    let mut scene = Scene::opened();
    scene.wait();
    drop(scene.ask());
    assert!(scene.ask().is_ok_and(|pass| pass.is_trial()));
}

#[test]
fn a_trial_into_a_black_hole_makes_room_after_a_pause() {
    let mut scene = Scene::opened();
    scene.wait();
    let Ok(lost) = scene.ask() else { panic!("no trial") };
    scene.now += 499_999;
    assert!(scene.ask().is_err());
    scene.now += 1;
    let Ok(second) = scene.ask() else { panic!("no room") };
    assert_eq!(scene.end(lost, Verdict::Failed), None, "an old trial decides nothing");
    assert_eq!(scene.end(second, Verdict::Answered), Some(Event::Closed));
}

#[test]
fn what_began_before_it_opened_decides_nothing() {
    let mut scene = Scene::new();
    let before = [scene.ask(), scene.ask()];
    for _ in 0..5 {
        scene.call(Verdict::Failed);
    }
    for (pass, verdict) in before.into_iter().zip([Verdict::Answered, Verdict::Failed]) {
        let Ok(pass) = pass else { panic!("refused") };
        assert_eq!(scene.end(pass, verdict), None);
        assert!(matches!(scene.breaker.state(), State::Open { .. }));
    }
}

#[test]
fn turned_off_it_lets_all_through_and_turned_on_it_counts_again() {
    let mut scene = Scene::opened();
    scene.settings.breaker_failures = 0;
    for _ in 0..20 {
        scene.call(Verdict::Failed);
    }
    scene.settings.breaker_failures = 5;
    scene.wait();
    assert_eq!(scene.call(Verdict::Answered), Some(Event::Closed));
}

#[test]
fn a_code_says_who_failed() {
    assert_eq!(Verdict::of(Code::Ok, true), Verdict::Answered);
    assert_eq!(Verdict::of(Code::NotFound, true), Verdict::Answered);
    assert_eq!(Verdict::of(Code::Internal, false), Verdict::Failed);
    assert_eq!(Verdict::of(Code::DeadlineExceeded, true), Verdict::Silent);
    assert_eq!(Verdict::of(Code::DeadlineExceeded, false), Verdict::Unknown);
    assert_eq!(Verdict::of(Code::ResourceExhausted, true), Verdict::Unknown);
}

#[test]
fn of_many_threads_one_tries() {
    let mut scene = Scene::opened();
    scene.wait();
    let (trials, now, settings) = (AtomicUsize::new(0), Micros(scene.now), &scene.settings);
    let start = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                let pass = scene.breaker.ask(now, settings);
                trials.fetch_add(usize::from(pass.is_ok()), Relaxed);
                // Kept until all have asked, or a dropped trial would make room.
                start.wait();
            });
        }
    });
    assert_eq!(trials.load(Relaxed), 1);
}

proptest! {
    /// Against the rules written down as plainly as can be: one call at a time, any verdicts, any pauses.
    #[test]
    fn it_keeps_the_rules(
        events in prop::collection::vec((0_u8..4, 0_u64..900_000), 1..300),
        failures in 1_u32..8,
    ) {
        let mut scene = Scene::new();
        scene.settings.breaker_failures = failures;
        let (mut in_a_row, mut open, mut answered) = (0, false, 0);
        for (verdict, pause) in events {
            scene.now += pause;
            let due = match scene.breaker.state() {
                State::Open { until } => scene.now >= until.0,
                _ => true,
            };
            prop_assert_eq!(open, matches!(scene.breaker.state(), State::Open { .. }));
            match scene.ask() {
                Err(refused) => {
                    prop_assert!(open && !due);
                    prop_assert!(refused.retry_after <= Duration::from_millis(600));
                }
                Ok(pass) => {
                    prop_assert!(!open || due);
                    prop_assert_eq!(pass.is_trial(), open);
                    let verdict =
                        [Verdict::Answered, Verdict::Failed, Verdict::Unknown, Verdict::Silent][usize::from(verdict)];
                    let event = scene.end(pass, verdict);
                    let verdict = match verdict {
                        Verdict::Silent if scene.now - answered < 500_000 => Verdict::Unknown,
                        Verdict::Silent => Verdict::Failed,
                        Verdict::Answered => {
                            // To the millisecond.
                            answered = if scene.now >= answered + 1000 { scene.now } else { answered };
                            verdict
                        }
                        verdict => verdict,
                    };
                    let expected = match (verdict, open) {
                        (Verdict::Answered, true) => Some(Event::Closed),
                        (Verdict::Failed, true) => Some(Event::StillOpen),
                        (Verdict::Failed, false) if in_a_row + 1 == failures => Some(Event::Opened),
                        _ => None,
                    };
                    prop_assert_eq!(event, expected);
                    match verdict {
                        Verdict::Answered => (in_a_row, open) = (0, false),
                        Verdict::Failed => {
                            in_a_row += 1;
                            open = open || in_a_row == failures;
                        }
                        Verdict::Unknown | Verdict::Silent => {}
                    }
                }
            }
        }
    }
}
