#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use proptest::prelude::*;

use super::*;

/// 2100-01-01, so that generated times are ones that certificates end at.
const LATEST: u64 = 4_102_444_800;

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z._A-Z0-9]{1,60}", 0..40)
}

prop_compose! {
    fn meta()(
        version in "[0-9a-z.+-]{0,20}",
        methods in names(),
        capabilities in names(),
        expires in prop::option::of(0..LATEST),
        zone in "[a-z0-9-]{0,20}",
        more in prop::collection::btree_map("x_[a-z]{1,10}", ".{0,20}", 0..4),
    ) -> Meta {
        let certificate_expires = expires.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Meta { version, methods, capabilities, zone, certificate_expires, more }
    }
}

proptest! {
    #[test]
    fn what_is_announced_is_read_again(meta in meta()) {
        let pairs = meta.pairs();
        prop_assert_eq!(Meta::read(&pairs), meta);
    }

    #[test]
    fn no_list_is_longer_than_consul_takes(meta in meta()) {
        for (key, value) in meta.pairs() {
            prop_assert!(value.len() <= VALUE_BYTES, "{key} has {} bytes", value.len());
            prop_assert!(key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{key}");
        }
    }

    #[test]
    fn what_others_wrote_never_panics(pairs in prop::collection::btree_map(
        "version|protocol|methods|methods-2|capabilities|certificate_expires|other",
        "[0-9TZ:, -]{0,24}|.{0,30}", 0..8,
    )) {
        let meta = Meta::read(&pairs);
        prop_assert_eq!(&meta.version, pairs.get("version").map_or("", String::as_str));
    }
}

#[test]
fn the_pairs_are_what_an_operator_expects_to_see() {
    let meta = Meta {
        version: "1.2.3".into(),
        methods: vec!["lyceum.a.v1.A".into(), "grpc.health.v1.Health".into()],
        certificate_expires: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_255_200)),
        ..Meta::default()
    };
    let pairs = meta.pairs();
    let expected = [
        ("certificate_expires", "2026-11-21T10:00:00Z"),
        ("methods", "lyceum.a.v1.A,grpc.health.v1.Health"),
        ("protocol", "grpc"),
        ("version", "1.2.3"),
    ];
    assert_eq!(
        pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn a_time_that_is_none_is_left_out() {
    for text in [
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        "2026-01-01",
        "2026-01-01T25:00:00Z",
        "1969-01-01T00:00:00Z",
    ] {
        let pairs = BTreeMap::from([("certificate_expires".to_owned(), text.to_owned())]);
        assert_eq!(Meta::read(&pairs).certificate_expires, None, "{text}");
    }
}
