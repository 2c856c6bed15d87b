//! [`Needle`]: what a filter looks for. Every word must occur; case and accents do not matter.

use std::cell::LazyCell;

use crate::domain::words;

/// A filter's text, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needle {
    text: String,
    /// Each word folded and, for signs that folding drops, as it stands.
    words: Vec<(String, String)>,
}

impl Needle {
    /// A filter, or `None` where the text says nothing.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let words: Vec<_> =
            text.split_whitespace().map(|word| (words::fold(word), word.to_lowercase())).collect();
        (!words.is_empty()).then(|| Self { text: text.trim().to_owned(), words })
    }

    /// As it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether every word occurs.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let plain = text.to_lowercase();
        // Folding is dear, and of ASCII it takes nothing away that anybody would miss.
        let folded = LazyCell::new(|| words::fold(text));
        self.words.iter().all(|(fold, lower)| {
            let may_fold = !fold.is_empty() && (!text.is_ascii() || !lower.is_ascii());
            plain.contains(lower) || (may_fold && folded.contains(fold))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_order_do_not_matter() {
        let needle = Needle::new(" dvorak  .FLAC").expect("a needle");
        assert!(needle.matches("Largo.flac Antonín Dvořák"));
        assert!(!needle.matches("Largo.mp3 Antonín Dvořák"));
        assert_eq!(Needle::new("  "), None);
    }
}
