//! The one table: a row for each case and what it is judged by, a column for each balancer.
//!
//! Colours appear where they can be seen and are wanted (a terminal, and no `NO_COLOR`); the star says the same without
//! them. When not: for programs there is `--json`.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use lyceum_simulation::balancer::Kind;
use lyceum_simulation::case::Metric;
use lyceum_simulation::study::{Row, Value};

/// The table's text.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    let kinds: Vec<&str> = rows
        .first()
        .map(|row| row.cells.iter().map(|cell| cell.kind.name()).collect())
        .unwrap_or_default();
    table.set_header(
        (["case", "judged by"]
            .into_iter()
            .map(|heading| (heading, CellAlignment::Left)))
        .chain(kinds.into_iter().map(|heading| (heading, CellAlignment::Right)))
        .map(|(heading, alignment)| {
            Cell::new(heading)
                .add_attribute(Attribute::Dim)
                .set_alignment(alignment)
        }),
    );
    for row in rows {
        for (index, metric) in row.case.metrics.iter().enumerate() {
            let best = row.best(*metric);
            let mut cells = vec![
                Cell::new(if index == 0 { row.case.name } else { "" }),
                Cell::new(metric.label()).add_attribute(Attribute::Dim),
            ];
            cells.extend((row.cells.iter()).map(|cell| {
                let is_best = best.contains(&cell.kind);
                figure(cell.value(*metric), *metric, cell.kind, is_best)
            }));
            table.add_row(cells);
        }
    }
    (table.lines())
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

fn figure(value: Value, metric: Metric, kind: Kind, is_best: bool) -> Cell {
    let digits = match metric {
        Metric::P99 | Metric::P999 | Metric::FirstShare => 1,
        _ => 2,
    };
    let Value { mean, spread } = value;
    let star = if is_best { "*" } else { " " };
    let cell = Cell::new(format!("{mean:.digits$} ±{spread:.digits$}{star}")).set_alignment(CellAlignment::Right);
    match (is_best, kind) {
        (true, _) => cell.fg(Color::Green),
        // Where the fabric loses should be seen first.
        (false, Kind::Lyceum) => cell.fg(Color::Yellow),
        (false, _) => cell,
    }
}
