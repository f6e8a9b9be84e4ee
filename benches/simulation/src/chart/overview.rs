//! All cases in one picture: how far each balancer is from the ideal, as bars side by side.

use super::colour;
use super::svg::{Anchor, FAINT, INK, Page, Scale};
use crate::balancer::Kind;
use crate::case::Metric;
use crate::study::Row;

const COLUMNS: usize = 4;
const WIDTH: f64 = 270.0;
const HEIGHT: f64 = 218.0;
const LEFT: f64 = 100.0;
const TOP: f64 = 40.0;
/// What a logarithmic bar shows of nothing: one call in a hundred thousand.
const LEAST: f64 = 0.001;

/// The chart's SVG.
pub(super) fn draw(rows: &[Row]) -> String {
    let panels: Vec<(&Row, Metric)> = (rows.iter())
        .flat_map(|row| row.case.metrics.iter().map(move |metric| (row, *metric)))
        .collect();
    let lines = panels.len().div_ceil(COLUMNS).max(1);
    let mut page = Page::new(COLUMNS as f64 * WIDTH + 20.0, lines as f64 * HEIGHT + TOP);
    page.words(
        (14.0, 24.0),
        Anchor::Start,
        INK,
        15,
        "Distance from the ideal, logarithmic: shorter is better",
    );
    for (index, (row, metric)) in panels.iter().enumerate() {
        let corner = (
            (index % COLUMNS) as f64 * WIDTH,
            (index / COLUMNS) as f64 * HEIGHT + TOP,
        );
        panel(&mut page, corner, row, *metric);
    }
    page.finish()
}

fn panel(page: &mut Page, corner: (f64, f64), row: &Row, metric: Metric) {
    let (x, y) = corner;
    let title = format!("{} · {}", row.case.name, label(metric));
    page.words((x + 14.0, y + 16.0), Anchor::Start, INK, 12, &title);
    let regrets: Vec<(Kind, f64)> = (row.cells.iter())
        .map(|cell| (cell.kind, metric.regret(cell.value(metric).mean).max(LEAST)))
        .collect();
    let (lowest, highest) = (regrets.iter()).fold((f64::INFINITY, 0.0_f64), |(low, high), (_, regret)| {
        (low.min(*regret), high.max(*regret))
    });
    let scale = Scale {
        from: lowest / 1.5,
        to: highest * 1.01,
        low: x + LEFT,
        high: x + WIDTH - 52.0,
        logarithmic: true,
    };
    page.line(
        (x + LEFT, y + 24.0),
        (x + LEFT, y + 30.0 + regrets.len() as f64 * 20.0),
        FAINT,
    );
    for (index, (kind, regret)) in regrets.into_iter().enumerate() {
        let middle = y + 38.0 + index as f64 * 20.0;
        page.words((x + LEFT - 6.0, middle + 4.0), Anchor::End, INK, 11, kind.name());
        let end = scale.place(regret);
        page.block((x + LEFT, middle - 6.0), (end - x - LEFT, 12.0), colour(kind));
        page.words((end + 4.0, middle + 4.0), Anchor::Start, INK, 10, &short(regret));
    }
}

fn label(metric: Metric) -> &'static str {
    match metric {
        Metric::WithinSecond => "% not under 1 s",
        Metric::Answered => "% failed",
        Metric::Recovered => "% failed once over",
        Metric::FirstShare => "points from 50 %",
        Metric::P99 | Metric::P999 | Metric::Imbalance | Metric::Amplification => metric.label(),
    }
}

fn short(value: f64) -> String {
    match value {
        value if value <= LEAST => "0".to_owned(),
        value if value < 0.1 => format!("{value:.3}"),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 1000.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
