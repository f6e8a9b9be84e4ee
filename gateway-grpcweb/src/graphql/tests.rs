#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use super::*;

#[tokio::test]
async fn a_schema_is_made_once_for_all_who_ask() {
    let (graphql, learnt) = (Graphql::default(), schema::Schema::new());
    assert!(graphql.made.load().is_none(), "nobody has asked");
    let made = join_all((0..8).map(|_| graphql.schema(&learnt))).await;
    let first = made[0].as_ref().unwrap();
    assert!(made.iter().all(|other| Arc::ptr_eq(first, other.as_ref().unwrap())));
    let again = graphql.schema(&learnt).await.unwrap();
    assert!(Arc::ptr_eq(first, &again));
}
