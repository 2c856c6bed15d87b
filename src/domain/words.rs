//! The word rule: how text becomes tokens that two peers agree on.
//!
//! Version 1: normalise (NFKC), fold case, drop combining marks after Latin, Greek and Cyrillic
//! letters, drop apostrophes, and cut at everything that is neither letter nor digit. Scripts
//! that write no spaces (Han, Kana, Thai, Lao, Khmer, Myanmar) are cut into overlapping pairs of
//! characters. The version is part of every word's key, so a later rule can live beside this one.

use caseless::Caseless;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The version of the rule in this file.
pub const RULE_VERSION: u8 = 1;
/// At most this many words of one file are published.
pub const MAX_PER_FILE: usize = 64;
/// A token is cut after this many characters.
const MAX_TOKEN_CHARS: usize = 48;

/// The tokens of a text, in order, repeats included.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut run: Vec<char> = Vec::new();
    let mut run_is_spaceless = false;
    // Most names are plain: there all of the folding is that of case.
    let plain = text.is_ascii().then(|| text.chars().map(|c| c.to_ascii_lowercase()));
    let folded = (!text.is_ascii()).then(|| folded_chars(text));
    for c in plain.into_iter().flatten().chain(folded.into_iter().flatten()) {
        if matches!(c, '\'' | '’' | 'ʼ') {
            continue;
        }
        let part_of_word = c.is_alphanumeric() || is_combining_mark(c);
        let spaceless = is_spaceless(c) || (run_is_spaceless && is_combining_mark(c));
        if !part_of_word || (spaceless != run_is_spaceless && !run.is_empty()) {
            flush(&mut run, run_is_spaceless, &mut tokens);
        }
        if part_of_word {
            run_is_spaceless = spaceless;
            run.push(c);
        }
    }
    flush(&mut run, run_is_spaceless, &mut tokens);
    tokens
}

/// A text with everything taken away that a search should not depend on.
#[must_use]
pub fn fold(text: &str) -> String {
    tokens(text).join(" ")
}

/// Whether a token has a key of its own: single letters and digits match, but are not looked up.
#[must_use]
pub fn is_published(token: &str) -> bool {
    let mut chars = token.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => is_spaceless(only),
        (first, _) => first.is_some(),
    }
}

/// NFKC, case folded, without the marks of alphabets in which readers leave them out.
fn folded_chars(text: &str) -> impl Iterator<Item = char> {
    let folded: String = text.nfkc().default_case_fold().nfkd().collect();
    let mut base_drops_marks = false;
    let kept: String = folded
        .chars()
        .filter(|&c| {
            if is_combining_mark(c) {
                return !base_drops_marks;
            }
            base_drops_marks = drops_marks(c);
            true
        })
        .collect();
    kept.nfkc().collect::<Vec<_>>().into_iter()
}

/// Latin, Greek and Cyrillic letters.
fn drops_marks(c: char) -> bool {
    matches!(u32::from(c), 0x41..=0x24F | 0x370..=0x52F | 0x1C80..=0x1C8F | 0x1D00..=0x1DBF
        | 0x1E00..=0x1FFF | 0x2C60..=0x2C7F | 0x2DE0..=0x2DFF | 0xA640..=0xA69F | 0xA720..=0xA7FF)
}

/// Scripts written without spaces between words.
fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF
        | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

fn flush(run: &mut Vec<char>, spaceless: bool, tokens: &mut Vec<String>) {
    if spaceless && run.len() > 2 {
        tokens.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
    } else if !run.is_empty() {
        tokens.push(run.iter().take(MAX_TOKEN_CHARS).collect());
    }
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_accents_and_punctuation_do_not_matter() {
        for (text, expected) in [
            ("Antonín Dvořák – Rusalka.mp3", "antonin dvorak rusalka mp3"),
            ("DON'T_stop (Live)", "dont stop live"),
            ("Straße", "strasse"),
            ("Ёлка, Άλφα", "елка αλφα"),
            ("ﬁle①", "file1"),
            ("  ", ""),
        ] {
            assert_eq!(fold(text), expected, "{text}");
        }
    }

    #[test]
    fn marks_stay_where_they_carry_meaning() {
        assert_ne!(fold("क"), fold("कि"));
        assert_ne!(fold("か"), fold("が"));
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(tokens("東京事変 live"), ["東京", "京事", "事変", "live"]);
        assert_eq!(tokens("愛"), ["愛"]);
    }

    #[test]
    fn single_letters_have_no_key() {
        assert!(
            !is_published("a") && !is_published("") && is_published("ab") && is_published("愛")
        );
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_in_spaced_scripts(text in "[ -~À-ɏΑ-ωА-я]{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn plain_text_is_folded_as_any(text in "[\\x00-\\x7F]{0,60}") {
            let folded: String = folded_chars(&text).collect();
            prop_assert_eq!(folded, text.to_ascii_lowercase());
        }

        #[test]
        fn any_text_is_cut_without_panic(text in ".{0,200}") {
            for token in tokens(&text) {
                prop_assert!(!token.is_empty() && token.chars().count() <= MAX_TOKEN_CHARS);
            }
        }
    }
}
