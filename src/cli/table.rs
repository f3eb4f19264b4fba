//! Tables for people, in one quiet style: a header, a thin line, columns apart by spaces.
//!
//! Bold headers appear on a terminal only; what is piped or redirected carries no escape codes. Everything in a
//! cell is made printable first, so a name that a stranger chose cannot move the cursor.

use std::fmt;

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, TableStyle};

use crate::domain::printable;

/// Longest text of one cell; longer ones are cut with `…`, so that a row stays a row.
const MAX_CELL_CHARS: usize = 120;

/// A table under construction.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles and no rows yet.
    pub fn new<T: fmt::Display>(header: &[T]) -> Table {
        Table { header: header.iter().map(cell_text).collect(), rows: Vec::new() }
    }

    /// Adds a row; missing cells at its end are shown empty, cells beyond the header are dropped.
    pub fn row<T: fmt::Display>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Table {
        let mut row: Vec<String> = cells.into_iter().take(self.header.len()).map(|cell| cell_text(&cell)).collect();
        row.resize(self.header.len(), String::new());
        self.rows.push(row);
        self
    }

    /// Writes the table to standard output. A reader that has gone away (`| head`) is no error.
    pub fn print(&self) {
        println!("{self}");
    }

    /// Columns that hold numbers only are set flush right.
    fn is_numeric(&self, column: usize) -> bool {
        let is_number = |text: &String| {
            matches!(text.as_str(), "" | "-" | "–")
                || (text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
                    && text.chars().all(|c| c.is_ascii_digit() || "+-.,eE% _".contains(c)))
        };
        !self.rows.is_empty() && self.rows.iter().all(|row| is_number(&row[column]))
    }
}

fn cell_text<T: fmt::Display>(cell: &T) -> String {
    printable(&cell.to_string(), MAX_CELL_CHARS)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table
            .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(self.header.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
        for row in &self.rows {
            table.add_row(row);
        }
        for index in 0..self.header.len() {
            if self.is_numeric(index)
                && let Some(column) = table.column_mut(index)
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        f.write_str(&table.trim_fmt())
    }
}

/// `part` of `whole` in percent, for people; `-` when there is no whole.
pub fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "-".into() } else { format!("{:.0} %", 100.0 * part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn numbers_stand_flush_right_and_text_flush_left() {
        let mut table = Table::new(&["miner", "rate"]);
        table.row(["expert", "0.96"]).row(["noisy", "12.5"]);
        let shown = table.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0].trim_end(), " miner    rate");
        assert!(lines[1].chars().all(|c| c == '─'), "{shown}");
        assert_eq!(lines[2], " expert   0.96");
        assert_eq!(lines[3], " noisy    12.5");
    }

    #[test]
    fn a_strangers_escape_codes_are_shown_and_not_obeyed() {
        let mut table = Table::new(&["repo"]);
        table.row(["evil\u{1b}[2J\n/name"]);
        assert!(!table.to_string().contains('\u{1b}'));
        assert_eq!(table.to_string().lines().count(), 3);
    }

    #[test]
    fn rows_of_the_wrong_length_are_fitted_to_the_header() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["1"]).row(["1", "2", "3"]);
        assert!(!table.to_string().contains('3'));
    }
}
