//! A progress bar in one line.

use ratatui::{style::Style, text::Span};

use crate::tui::theme::Theme;

/// A bar of `width` columns, of which `done` of `whole` are full.
pub(in crate::tui::view) fn bar(
    theme: &Theme,
    done: u64,
    whole: u64,
    width: usize,
    style: Style,
) -> [Span<'static>; 2] {
    let full = filled(done, whole, width);
    [Span::styled("━".repeat(full), style), Span::styled("╌".repeat(width - full), theme.dim)]
}

/// How many of `width` columns are full: all of them only when it is done, one as soon as it has
/// begun.
fn filled(done: u64, whole: u64, width: usize) -> usize {
    if done == 0 || whole == 0 || width == 0 {
        return 0;
    }
    if done >= whole {
        return width;
    }
    let columns = u128::from(done) * width as u128 / u128::from(whole);
    usize::try_from(columns).unwrap_or(width).clamp(1, (width - 1).max(1))
}

/// Whole percents: 100 only when it is done.
pub(in crate::tui::view) fn percent(done: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from(u128::from(done.min(whole)) * 100 / u128::from(whole)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_only_when_it_is_done() {
        for (done, whole, full) in
            [(0, 10, 0), (1, u64::MAX, 1), (999, 1_000, 9), (5, 5, 10), (9, 5, 10), (1, 0, 0)]
        {
            assert_eq!(filled(done, whole, 10), full, "{done} of {whole}");
        }
        assert_eq!((percent(999, 1_000), percent(u64::MAX, u64::MAX), percent(0, 0)), (99, 100, 0));
    }
}
