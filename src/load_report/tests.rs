#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use proptest::prelude::*;

use super::*;

fn headers(value: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(LOAD_REPORT, value)])
}

fn told(report: &LoadReport) -> Option<f32> {
    utilization(&headers(report.to_header()))
}

#[test]
fn the_bytes_are_those_of_the_published_message() {
    // Worked out by hand from orca_load_report.proto: field 9, a double, 0.75.
    let report = LoadReport {
        application_utilization: 0.75,
        ..LoadReport::default()
    };
    assert_eq!(report.encode_to_vec(), [0x49, 0, 0, 0, 0, 0, 0, 0xe8, 0x3f]);
    assert_eq!(report.to_header(), "SQAAAAAAAOg/");
    assert_eq!(told(&report), Some(0.75));
    // With padding, as some languages send it.
    let padded = LoadReport {
        cpu_utilization: 0.5,
        utilization: BTreeMap::from([("gpu".to_owned(), 0.25)]),
        ..LoadReport::default()
    };
    let text = base64::engine::general_purpose::STANDARD.encode(padded.encode_to_vec());
    assert!(text.ends_with('='), "{text}");
    assert_eq!(utilization(&headers(text.parse().unwrap())), Some(0.5));
}

#[test]
fn the_busiest_resource_counts() {
    let mut report = LoadReport {
        application_utilization: 0.5,
        cpu_utilization: 0.9,
        mem_utilization: 1.0,
        named_metrics: BTreeMap::from([("opaque".to_owned(), 7.0)]),
        ..LoadReport::default()
    };
    assert_eq!(told(&report), Some(0.5), "the application knows better than the CPU");
    report.utilization.insert("gpu".to_owned(), 0.7);
    report.utilization.insert("disk".to_owned(), 0.2);
    assert_eq!(told(&report), Some(0.7));
    report.application_utilization = 0.0;
    assert_eq!(
        told(&report),
        Some(0.9),
        "the CPU counts where the application is silent"
    );
    assert_eq!(told(&LoadReport::default()), None);
    assert_eq!(utilization(&HeaderMap::new()), None);
}

#[test]
fn a_server_that_lies_is_not_believed() {
    for lie in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        let report = LoadReport {
            application_utilization: lie,
            utilization: BTreeMap::from([("gpu".to_owned(), lie)]),
            ..LoadReport::default()
        };
        assert_eq!(told(&report), None, "{lie}");
    }
    let huge = LoadReport {
        application_utilization: 1e300,
        ..LoadReport::default()
    };
    assert_eq!(told(&huge), Some(HIGHEST));
    let long = LoadReport {
        utilization: BTreeMap::from([("x".repeat(LONGEST), 0.5)]),
        ..LoadReport::default()
    };
    assert_eq!(told(&long), None);
    assert_eq!(LoadReport::from_headers(&headers(long.to_header())), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        if let Some(value) = walk(&bytes) {
            prop_assert!((0.0..=HIGHEST).contains(&value));
        }
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let _ = utilization(&headers(value));
        }
        let encoded = HeaderValue::from_str(&BASE64.encode(&bytes)).unwrap();
        let read = utilization(&headers(encoded));
        prop_assert!(read.is_none_or(|value| (0.0..=HIGHEST).contains(&value)));
    }

    #[test]
    fn what_was_sent_is_what_is_read(
        application in 0.0..20.0_f64,
        cpu in 0.0..2.0_f64,
        named in proptest::collection::btree_map("[a-z]{1,12}", 0.0..1.0_f64, 0..8),
    ) {
        let report = LoadReport {
            application_utilization: application,
            cpu_utilization: cpu,
            utilization: named.clone(),
            ..LoadReport::default()
        };
        let header = headers(report.to_header());
        let read = LoadReport::from_headers(&header).unwrap_or_default();
        prop_assert_eq!(&read, &report);
        let highest = named.values().copied().fold(application, f64::max);
        let expected = (highest as f32).min(HIGHEST);
        if application > 0.0 {
            prop_assert_eq!(utilization(&header), Some(expected));
        }
    }
}
