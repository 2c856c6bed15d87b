//! Rows of a table: each column cut and padded by display width.

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use super::text::cut_start;
use crate::domain::untrusted::truncate;

/// How wide a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui::view) enum Width {
    /// So many columns of the screen.
    Fixed(usize),
    /// A share of what the others leave.
    Share(usize),
}

/// A cell of a table: text that is safe to show, and its column.
#[derive(Debug)]
pub(in crate::tui::view) struct Cell {
    text: String,
    style: Style,
    width: Width,
    right: bool,
    keeps_end: bool,
}

impl Cell {
    /// Text on the left of its column.
    pub(in crate::tui::view) fn new(text: impl Into<String>, width: Width, style: Style) -> Self {
        Self { text: text.into(), style, width, right: false, keeps_end: false }
    }

    /// Text on the right of its column.
    pub(in crate::tui::view) fn right(text: impl Into<String>, width: usize, style: Style) -> Self {
        Self { right: true, ..Self::new(text, Width::Fixed(width), style) }
    }

    /// Where it is too long the beginning is left out, as paths need it.
    pub(in crate::tui::view) fn keep_end(self) -> Self {
        Self { keeps_end: true, ..self }
    }

    /// The text in exactly `width` columns.
    fn fit(&self, width: usize) -> String {
        let cut = if self.keeps_end { cut_start } else { truncate };
        let text = cut(&self.text, width);
        let pad = " ".repeat(width.saturating_sub(text.width()));
        if self.right { pad + &text } else { text + &pad }
    }
}

/// A row of `width` columns, two apart.
pub(in crate::tui::view) fn row(width: usize, cells: Vec<Cell>) -> Line<'static> {
    const GAP: usize = 2;
    let gaps = GAP * cells.len().saturating_sub(1);
    let (mut fixed, mut shares) = (0, 0);
    for cell in &cells {
        match cell.width {
            Width::Fixed(columns) => fixed += columns,
            Width::Share(weight) => shares += weight,
        }
    }
    let room = width.saturating_sub(fixed + gaps);
    let mut spans = Vec::with_capacity(cells.len() * 2);
    for (n, cell) in cells.into_iter().enumerate() {
        let columns = match cell.width {
            Width::Fixed(columns) => columns,
            Width::Share(weight) => room * weight / shares.max(1),
        };
        if n > 0 {
            spans.push(Span::raw(" ".repeat(GAP)));
        }
        spans.push(Span::styled(cell.fit(columns), cell.style));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_have_one_width(a in "\\PC{0,30}", b in "\\PC{0,30}", width in 20_usize..80) {
            let line = row(width, vec![
                Cell::new(crate::domain::untrusted::visible(&a), Width::Share(1), Style::new()),
                Cell::new(crate::domain::untrusted::visible(&a), Width::Fixed(7), Style::new())
                    .keep_end(),
                Cell::right(crate::domain::untrusted::visible(&b), 9, Style::new()),
            ]);
            prop_assert_eq!(line.width(), width);
        }
    }
}
