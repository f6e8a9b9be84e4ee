use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use lyceum::policy::{Allowance, Rate};
use tokio::time::advance;
use tonic::Code;

use super::*;
use crate::guard::Denied;

const SOMEBODY: &str = "203.0.113.7";

fn rate(calls: u32, burst: u32) -> Rate {
    Rate {
        calls,
        burst,
        per: Duration::from_secs(60),
    }
}

fn limits() -> Limits {
    Limits {
        address: Rate::default(),
        ..Limits::default()
    }
}

fn from(quota: &Quota, address: &str) -> Result<Standing, Box<Denied>> {
    let mut standing = Standing::default();
    quota
        .rules()
        .arrive(address.parse::<IpAddr>().unwrap(), &HeaderMap::new(), &mut standing)?;
    Ok(standing)
}

fn by(quota: &Quota, principal: Option<&str>, method: &str) -> Result<Standing, Box<Denied>> {
    let mut standing = Standing::default();
    quota.rules().call(principal, None, method, &mut standing)?;
    Ok(standing)
}

fn told(quota: &Quota, standing: &Standing) -> Option<(String, String)> {
    let mut headers = HeaderMap::new();
    standing.tell(&quota.rules(), &mut headers);
    let text = |name: &str| Some(headers.get(name)?.to_str().unwrap().to_owned());
    Some((text("ratelimit-policy")?, text("ratelimit")?))
}

#[tokio::test(start_paused = true)]
async fn an_address_has_its_burst_and_then_its_pace() {
    let quota = Quota::new(&Limits {
        address: rate(60, 3),
        ..limits()
    });
    for left in [2, 1, 0] {
        let standing = from(&quota, SOMEBODY).unwrap();
        let (policy, now) = told(&quota, &standing).unwrap();
        assert_eq!(policy, "\"address\";q=60;w=60");
        assert_eq!(now, format!("\"address\";r={left};t={}", 3 - left));
    }
    let exceeded = from(&quota, SOMEBODY).unwrap_err();
    assert_eq!(exceeded.told["retry-after"], "1");
    assert_eq!(exceeded.told["ratelimit"], "\"address\";r=0;t=1");
    assert_eq!(exceeded.told["ratelimit-policy"], "\"address\";q=60;w=60");
    assert_eq!(exceeded.refusal.code(), Code::ResourceExhausted);
    assert_eq!(exceeded.refusal.reason(), "RATE_LIMITED");
    assert!(from(&quota, "203.0.113.8").is_ok(), "another address is another caller");

    advance(Duration::from_secs(1)).await;
    assert!(from(&quota, SOMEBODY).is_ok());
    assert!(from(&quota, SOMEBODY).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_household_is_one_address_and_a_mapped_one_is_ipv4() {
    let quota = Quota::new(&Limits {
        address: rate(1, 1),
        ..limits()
    });
    assert!(from(&quota, "2001:db8:1:2::1").is_ok());
    assert!(from(&quota, "2001:db8:1:2:ffff::9").is_err());
    assert!(from(&quota, "2001:db8:1:3::1").is_ok());
    assert!(from(&quota, SOMEBODY).is_ok());
    assert!(from(&quota, &format!("::ffff:{SOMEBODY}")).is_err());
}

#[tokio::test(start_paused = true)]
async fn this_machine_is_limited_only_where_asked() {
    let mut asked = Limits {
        address: rate(1, 1),
        ..limits()
    };
    let quota = Quota::new(&asked);
    for _ in 0..3 {
        let standing = from(&quota, "127.0.0.1").unwrap();
        assert_eq!(told(&quota, &standing), None);
        assert!(from(&quota, "::1").is_ok());
    }
    asked.loopback = true;
    quota.change(&asked, 1);
    assert!(from(&quota, "127.0.0.1").is_ok());
    assert!(from(&quota, "127.0.0.1").is_err());
}

#[tokio::test(start_paused = true)]
async fn the_least_that_is_left_is_told_of_all_that_was_looked_at() {
    let quota = Quota::new(&Limits {
        address: rate(100, 0),
        principal: Allowance {
            calls: 10,
            per_day: 1000,
            ..Allowance::default()
        },
        ..limits()
    });
    let mut standing = from(&quota, SOMEBODY).unwrap();
    quota.rules().call(Some("p-1"), None, "a.A/M", &mut standing).unwrap();
    let (policy, left) = told(&quota, &standing).unwrap();
    assert_eq!(
        policy,
        "\"address\";q=100;w=60, \"principal\";q=10;w=60, \"principal-day\";q=1000;w=86400"
    );
    assert_eq!(left, "\"principal\";r=9;t=6");
    assert!(
        told(&quota, &by(&quota, None, "a.A/M").unwrap()).is_none(),
        "nobody in particular"
    );
}

#[tokio::test(start_paused = true)]
async fn a_day_is_spent_once_and_by_each_for_themselves() {
    let quota = Quota::new(&Limits {
        principal: Allowance {
            per_day: 2,
            ..Allowance::default()
        },
        key: Allowance {
            per_day: 1,
            ..Allowance::default()
        },
        ..limits()
    });
    assert!(by(&quota, Some("p-1"), "a.A/M").is_ok());
    assert!(by(&quota, Some("p-1"), "a.A/M").is_ok());
    let spent = by(&quota, Some("p-1"), "a.A/M").unwrap_err();
    assert_eq!(spent.refusal.reason(), "QUOTA_SPENT");
    assert_eq!(spent.told["ratelimit-policy"], "\"principal-day\";q=2;w=86400");
    let wait: u64 = spent.told["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=24 * 3600).contains(&wait));
    assert!(by(&quota, Some("p-2"), "a.A/M").is_ok());
    let with_key = |key| quota.rules().call(None, Some(key), "a.A/M", &mut Standing::default());
    assert!(with_key("p-1").is_ok(), "a key is no principal of the same name");
    assert!(with_key("p-1").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_method_has_its_own_limit_and_everybody_one() {
    let mut asked = Limits {
        method: rate(2, 2),
        ..limits()
    };
    asked.methods.insert("a.A/Free".to_owned(), Rate::default());
    asked.methods.insert("a.A/Dear".to_owned(), rate(1, 1));
    let quota = Quota::new(&asked);
    assert!(by(&quota, None, "a.A/Dear").is_ok());
    assert_eq!(
        by(&quota, Some("p-1"), "a.A/Dear").unwrap_err().told["ratelimit"],
        "\"method\";r=0;t=60"
    );
    for _ in 0..9 {
        assert!(by(&quota, None, "a.A/Free").is_ok());
    }
    for method in ["a.A/One", "a.A/Two"] {
        assert!(by(&quota, None, method).is_ok());
        assert!(by(&quota, None, method).is_ok());
        assert!(by(&quota, None, method).is_err());
    }
    asked.everyone = rate(1, 1);
    quota.change(&asked, 1);
    assert!(by(&quota, None, "a.A/Free").is_ok());
    assert!(by(&quota, None, "a.A/Free").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_one_is_not_counted_against_all() {
    let quota = Quota::new(&Limits {
        principal: Allowance {
            calls: 2,
            ..Allowance::default()
        },
        everyone: rate(4, 4),
        ..limits()
    });
    for _ in 0..50 {
        let _ = by(&quota, Some("flood"), "a.A/M");
    }
    assert!(by(&quota, Some("other"), "a.A/M").is_ok());
    assert!(by(&quota, Some("other"), "a.A/M").is_ok());
}

#[tokio::test(start_paused = true)]
async fn counts_outlive_a_change() {
    let mut asked = Limits {
        address: rate(60, 2),
        ..limits()
    };
    let quota = Quota::new(&asked);
    assert!(from(&quota, SOMEBODY).is_ok());
    assert!(from(&quota, SOMEBODY).is_ok());
    advance(Duration::from_millis(500)).await;
    asked.principal.calls = 5;
    quota.change(&asked, 1);
    assert!(from(&quota, SOMEBODY).is_err(), "this limit did not change");
    advance(Duration::from_millis(500)).await;
    assert!(from(&quota, SOMEBODY).is_ok());
    assert!(from(&quota, SOMEBODY).is_err());
}

#[tokio::test(start_paused = true)]
async fn gateways_take_a_share_each() {
    let asked = Limits {
        address: rate(60, 10),
        ..limits()
    };
    let gateways = [Quota::new(&asked), Quota::new(&asked)];
    let mut taken = 0;
    for quota in &gateways {
        quota.change(&asked, 2);
        while let Ok(standing) = from(quota, SOMEBODY) {
            assert_eq!(told(quota, &standing).unwrap().0, "\"address\";q=30;w=60");
            taken += 1;
        }
    }
    assert_eq!(taken, 10);
    advance(Duration::from_secs(60)).await;
    taken = 0;
    for _ in 0..60 {
        for quota in &gateways {
            taken += u32::from(from(quota, SOMEBODY).is_ok());
        }
    }
    assert_eq!(taken, 10, "the burst came back, and no more");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_addresses_has_bounded_room_and_takes_nothing_from_who_was_there() {
    let quota = Quota::new(&Limits {
        address: rate(60, 1),
        kept: 1000,
        ..limits()
    });
    assert!(from(&quota, SOMEBODY).is_ok());
    let mut refused = 0;
    for number in 0..20_000_u32 {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).to_string();
        refused += u32::from(from(&quota, &address).is_err());
    }
    assert!(quota.counts.callers.len() <= 1024, "{}", quota.counts.callers.len());
    assert!(refused > 18_000, "newcomers share what is left: {refused}");
    assert!(from(&quota, SOMEBODY).is_err(), "still known");
    advance(Duration::from_secs(2)).await;
    assert!(
        from(&quota, "198.51.100.1").is_ok(),
        "who has all calls back makes room"
    );
    assert!(from(&quota, SOMEBODY).is_ok());
}
