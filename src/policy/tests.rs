#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn problems(document: &str) -> Vec<(String, String)> {
    match Policy::default().with(document.as_bytes()) {
        Err(Error::Wrong(problems)) => problems.into_iter().map(|p| (p.key, p.problem)).collect(),
        other => panic!("{document}: {other:?}"),
    }
}

fn keys(document: &str) -> Vec<String> {
    problems(document).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn the_defaults_keep_their_own_rules_and_an_empty_document_changes_nothing() {
    assert_eq!(Policy::default().with(b"").unwrap(), Policy::default());
    let written = toml::to_string(&Policy::default()).unwrap();
    assert_eq!(Policy::default().with(written.as_bytes()).unwrap(), Policy::default());
}

#[test]
fn a_method_has_what_it_says_and_otherwise_what_the_service_has() {
    let policy = Policy::default()
        .with(b"[call]\ndeadline = \"4s\"\n[methods.Judge]\nhedge = true\nhedge_floor = \"25ms\"")
        .unwrap();
    let judge = policy.method("Judge");
    assert_eq!(judge.deadline, Duration::from_secs(4));
    assert!(judge.hedge && !policy.call.hedge);
    assert_eq!(judge.hedge_floor, Duration::from_millis(25));
    assert_eq!(policy.method("Other"), policy.call);
}

#[test]
fn the_balancer_gets_what_the_policy_says() {
    assert_eq!(
        Policy::default().balancing.settings(),
        crate::balancing::Settings::default(),
        "the defaults are the balancer's own"
    );
    let policy = Policy::default()
        .with(b"[balancing]\npolicy = \"pinned\"\npinned = \"a-1\"\naffinity = \"session\"\nejection.enabled = false")
        .unwrap();
    let settings = policy.balancing.settings();
    assert_eq!(settings.policy, crate::balancing::Policy::Pinned("a-1".to_owned()));
    assert_eq!((settings.affinity, settings.ejection), (Some(1.25), None));
}

#[test]
fn layers_add_up_key_by_key() {
    let file = Policy::default()
        .with(b"[call]\ndeadline = \"4s\"\nattempts = 2\n[methods.Judge]\nattempts = 1")
        .unwrap();
    let both = file
        .with(b"[call]\nattempts = 5\n[methods.Judge]\nhedge = true\n[balancing.ejection]\nfailures = 9")
        .unwrap();
    assert_eq!((both.call.deadline.as_secs(), both.call.attempts), (4, 5));
    assert_eq!((both.method("Judge").attempts, both.method("Judge").hedge), (1, true));
    assert_eq!(
        (both.balancing.ejection.failures, both.balancing.ejection.samples),
        (9, 5)
    );
}

#[test]
fn everything_wrong_is_told_at_once_with_its_key() {
    let wrong = r#"
        colour = "red"
        [call]
        deadline = "soon"
        tries = 2
        [methods]
        Flat = 3
        [methods.Judge]
        attempts = "many"
        nosuch = 1
        [budget]
        share = "a lot"
        floor = 100000
        [balancing]
        policy = "luck"
        [balancing.ejection]
        after = 3
        [nowhere.at.all]
        x = 1
    "#;
    let keys = keys(wrong);
    for key in [
        "colour",
        "call.deadline",
        "call.tries",
        "methods.Flat",
        "methods.Judge.attempts",
        "methods.Judge.nosuch",
        "budget.share",
        "budget.floor",
        "balancing.policy",
        "balancing.ejection.after",
        "nowhere.at.all.x",
    ] {
        assert!(keys.iter().any(|known| known == key), "{key} is missing in {keys:?}");
    }
    assert_eq!(keys.len(), 11, "{keys:?}");
}

#[test]
fn every_range_is_kept_and_every_breach_told() {
    for (document, key) in [
        ("[call]\ndeadline = \"2h\"", "call.deadline"),
        ("[call]\nattempts = 6", "call.attempts"),
        ("[call]\nhop = \"11s\"", "call.hop"),
        ("[call]\nhedge_quantile = nan", "call.hedge_quantile"),
        ("[call]\nhedge_quantile = inf", "call.hedge_quantile"),
        ("[call]\nbreaker_failures = 1001", "call.breaker_failures"),
        ("[call]\nbreaker_pause = \"1ms\"", "call.breaker_pause"),
        ("[call]\nstale = \"2days\"", "call.stale"),
        ("[call]\nbackoff = \"2s\"", "call.backoff"),
        ("[methods.A]\nattempts = 0", "methods.A.attempts"),
        ("[methods.A]\ndeadline = \"10ms\"\nhop = \"20ms\"", "methods.A.hop"),
        ("[methods.\"a b\"]\nattempts = 2", "methods.a b"),
        ("[serving.bulkheads]\n\"a.b\" = 2", "serving.bulkheads.a.b"),
        ("[budget]\nshare = -0.1", "budget.share"),
        ("[budget]\nwindow = \"0s\"", "budget.window"),
        ("[balancing]\npolicy = \"pinned\"", "balancing.pinned"),
        ("[balancing]\naffinity = \"grpc-timeout\"", "balancing.affinity"),
        ("[balancing]\naffinity = \"not a header\"", "balancing.affinity"),
        ("[balancing]\nsubset = 3", "balancing.subset"),
        ("[balancing]\nzone_factor = 0.0", "balancing.zone_factor"),
        ("[balancing]\naffinity_bound = 1.0", "balancing.affinity_bound"),
        ("[balancing.ejection]\nsuccess = 1.5", "balancing.ejection.success"),
        ("[balancing.ejection]\nfirst = \"2m\"", "balancing.ejection.first"),
        ("[serving]\nlimit_initial = 5000", "serving.limit_initial"),
        ("[serving]\nqueue_target = \"501ms\"", "serving.queue_target"),
        ("[serving.bulkheads]\nJudge = 0", "serving.bulkheads.Judge"),
    ] {
        assert!(
            keys(document).contains(&key.to_owned()),
            "{document}: {:?}",
            keys(document)
        );
    }
    let both = keys("[call]\nattempts = 6\nhop = \"2s\"\n[methods.A]\nhedge = true\n[budget]\nfloor = 20000");
    assert_eq!(
        both,
        ["call.hop", "call.attempts", "budget.floor"],
        "the method repeats nothing"
    );
}

#[test]
fn what_is_no_document_is_refused() {
    let with = |document: &[u8]| Policy::default().with(document);
    assert_eq!(
        with(&vec![b' '; DOCUMENT_LIMIT + 1]),
        Err(Error::TooLong(DOCUMENT_LIMIT + 1))
    );
    assert!(matches!(with(b"\xff"), Err(Error::NotToml(_))));
    let Err(Error::NotToml(told)) = with(b"[call]\nattempts = = 2") else {
        panic!("taken")
    };
    assert!(told.starts_with("line 2:"), "{told}");
}

#[test]
fn unknown_methods_are_named_where_the_contract_is_known() {
    let policy = Policy::default()
        .with(b"[methods.AnalyzeWriting]\nhedge = true\n[methods.AnalyseWriting]\nhedge = true\n[serving.bulkheads]\nNosuch = 3")
        .unwrap();
    assert_eq!(policy.unknown_methods("writing-analysis"), ["AnalyseWriting", "Nosuch"]);
    assert!(policy.unknown_methods("of-tomorrow").is_empty());
}

#[test]
fn each_value_says_where_it_comes_from() {
    let base = Policy::default()
        .with(b"[call]\ndeadline = \"4s\"\nattempts = 2")
        .unwrap();
    let settings = base
        .settings(b"[call]\nattempts = 4\n[methods.Judge]\nhedge = true")
        .unwrap();
    let origin = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap().origin;
    assert_eq!(origin("call.deadline"), Origin::Configuration);
    assert_eq!(origin("call.attempts"), Origin::Consul);
    assert_eq!(origin("methods.Judge.hedge"), Origin::Consul);
    assert_eq!(origin("budget.share"), Origin::Default);
    assert_eq!(origin("balancing.ejection.failures"), Origin::Default);
    assert_eq!(settings[0].key, "call.attempts");
    let mut tables: Vec<_> = settings
        .iter()
        .filter_map(|setting| setting.key.rsplit_once('.'))
        .collect();
    tables.dedup_by_key(|(table, _)| *table);
    let opened = tables.len();
    tables.sort_unstable();
    tables.dedup_by_key(|(table, _)| *table);
    assert_eq!(tables.len(), opened, "no table is opened twice");
}

#[test]
fn the_guide_has_every_key_with_its_default() {
    let guides = concat!(
        include_str!("../../docs/resilience.md"),
        "\n",
        include_str!("../../docs/gateway/limits.md"),
        "\n",
        include_str!("../../docs/gateway/seeing.md"),
        "\n",
        include_str!("../../docs/gateway/transport.md")
    );
    let settings = Policy::default().settings(b"").unwrap();
    assert!(settings.len() > 30);
    for setting in settings {
        let (section, key) = setting.key.split_once('.').unwrap();
        let row = format!("| `{key}` | `{}` |", setting.value.to_string().trim_matches('"'));
        let is_told = guides
            .split("\n## ")
            .any(|part| part.starts_with(&format!("`[{section}]`")) && part.contains(&row));
        assert!(is_told, "{section}: no row that begins with {row}");
    }
}

#[test]
fn limits_name_methods_and_keep_their_ranges() {
    let policy = Policy::default()
        .with(b"[edge.limits]\nmethod.calls = 9\n[edge.limits.methods.\"a.b.C/D\"]\ncalls = 5\nper = \"1s\"")
        .unwrap();
    let limits = &policy.edge.limits;
    assert_eq!((limits.methods["a.b.C/D"].calls, limits.method.calls), (5, 9));
    let wrong = keys(
        "[edge.limits]\naddress.calls = 10000001\nkey.per_day = 1000000001\nprincipal.per = \"2h\"\nkept = 5\nproxies = [\"nowhere\"]\n\
         [edge.limits.methods.\"a.b.C\"]\nburst = 10000001\n[edge.log]\nsample = 1.5",
    );
    assert_eq!(
        wrong,
        [
            "edge.limits.address.calls",
            "edge.limits.proxies",
            "edge.limits.principal.per",
            "edge.limits.key.per_day",
            "edge.limits.methods.\"a.b.C\"",
            "edge.limits.methods.\"a.b.C\".burst",
            "edge.limits.kept",
            "edge.log.sample",
        ]
    );
}

proptest! {
    #[test]
    fn no_document_panics(document in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Policy::default().with(&document);
    }

    #[test]
    fn no_text_with_our_keys_panics(
        section in "(call|methods|methods\\.A|budget|balancing|serving|serving\\.bulkheads|x)",
        key in "(deadline|attempts|share|policy|ejection|limit_min|A|\"\")",
        value in "(-?[0-9]{1,20}|nan|-inf|\"[a-z0-9]{0,6}\"|\\[\\]|\\{\\}|true|\\{a=\\{b=\\{\\}\\}\\})",
    ) {
        let _ = Policy::default().with(format!("[{section}]\n{key} = {value}").as_bytes());
    }
}
