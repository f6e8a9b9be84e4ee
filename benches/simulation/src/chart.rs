//! Charts of what was simulated, as SVG: second by second, and one picture of all cases.
//!
//! Why ours: a chart is a few lines and words at computed places, and stays readable in a diff. When not: anything that
//! has to be looked into; `--json` has every figure for tools that can.

mod overview;
mod series;
mod svg;

use std::io;
use std::path::Path;

use crate::balancer::Kind;
use crate::study::Row;

/// Draws whatever the rows have data for; says how many charts.
pub fn draw(rows: &[Row], folder: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let mut drawn = 0;
    for row in rows {
        if let Some(view) = series::view(row.case.name) {
            std::fs::write(
                folder.join(format!("case-{}.svg", row.case.name)),
                series::draw(row, &view),
            )?;
            drawn += 1;
        }
    }
    std::fs::write(folder.join("overview.svg"), overview::draw(rows))?;
    Ok(drawn + 1)
}

/// Everybody's colour, the same in every chart.
fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Random => "#9aa0a6",
        Kind::RoundRobin => "#c08b5c",
        Kind::Least => "#8e6bbf",
        Kind::Tower => "#d1495b",
        Kind::Linkerd => "#2a9d8f",
        Kind::Kratos => "#e9a13b",
        Kind::Wrr => "#5b8c3e",
        Kind::Lyceum => "#1f5fd1",
    }
}
