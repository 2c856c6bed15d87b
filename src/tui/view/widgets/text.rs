//! Text in lines: wrapped by words, and names with their values.

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::{domain::untrusted::truncate, tui::theme::Theme};

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

/// At most the last `width` columns of a safe text, with `…` where something was left out.
pub(in crate::tui::view) fn cut_start(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut start, mut used) = (text.len(), 1);
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme.width();
        if used > width {
            break;
        }
        start = at;
    }
    if width == 0 { String::new() } else { format!("…{}", &text[start..]) }
}

/// The shortest that a path is cut to while something else could be left out.
const SHORTEST_PATH: usize = 16;

/// A safe message in `width` columns, as far as cutting the beginning of its longest path
/// achieves it.
pub(in crate::tui::view) fn shorten_path(text: &str, width: usize) -> String {
    let excess = text.width().saturating_sub(width);
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let paths = words.iter_mut().filter(|word| word.contains('/'));
    if let Some(longest) = paths.max_by_key(|word| word.width()).filter(|_| excess > 0) {
        let columns = longest.width().saturating_sub(excess).max(SHORTEST_PATH);
        *longest = cut_start(longest, columns);
    }
    words.join(" ")
}

/// A safe message in at most `width` columns that still says why: its path loses the
/// beginning, and where that is not enough the message loses its middle.
pub(in crate::tui::view) fn shorten(text: &str, width: usize) -> String {
    let shortened = shorten_path(text, width);
    if shortened.width() <= width {
        return shortened;
    }
    let head = truncate(text, width / 2);
    let tail = cut_start(text, width - head.width());
    // One sign is enough for what is left out.
    format!("{}{tail}", head.trim_end_matches('…'))
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

    #[test]
    fn paths_keep_their_end() {
        assert_eq!(cut_start("music/01.flac", 8), "…01.flac");
        assert_eq!(cut_start("東京", 3), "…京");
        assert_eq!((cut_start("ab", 2), cut_start("ab", 0)), ("ab".into(), String::new()));
    }

    #[test]
    fn a_message_keeps_its_reason() {
        let text = "cannot share /srv/very/long/way/to/music/01.flac: permission denied";
        assert_eq!(shorten(text, 50), "cannot share …/to/music/01.flac: permission denied");
        assert_eq!(shorten(text, 42), "cannot share /srv/ve…c: permission denied");
        assert_eq!(shorten("short", 30), "short");
    }

    proptest! {
        #[test]
        fn a_shortened_message_fits(text in "[a-z/ 東…]{0,80}", width in 0_usize..60) {
            prop_assert!(shorten(&text, width).width() <= width);
        }

        #[test]
        fn nothing_is_wider_and_nothing_is_lost(text in "[a-z東é ]{0,60}", width in 2_usize..20) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.width() <= width));
            let squeeze = |text: &str| text.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
        }
    }
}
