//! The messages of the word-index protocol.

use serde::{Deserialize, Serialize};

use crate::domain::{Manifest, query::QueryText};

/// The largest question, in bytes.
pub const MAX_QUESTION: usize = 2 * 1024;
/// The largest single answer, in bytes: a manifest with every field at its limit.
pub const MAX_ANSWER: usize = 8 * 1024;
/// The most rows of one stream.
pub const MAX_ROWS: u32 = 500;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The whole query; the answering peer evaluates all of it.
    pub query: QueryText,
    /// How many rows at most, up to [`MAX_ROWS`].
    pub limit: u32,
}

/// What is answered, message by message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A file that matches.
    Row(Manifest),
    /// There is no more to be sent.
    End {
        /// Files that match, counted at most one beyond the limit: more than were sent means that
        /// there are others.
        matching: u64,
    },
}
