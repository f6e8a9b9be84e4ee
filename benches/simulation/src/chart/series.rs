//! A case second by second: one line a balancer.

use super::colour;
use super::svg::{Anchor, FAINT, INK, Page, Scale};
use crate::balancer::Kind;
use crate::measure::Moment;
use crate::study::{Cell, Row};

/// What is drawn of a case.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    what: What,
    label: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    P99,
    P999,
    Answered,
    Attempts,
}

const P99: View = View {
    what: What::P99,
    label: "p99, ms",
};
const P999: View = View {
    what: What::P999,
    label: "p99.9, ms",
};
const ANSWERED: View = View {
    what: What::Answered,
    label: "answered well, %",
};
const ATTEMPTS: View = View {
    what: What::Attempts,
    label: "attempts ÷ calls",
};

/// The cases whose course says more than their sum.
pub(super) fn view(case: &str) -> Option<View> {
    match case {
        "A" => Some(P999),
        "pauses" | "restart" | "scale" => Some(P99),
        "C" | "C2" | "zone" | "storm" => Some(ANSWERED),
        "storm-budget" => Some(ATTEMPTS),
        _ => None,
    }
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 710.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 335.0;
/// More points than this on a line only blur it.
const POINTS: usize = 120;

/// The chart's SVG.
pub(super) fn draw(row: &Row, view: &View) -> String {
    let lines: Vec<(Kind, Vec<f64>)> = (row.cells.iter())
        .map(|cell| (cell.kind, points(cell, view.what)))
        .collect();
    let seconds = (row.cells.iter())
        .flat_map(|cell| cell.runs.iter().map(|run| run.moments.len() - 1))
        .max()
        .unwrap_or(1)
        .max(1);
    let values = || lines.iter().flat_map(|(_, line)| line.iter().copied());
    let (lowest, highest) = values().fold((f64::INFINITY, 1.0_f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let vertical = Scale {
        from: match view.what {
            What::P99 | What::P999 => 10.0,
            What::Answered => (lowest / 10.0).floor().clamp(0.0, 9.0) * 10.0,
            What::Attempts => 1.0,
        },
        to: match view.what {
            What::P99 | What::P999 => 6000.0,
            What::Answered => 100.0,
            What::Attempts => highest.max(1.5),
        },
        low: BOTTOM,
        high: TOP,
        logarithmic: matches!(view.what, What::P99 | What::P999),
    };
    let horizontal = Scale {
        from: 0.0,
        to: seconds as f64,
        low: LEFT,
        high: RIGHT,
        logarithmic: false,
    };
    let mut page = Page::new(WIDTH, HEIGHT);
    let title = format!("{}: {}", row.case.name, row.case.about);
    page.words((LEFT, 24.0), Anchor::Start, INK, 15, &title);
    page.words((LEFT, 42.0), Anchor::Start, INK, 12, view.label);
    for tick in vertical.ticks() {
        let y = vertical.place(tick);
        page.line((LEFT, y), (RIGHT, y), FAINT);
        page.words((LEFT - 6.0, y + 4.0), Anchor::End, INK, 12, &short(tick));
    }
    for tick in horizontal.ticks() {
        let x = horizontal.place(tick);
        page.words((x, BOTTOM + 18.0), Anchor::Middle, INK, 12, &short(tick));
    }
    page.words(
        ((LEFT + RIGHT) / 2.0, BOTTOM + 36.0),
        Anchor::Middle,
        INK,
        12,
        "seconds",
    );
    for (index, (kind, line)) in lines.iter().enumerate() {
        let step = seconds as f64 / line.len().max(1) as f64;
        let path: Vec<(f64, f64)> = (line.iter().enumerate())
            .map(|(point, value)| (horizontal.place((point as f64 + 0.5) * step), vertical.place(*value)))
            .collect();
        let width = if *kind == Kind::Lyceum { 2.6 } else { 1.4 };
        page.path(&path, colour(*kind), width);
        let y = TOP + 14.0 + index as f64 * 20.0;
        page.block((RIGHT + 16.0, y - 6.0), (16.0, width + 1.0), colour(*kind));
        page.words((RIGHT + 38.0, y), Anchor::Start, INK, 12, kind.name());
    }
    page.finish()
}

fn short(value: f64) -> String {
    if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// The values of a line: the mean over the seeds, several seconds in one where there are too many.
fn points(cell: &Cell, what: What) -> Vec<f64> {
    let seconds = (cell.runs.iter()).map(|run| run.moments.len() - 1).min().unwrap_or(0);
    let each = seconds.div_ceil(POINTS).max(1);
    (0..seconds / each)
        .map(|point| {
            let moments = (cell.runs.iter()).flat_map(|run| &run.moments[point * each..(point + 1) * each]);
            let values: Vec<f64> = moments.map(|moment| value(moment, what)).collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        })
        .collect()
}

fn value(moment: &Moment, what: What) -> f64 {
    let calls = f64::from(moment.calls.max(1));
    match what {
        What::P99 => moment.latencies.quantile(0.99) / 1000.0,
        What::P999 => moment.latencies.quantile(0.999) / 1000.0,
        What::Answered => 100.0 * f64::from(moment.answered) / calls,
        What::Attempts => f64::from(moment.attempts) / calls,
    }
}
