//! Makes `data/model.json` and the report of `docs/services/educator-alerts.md` again, from the seed alone.
//!
//! `cargo run -p lyceum-educator-alerts --example train` prints the report; with `--write` it replaces the file.

use std::error::Error;
use std::path::Path;

use lyceum_educator_alerts::domain::interval::Interval;
use lyceum_educator_alerts::domain::quality::{self, Labelled, fairness};
use lyceum_educator_alerts::domain::training::{self, SEED, cohort};

fn main() -> Result<(), Box<dyn Error>> {
    let trained = training::run()?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/model.json");
    let json = serde_json::to_string_pretty(&trained.model)? + "\n";
    if std::env::args().any(|argument| argument == "--write") {
        std::fs::write(&file, json)?;
        println!("wrote data/model.json");
    } else {
        println!("{json}");
    }

    let report = quality::report(&trained.held_out, SEED)?;
    println!(
        "kept for the report: {} estimates of {} students, {:.3} of them off track",
        report.count, report.students, report.prevalence
    );
    show("AUC", report.auc);
    show("Brier", report.brier);
    show("calibration error", report.calibration_error);
    show("observed less estimated", report.in_the_large);
    for bin in &report.bins {
        println!(
            "  estimated {:.3}  observed {:.3} ({:.3} to {:.3})  {} estimates",
            bin.estimated, bin.observed.estimate, bin.observed.low, bin.observed.high, bin.count
        );
    }
    let days = cohort::generate(training::STUDENTS, SEED);
    for day in cohort::DAYS {
        let of_day: Vec<Labelled> = trained
            .held_out
            .iter()
            .zip(training::held_out(&days, SEED))
            .filter(|(_, observation)| observation.day == day)
            .map(|(labelled, _)| *labelled)
            .collect();
        show(&format!("AUC on day {day}"), quality::report(&of_day, SEED)?.auc);
    }
    for point in quality::operating(&trained.held_out, &[0.4, 0.5, 0.6, 0.7, 0.85], SEED)? {
        println!("from {} on", point.threshold);
        show("  named", point.named);
        show("  precision", point.precision);
        show("  recall", point.recall);
    }
    for threshold in [0.4, 0.6] {
        let fairness = fairness::fairness(&trained.held_out, threshold, SEED).ok_or("no groups")?;
        println!("at {threshold}");
        for group in &fairness.groups {
            let Some(rates) = &group.rates else { continue };
            println!(
                "  group {}: {} estimates, {:.3} off track, AUC {:.3}, calibration error {:.3}, in the large {:+.3}",
                group.group, group.count, group.prevalence, rates.auc, rates.calibration_error, rates.in_the_large
            );
            show("    true positives", rates.true_positive);
            show("    false positives", rates.false_positive);
        }
        for (name, gap) in [
            ("  true positive gap", fairness.true_positive_gap),
            ("  false positive gap", fairness.false_positive_gap),
        ] {
            gap.into_iter().for_each(|gap| show(name, gap));
        }
    }
    Ok(())
}

fn show(name: &str, figure: Interval) {
    println!(
        "{name}: {:.3} ({:.3} to {:.3})",
        figure.estimate, figure.low, figure.high
    );
}
