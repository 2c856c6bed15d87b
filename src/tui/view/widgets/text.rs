//! Text in lines: wrapped by words, and names with their values.

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::tui::theme::Theme;

/// How wide the names before values are.
const NAMES: usize = 11;

/// A safe text in lines of at most `width` columns, cut between words where that is possible.
pub(in crate::tui::view) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        if used + word.trim_end().width() > width && used > 0 {
            lines.push(String::new());
            used = 0;
        }
        for grapheme in word.graphemes(true) {
            let columns = grapheme.width();
            if used + columns > width {
                if grapheme == " " {
                    continue;
                }
                lines.push(String::new());
                used = 0;
            }
            used += columns;
            if let Some(line) = lines.last_mut() {
                line.push_str(grapheme);
            }
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// A paragraph in one style.
pub(in crate::tui::view) fn paragraph(
    text: &str,
    width: usize,
    style: Style,
) -> Vec<Line<'static>> {
    wrap(text, width).into_iter().map(|line| Line::styled(line, style)).collect()
}

/// `name   value`, the value wrapped beside its name.
pub(in crate::tui::view) fn field(
    theme: &Theme,
    name: &str,
    value: &str,
    width: usize,
) -> Vec<Line<'static>> {
    styled_field(theme, name, value, width, Style::new())
}

/// The same with a style for the value.
pub(in crate::tui::view) fn styled_field(
    theme: &Theme,
    name: &str,
    value: &str,
    width: usize,
    style: Style,
) -> Vec<Line<'static>> {
    let values = wrap(value, width.saturating_sub(NAMES));
    let named = |(n, value): (usize, String)| {
        let name = if n == 0 { name } else { "" };
        Line::from(vec![
            Span::styled(format!("{name:NAMES$}"), theme.dim),
            Span::styled(value, style),
        ])
    };
    values.into_iter().enumerate().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_and_links_are_cut() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("magnet:?xt", 4), ["magn", "et:?", "xt"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("abcd efgh", 4), ["abcd", "efgh"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_and_nothing_is_lost(text in "[a-z東é ]{0,60}", width in 2_usize..20) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.width() <= width));
            let squeeze = |text: &str| text.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
        }
    }
}
