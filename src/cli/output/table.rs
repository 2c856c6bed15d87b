//! [`Table`]: rows in aligned columns, cut to the width of the terminal.

use unicode_width::UnicodeWidthStr;

use crate::domain::untrusted;

/// Between two columns.
const GAP: &str = "  ";
/// The column that gives way keeps at least this much.
const MIN_FLEXIBLE: usize = 8;

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Align {
    /// At its left.
    Left,
    /// At its right, for numbers.
    Right,
    /// At its left, and cut first when the terminal is narrow; one column at most.
    Flexible,
}

/// Rows under a head. The text is safe for a terminal already.
#[derive(Debug)]
pub(in crate::cli) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its head.
    pub(in crate::cli) fn new(columns: &[(&str, Align)]) -> Self {
        let head = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { columns: columns.iter().map(|(_, align)| *align).collect(), rows: vec![head] }
    }

    /// Adds a row, one text for each column.
    pub(in crate::cli) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    /// The lines, at most `width` columns each if the table can be made that narrow.
    pub(in crate::cli) fn lines(&self, width: Option<usize>) -> Vec<String> {
        let widths = self.widths(width);
        self.rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn widths(&self, available: Option<usize>) -> Vec<usize> {
        let widest = |column: usize| self.rows.iter().map(|row| row[column].width()).max();
        let mut widths: Vec<usize> =
            (0..self.columns.len()).map(|column| widest(column).unwrap_or(0)).collect();
        let flexible = self.columns.iter().position(|align| *align == Align::Flexible);
        if let (Some(available), Some(flexible)) = (available, flexible) {
            let all: usize = widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1);
            let over = all.saturating_sub(available);
            let least = widths[flexible].min(MIN_FLEXIBLE);
            widths[flexible] = widths[flexible].saturating_sub(over).max(least);
        }
        widths
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width), align) in row.iter().zip(widths).zip(&self.columns) {
            let cell = untrusted::truncate(cell, *width);
            let space = " ".repeat(width.saturating_sub(cell.width()));
            if !line.is_empty() {
                line.push_str(GAP);
            }
            match align {
                Align::Right => line.extend([space, cell]),
                Align::Left | Align::Flexible => line.extend([cell, space]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[
            ("NAME", Align::Flexible),
            ("SIZE", Align::Right),
            ("STATE", Align::Left),
        ]);
        table.row(["a rather long name of a file.flac".into(), "9 B".into(), "done".into()]);
        table.row(["東京".into(), "12.5 KiB".into(), "waiting".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_by_display_width() {
        assert_eq!(
            table().lines(None),
            [
                "NAME                                   SIZE  STATE",
                "a rather long name of a file.flac       9 B  done",
                "東京                               12.5 KiB  waiting",
            ]
        );
    }

    #[test]
    fn the_flexible_column_gives_way() {
        assert_eq!(
            table().lines(Some(32)),
            [
                "NAME               SIZE  STATE",
                "a rather lon…       9 B  done",
                "東京           12.5 KiB  waiting",
            ]
        );
        let narrow = table().lines(Some(1));
        assert_eq!(narrow[1], "a rathe…       9 B  done", "what cannot shrink stays readable");
    }
}
