//! [`Query`]: what a person asks, and the one matcher that decides whether a file answers it.
//!
//! The matcher runs twice: where the answer is made and again where it arrives, so that no peer
//! can put a row on the screen that does not match.

use serde::{Deserialize, Serialize};

use super::{Field, Key, Manifest, words};

/// The longest query, in bytes.
pub const MAX_TEXT: usize = 1024;
/// The most distinct words of a query.
pub const MAX_WORDS: usize = 16;

/// A checked query: words that must all occur, or one field that must equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    text: String,
    field: Option<Field>,
    words: Vec<String>,
}

/// A query as it travels: to the node, and from node to node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QueryText {
    /// What was typed.
    pub text: String,
    /// The field that must equal the text; without one, every word must occur somewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
}

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// No letter, no digit.
    #[error("the query is empty: give at least one word, for instance: search tchaikovsky")]
    Empty,
    /// Only words of a single letter, which no node keeps.
    #[error("{0:?} is too short to look up: give at least one word of two letters")]
    TooShort(String),
    /// Over [`MAX_TEXT`] or [`MAX_WORDS`].
    #[error("the query is too long: at most {MAX_WORDS} words and {MAX_TEXT} bytes")]
    TooLong,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// When nothing in it can be looked up, or it is over a bound.
    pub fn new(text: &str, field: Option<Field>) -> Result<Self, BadQuery> {
        if text.len() > MAX_TEXT {
            return Err(BadQuery::TooLong);
        }
        let mut words = words::tokens(text);
        if words.is_empty() {
            return Err(BadQuery::Empty);
        }
        if field.is_none() {
            words.sort_unstable();
            words.dedup();
            if words.len() > MAX_WORDS {
                return Err(BadQuery::TooLong);
            }
            if !words.iter().any(|word| words::is_published(word)) {
                return Err(BadQuery::TooShort(text.trim().to_owned()));
            }
        }
        Ok(Self { text: text.trim().to_owned(), field, words })
    }

    /// What was typed, without the spaces around it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The field that must equal the text, if the query names one.
    #[must_use]
    pub fn field(&self) -> Option<Field> {
        self.field
    }

    /// What must be found: a label for the screen and the key to look up, for each part.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, Key)> {
        match self.field {
            Some(field) => {
                vec![(format!("{field}:{}", self.text), Key::of_folded_tag(field, &self.text))]
            }
            None => self
                .words
                .iter()
                .filter(|word| words::is_published(word))
                .map(|word| (word.clone(), Key::of_word(word)))
                .collect(),
        }
    }

    /// Whether a file answers the query.
    #[must_use]
    pub fn matches(&self, manifest: &Manifest) -> bool {
        match self.field {
            Some(field) => {
                manifest.field(field).is_some_and(|value| words::tokens(value) == self.words)
            }
            None => {
                let has = manifest.words();
                self.words.iter().all(|word| has.binary_search(word).is_ok())
            }
        }
    }

    /// The query as it travels.
    #[must_use]
    pub fn to_wire(&self) -> QueryText {
        QueryText { text: self.text.clone(), field: self.field }
    }
}

impl TryFrom<&QueryText> for Query {
    type Error = BadQuery;

    fn try_from(wire: &QueryText) -> Result<Self, BadQuery> {
        Self::new(&wire.text, wire.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ContentId, Root, Sha1Hash, Tags};

    fn swan_lake() -> Manifest {
        Manifest {
            name: "01 - Swan Lake.flac".into(),
            content: ContentId {
                sha1: Sha1Hash::from_bytes([1; 20]),
                root: Root::from_bytes([2; 32]),
                size: 3,
            },
            media_type: Some("audio/flac".into()),
            tags: Tags {
                artist: Some("Pyotr Ilyich Tchaikovsky".into()),
                title: Some("Swan Lake".into()),
                album: None,
                duration_ms: None,
            },
        }
    }

    fn matches(text: &str, field: Option<Field>) -> bool {
        Query::new(text, field).expect("query").matches(&swan_lake())
    }

    #[test]
    fn every_word_must_occur_somewhere() {
        assert!(matches("SWAN tchaikovsky", None));
        assert!(!matches("swan brahms", None));
    }

    #[test]
    fn a_field_must_equal_but_forgives_case() {
        assert!(matches("pyotr ilyich tchaikovsky", Some(Field::Artist)));
        assert!(!matches("tchaikovsky", Some(Field::Artist)));
        assert!(matches("01 - Swan Lake.flac", Some(Field::Filename)));
        assert!(!matches("lake swan", Some(Field::Title)));
        assert!(!matches("swan lake", Some(Field::Album)));
    }

    #[test]
    fn what_can_be_asked_is_announced() {
        let keys = swan_lake().keys();
        for (text, field) in [
            ("swan", None),
            ("pyotr ilyich tchaikovsky", Some(Field::Artist)),
            ("swan lake", Some(Field::Title)),
            ("01 swan lake flac", Some(Field::Filename)),
        ] {
            for (label, key) in Query::new(text, field).expect("query").keys() {
                assert!(keys.contains(&key), "{label}");
            }
        }
    }

    #[test]
    fn queries_that_cannot_be_asked_say_why() {
        assert_eq!(Query::new(" -- ", None), Err(BadQuery::Empty));
        assert_eq!(Query::new("a b", None), Err(BadQuery::TooShort("a b".into())));
        assert!(Query::new("a b", Some(Field::Title)).is_ok());
        assert_eq!(Query::new(&"ab ".repeat(400), None), Err(BadQuery::TooLong));
        let many: Vec<String> = (10..30).map(|n| n.to_string()).collect();
        assert_eq!(Query::new(&many.join(" "), None), Err(BadQuery::TooLong));
    }
}
