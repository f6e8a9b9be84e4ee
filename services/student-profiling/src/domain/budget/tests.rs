//! The ledger is exact.

use proptest::prelude::*;

use super::*;

fn accounts() -> impl Strategy<Value = Vec<Account>> {
    let account = (0_u64..=5_000_000_000, 0_u64..=5_000_000_000)
        .prop_map(|(granted, spent)| Account::stored(Epsilon::nano(granted), Epsilon::nano(spent)));
    proptest::collection::vec(account, 0..8)
}

fn amounts() -> impl Strategy<Value = Vec<Epsilon>> {
    let amount = prop_oneof![
        3 => 10_000_000_u64..=400_000_000,
        1 => 0_u64..=u64::MAX,
        1 => Just(10_000_000),
        1 => Just(2_000_000_000),
    ];
    proptest::collection::vec(amount.prop_map(Epsilon::nano), 0..120)
}

proptest! {
    /// To the billionth: what is left and what was taken are what was granted, after any sequence of charges.
    #[test]
    fn nothing_is_lost_and_nothing_is_made(amounts in amounts()) {
        let mut account = [Account::fresh(Purpose::Cohort).expect("it has a budget")];
        let mut taken = 0_u128;
        for amount in amounts {
            let before = account[0];
            match charge(&mut account, amount) {
                Ok(left) => {
                    taken += u128::from(amount.as_nano());
                    prop_assert_eq!(left, account[0].left());
                }
                Err(_) => prop_assert_eq!(account[0], before),
            }
        }
        prop_assert_eq!(u128::from(account[0].spent().as_nano()), taken);
        prop_assert_eq!(taken + u128::from(account[0].left().as_nano()), 5_000_000_000);
    }

    #[test]
    fn all_are_charged_or_none(mut accounts in accounts(), amount in 10_000_000_u64..=2_000_000_000) {
        let amount = Epsilon::nano(amount);
        let before = accounts.clone();
        let payable = before.iter().all(|account| account.left() >= amount);
        match charge(&mut accounts, amount) {
            Ok(least) => {
                prop_assert!(payable);
                for (account, before) in accounts.iter().zip(&before) {
                    prop_assert_eq!(account.spent().as_nano(), before.spent().as_nano() + amount.as_nano());
                    prop_assert!(account.spent() <= account.granted() && account.left() >= least);
                }
            }
            Err(error) => {
                prop_assert_eq!(error, Error::Spent);
                prop_assert!(!payable);
                prop_assert_eq!(accounts, before);
            }
        }
    }

    #[test]
    fn charges_that_all_fit_add_up_in_any_order(amounts in proptest::collection::vec(10_000_000_u64..=50_000_000, 0..=100), seed: u64) {
        let mut shuffled = amounts.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let spend = |amounts: &[u64]| {
            let mut account = [Account::fresh(Purpose::Cohort).expect("it has a budget")];
            for &amount in amounts {
                charge(&mut account, Epsilon::nano(amount)).expect("5 is enough for 100 of 0.05");
            }
            account
        };
        prop_assert_eq!(spend(&amounts), spend(&shuffled));
    }

    #[test]
    fn halves_are_the_whole(nano: u64) {
        let (a, b) = Epsilon::nano(nano).halves();
        prop_assert_eq!(a.as_nano().checked_add(b.as_nano()), Some(nano));
        prop_assert!(a >= b && a.as_nano() - b.as_nano() <= 1);
    }

    #[test]
    fn the_float_is_never_above(nano in 0_u64..=5_000_000_000) {
        // nano < 2^53 and 1e9 < 2^53: exact in f64, and the product of a float below the quotient stays below.
        let float = Epsilon::nano(nano).at_most();
        prop_assert!(float >= 0.0 && (nano == 0 || float < nano as f64 / 1e9));
        prop_assert!(nano as f64 / 1e9 - float < 1e-15);
    }
}

#[test]
fn the_last_billionth_is_paid_and_not_one_more() {
    let mut account = [Account::stored(Epsilon::nano(100_000_000), Epsilon::nano(90_000_000))];
    assert_eq!(charge(&mut account, Epsilon::nano(10_000_001)), Err(Error::Spent));
    assert_eq!(charge(&mut account, Epsilon::nano(10_000_000)), Ok(Epsilon::ZERO));
    assert_eq!(charge(&mut account, Epsilon::LEAST), Err(Error::Spent));
}

#[test]
fn amounts_and_purposes_have_limits() {
    let mut account = [Account::fresh(Purpose::Research).expect("it has a budget")];
    for nano in [0, 9_999_999, 2_000_000_001, u64::MAX] {
        assert_eq!(charge(&mut account, Epsilon::nano(nano)), Err(Error::Amount));
    }
    assert_eq!(Account::fresh(Purpose::OwnProfile), Err(Error::Purpose));
}
