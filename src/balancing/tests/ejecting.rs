//! Who is ejected, who is not, and how they come back.

use super::*;

/// Calls that are picked at random, so that everybody gets some, each failing as often as its server does.
struct Trial {
    pool: Pool<Fake>,
    rng: Rng,
    now: Micros,
    /// Whether health checks are answered well.
    healthy: bool,
}

impl Trial {
    fn new(servers: usize, seed: u64) -> Self {
        let settings = Settings {
            policy: Policy::Random,
            slow_start: Duration::ZERO,
            ..Settings::default()
        };
        let pool = Pool::new(settings, seed);
        set(&pool, &vec![1; servers]);
        Self {
            pool,
            rng: Rng::with_seed(seed),
            now: Micros(1_000_000),
            healthy: true,
        }
    }

    /// So many calls, a millisecond apart; calls of the first that were made.
    fn run(&mut self, calls: u32, fails: &[f64]) -> u32 {
        let mut first = 0;
        for call in 0..calls {
            if call % 100 == 0 {
                for endpoint in self.pool.maintain(self.now, &mut self.rng) {
                    endpoint.probed(self.now, self.healthy);
                }
            }
            let endpoint = Arc::clone(&self.pool.pick(&mut self.rng, self.now, &Ask::default()).unwrap());
            let index: usize = endpoint.member().key.parse().unwrap();
            first += u32::from(index == 0);
            let ticket = endpoint.begin(self.now);
            self.now.0 += 1000;
            let outcome = if self.rng.f64() < fails[index] {
                Outcome::Failed
            } else {
                Outcome::Answered
            };
            ticket.end(self.now, outcome, true);
        }
        first
    }

    fn ejected(&self) -> usize {
        self.pool.endpoints().iter().filter(|one| one.is_ejected()).count()
    }
}

#[test]
fn whoever_only_fails_is_out_until_it_answers() {
    let mut trial = Trial::new(3, 1);
    trial.run(1_000, &[1.0, 0.0, 0.0]);
    assert_eq!(trial.ejected(), 1);
    let canaries = trial.run(60_000, &[1.0, 0.0, 0.0]);
    assert!(
        (3..=8).contains(&canaries),
        "a canary at 1, 2, 4, 8, 16, 32 s: {canaries}"
    );
    trial.run(61_000, &[0.0; 3]);
    assert_eq!(trial.ejected(), 0);
    let first = trial.run(3_000, &[0.0; 3]);
    assert!((800..1200).contains(&first), "its whole share again: {first}");
}

#[test]
fn without_health_there_is_no_canary() {
    let mut trial = Trial::new(3, 1);
    trial.healthy = false;
    trial.run(1_000, &[1.0, 0.0, 0.0]);
    assert_eq!(trial.run(30_000, &[0.0; 3]), 0);
    trial.healthy = true;
    trial.run(61_000, &[0.0; 3]);
    assert_eq!(trial.ejected(), 0);
}

#[test]
fn one_that_fails_half_of_its_calls_is_an_outlier() {
    let mut trial = Trial::new(5, 2);
    trial.run(3_000, &[0.5, 0.0, 0.0, 0.0, 0.0]);
    assert!(trial.pool.endpoints()[0].ejections() > 0);
}

#[test]
fn where_all_fail_alike_nobody_is_an_outlier() {
    for fails in [0.3, 0.5, 1.0] {
        let mut trial = Trial::new(6, 3);
        // Evidence first: at the very beginning nobody knows that the others fail too.
        trial.run(2_000, &[fails; 6]);
        let before: u64 = trial.pool.endpoints().iter().map(|one| one.ejections()).sum();
        trial.run(60_000, &[fails; 6]);
        let after: u64 = trial.pool.endpoints().iter().map(|one| one.ejections()).sum();
        assert!(after - before <= 6, "{} ejections at {fails}", after - before);
    }
}

#[test]
fn the_last_ones_are_taken_in_again_when_the_good_ones_leave() {
    let mut trial = Trial::new(6, 4);
    trial.run(3_000, &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(trial.ejected(), 3);
    set(&trial.pool, &[1, 1, 1]);
    assert_eq!(trial.ejected(), 1, "of three, one");
}

#[test]
fn without_the_setting_nobody_is_ejected() {
    let mut trial = Trial::new(3, 5);
    trial.run(1_000, &[1.0, 0.0, 0.0]);
    let settings = Settings {
        ejection: None,
        ..Settings::default()
    };
    trial.pool.configure(settings, trial.now);
    trial.run(1_000, &[1.0, 0.0, 0.0]);
    assert_eq!(trial.ejected(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn never_more_than_half_and_never_nobody(
        fails in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f64], 1..10),
        then in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0)], 10),
        seed: u64,
    ) {
        let mut trial = Trial::new(fails.len(), seed);
        for round in 0..20 {
            trial.run(200, if round < 10 { &fails } else { &then });
            prop_assert!(trial.ejected() <= fails.len() / 2, "{} of {}", trial.ejected(), fails.len());
        }
    }
}
