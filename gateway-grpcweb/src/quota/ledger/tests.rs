use std::time::Duration;

use lyceum::testing::consul::Consul;

use super::*;

const TODAY: Day = Day(20_000);

fn spend(ledger: &Ledger, day: Day, who: &str) -> Option<u64> {
    // Any number that tells callers apart.
    let caller = who.bytes().fold(7, |sum, byte| sum * 31 + u64::from(byte));
    ledger.spend(day, Of::PrincipalDay, who, caller, 10)
}

#[test]
fn the_next_day_begins_anew() {
    let ledger = Ledger::default();
    for left in (0..10).rev() {
        assert_eq!(spend(&ledger, TODAY, "p-1"), Some(left));
    }
    assert_eq!(spend(&ledger, TODAY, "p-1"), None);
    assert_eq!(spend(&ledger, TODAY, "p-2"), Some(9));
    assert_eq!(spend(&ledger, Day(20_001), "p-1"), Some(9));
}

#[test]
fn what_is_not_told_stays_counted_once() {
    let ledger = Ledger::default();
    let shard = usize::from(digest(TODAY, Of::PrincipalDay, "p-1")[0]) % SHARDS;
    for _ in 0..3 {
        spend(&ledger, TODAY, "p-1");
    }
    let (day, told) = ledger.begin(shard).unwrap();
    assert_eq!((day, told.values().sum::<u64>()), (TODAY.0, 3));
    assert_eq!(spend(&ledger, TODAY, "p-1"), Some(6), "counted while it is on its way");
    ledger.end(shard, day, None);
    assert_eq!(spend(&ledger, TODAY, "p-1"), Some(5));
    let (_, told) = ledger.begin(shard).unwrap();
    assert_eq!(told.values().sum::<u64>(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_count_together_and_consul_knows_no_names() {
    let consul = Consul::start().await;
    let client = consul.client();
    let [one, other] = [Ledger::default(), Ledger::default()];
    for _ in 0..6 {
        spend(&one, TODAY, "p-1").unwrap();
    }
    one.settle(&client).await;
    assert_eq!(spend(&other, TODAY, "p-1"), Some(9), "not known yet");
    other.settle(&client).await;
    assert_eq!(spend(&other, TODAY, "p-1"), Some(2), "six and one, and this one");
    // Both at once: nothing is lost.
    for _ in 0..2 {
        spend(&one, TODAY, "p-1").unwrap();
    }
    tokio::join!(one.settle(&client), other.settle(&client));
    one.page(usize::from(digest(TODAY, Of::PrincipalDay, "p-1")[0]) % SHARDS)
        .open = true;
    one.settle(&client).await;
    assert_eq!(spend(&one, TODAY, "p-1"), None, "six, one, one and two are ten");

    let shard = usize::from(digest(TODAY, Of::PrincipalDay, "p-1")[0]) % SHARDS;
    let page = client
        .kv_get(&format!("lyceum/quota/{shard:02}"), &Query::default())
        .await
        .unwrap();
    let page = page.value.unwrap();
    let text = String::from_utf8(page.to_vec()).unwrap();
    assert!(text.contains("\"day\":20000") && !text.contains("p-1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_of_one_day_and_a_late_clock_takes_nothing_from_it() {
    let consul = Consul::start().await;
    let client = consul.client();
    let used = |name: &str, calls| BTreeMap::from([(name.to_owned(), calls)]);
    let written = settle(&client, 5, 20_000, &used("a", 1)).await.unwrap();
    assert_eq!(written.used, used("a", 1));
    let written = settle(&client, 5, 20_001, &used("b", 2)).await.unwrap();
    assert_eq!((written.day, &written.used), (20_001, &used("b", 2)));
    assert!(settle(&client, 5, 20_000, &used("a", 9)).await.unwrap().used.is_empty());
    let written = settle(&client, 5, 20_001, &used("b", 1)).await.unwrap();
    assert_eq!(written.used, used("b", 3));
    client.kv_put("lyceum/quota/05", "no page at all").await.unwrap();
    let written = settle(&client, 5, 20_001, &used("b", 1)).await.unwrap();
    assert_eq!(written.used, used("b", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consul_each_counts_for_itself_and_tells_later() {
    let mut consul = Consul::start().await;
    let client = consul.client();
    let ledger = Ledger::default();
    spend(&ledger, TODAY, "p-1").unwrap();
    consul.kill().await;
    let settled = tokio::time::timeout(Duration::from_secs(20), ledger.settle(&client)).await;
    assert!(settled.is_ok());
    for left in (0..9).rev() {
        assert_eq!(spend(&ledger, TODAY, "p-1"), Some(left));
    }
    assert_eq!(spend(&ledger, TODAY, "p-1"), None);
    consul.start_again_wiped().await;
    ledger.settle(&client).await;
    let told = Ledger::default();
    spend(&told, TODAY, "p-1").unwrap();
    told.settle(&client).await;
    assert_eq!(spend(&told, TODAY, "p-1"), None, "ten and one of its own");
}
