//! [`Untrusted`]: text from a peer, and the only way it reaches a screen, a log or a terminal.
//!
//! A file name may hold escape sequences that move the cursor, bidirectional overrides that make
//! `exe.txt` of `txt.exe`, characters without width, or ten thousand marks on one letter. What is
//! shown is one line in which each of these is visible (`␛`, `⟨U+202E⟩`), cut by display width.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// At most this many combining marks and other characters without width are shown on one letter.
const MAX_MARKS: usize = 4;

/// Text that somebody else chose. `Display` shows it safely; the raw text is asked for by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes a text as it came.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it came: for matching, saving and JSON, never for a terminal.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// At most `width` columns of the safe text, ending in `…` where something was left out.
    #[must_use]
    pub fn truncated(&self, width: usize) -> String {
        truncate(&self.to_string(), width)
    }
}

impl<T: Into<String>> From<T> for Untrusted {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.0))
    }
}

/// A text in which every character that could deceive or disturb a terminal is made visible.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_combining_mark(c) || c.width() == Some(0) { marks + 1 } else { 0 };
        match u32::from(c) {
            code @ 0..=0x1F => out.extend(char::from_u32(0x2400 + code)),
            0x7F => out.push('␡'),
            code if is_deceptive(code) => out.push_str(&format!("⟨U+{code:04X}⟩")),
            _ if marks > MAX_MARKS => {}
            _ => out.push(c),
        }
    }
    out
}

/// At most `width` columns of a text that is already safe, ending in `…` where it was cut.
#[must_use]
pub fn truncate(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used + 1 > width {
            break;
        }
        out.push_str(grapheme);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// C1 controls, bidirectional controls, separators of lines, invisible and unassigned-by-design
/// characters. Joiners stay within emoji and Indic text only at the price of a spoofed name, so
/// they are shown too.
fn is_deceptive(code: u32) -> bool {
    matches!(code,
        0x80..=0x9F | 0xAD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0E
        | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1_BCA0..=0x1_BCA3 | 0x1_D173..=0x1_D17A
        | 0xE_0000..=0xE_0FFF | 0xE000..=0xF8FF | 0xF_0000..=0x10_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_disturbs_a_terminal_becomes_visible() {
        for (raw, shown) in [
            ("plain.txt", "plain.txt"),
            ("\u{1b}[2J\r\n", "␛[2J␍␊"),
            ("\u{9b}31m", "⟨U+009B⟩31m"),
            ("gpj.\u{202e}exe", "gpj.⟨U+202E⟩exe"),
            ("a\u{200b}b", "a⟨U+200B⟩b"),
            ("東京", "東京"),
        ] {
            assert_eq!(Untrusted::new(raw).to_string(), shown);
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        for (letter, mark) in [("e", "\u{301}"), ("ᄀ", "\u{1161}")] {
            let tower = format!("{letter}{}", mark.repeat(1_000));
            assert_eq!(Untrusted::new(tower).to_string().chars().count(), 1 + MAX_MARKS);
        }
    }

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(Untrusted::new("東京事変").truncated(5), "東京…");
        assert_eq!(Untrusted::new("東京").truncated(4), "東京");
        assert_eq!(Untrusted::new("abc").truncated(0), "");
    }

    proptest! {
        #[test]
        fn nothing_shown_controls_or_overflows(text in ".{0,80}", width in 0_usize..40) {
            let shown = Untrusted::new(text).truncated(width);
            prop_assert!(shown.width() <= width);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_deceptive(u32::from(c))));
        }
    }
}
