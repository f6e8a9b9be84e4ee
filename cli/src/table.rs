//! Tables and colours for people.
//!
//! Columns without lines, so that they can be cut and pasted; colours only where they can be seen and are wanted
//! (a terminal, and no `NO_COLOR`: <https://no-color.org>). When not: for programs there is `--json`.

use std::io::IsTerminal as _;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};
use lyceum::consul::Health;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint(bool);

// === impl Paint ===

impl Paint {
    /// For standard output in this environment.
    pub(crate) fn new(environment: &[(String, String)]) -> Self {
        Self(std::io::stdout().is_terminal() && wanted(environment))
    }

    /// Without colours, wherever it goes.
    pub(crate) fn plain() -> Self {
        Self(false)
    }

    /// A table with these headings, or none.
    pub(crate) fn table(self, headings: &[&str]) -> Table {
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if self.0 {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if !headings.is_empty() {
            table.set_header(headings.iter().map(|heading| self.faint(heading)));
        }
        table
    }

    /// A heading, or something of little weight.
    pub(crate) fn faint(self, text: &str) -> Cell {
        let cell = Cell::new(text);
        if self.0 {
            cell.add_attribute(Attribute::Dim)
        } else {
            cell
        }
    }

    /// How well an instance is; `draining` and the like keep their word and get the colour of what it means.
    pub(crate) fn health(self, health: Health, word: &str) -> Cell {
        let cell = Cell::new(word);
        if !self.0 {
            return cell;
        }
        cell.fg(match health {
            Health::Passing => Color::Green,
            Health::Warning => Color::Yellow,
            Health::Critical => Color::Red,
        })
    }

    /// What makes a terminal forget what it shows; elsewhere pictures follow each other, a blank line between.
    pub(crate) fn clear(self) -> &'static str {
        if self.0 { "\u{1b}[H\u{1b}[2J" } else { "\n" }
    }

    /// A heading between paragraphs.
    pub(crate) fn bold(self, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

fn wanted(environment: &[(String, String)]) -> bool {
    let value = |name: &str| {
        environment
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    };
    value("NO_COLOR").is_empty() && value("TERM") != "dumb"
}

/// A table's lines, without blanks at their ends.
pub(crate) fn lines(table: &Table) -> String {
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn colours_can_be_refused() {
        assert!(wanted(&[]));
        assert!(wanted(&environment("NO_COLOR", "")));
        assert!(!wanted(&environment("NO_COLOR", "1")));
        assert!(!wanted(&environment("TERM", "dumb")));
    }

    #[test]
    fn columns_line_up_and_lines_end_clean() {
        let mut table = Paint(false).table(&["SERVICE", "HEALTH"]);
        table.add_row([
            Cell::new("a-long-name"),
            Paint(false).health(Health::Passing, "passing"),
        ]);
        let text = lines(&table);
        assert_eq!(text, " SERVICE      HEALTH\n a-long-name  passing");
    }

    #[test]
    fn colours_appear_only_when_on() {
        let mut table = Paint(true).table(&["HEALTH"]);
        table.add_row([Paint(true).health(Health::Critical, "critical")]);
        assert!(lines(&table).contains('\u{1b}'));
        assert_eq!(Paint(false).bold("x"), "x");
    }
}
