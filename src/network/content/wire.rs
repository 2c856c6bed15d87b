//! The messages of the content protocol.
//!
//! A stream carries any number of requests, answered in order. A request to
//! describe is answered by manifests and an end; a [`Request::Read`] by a [`ReadAnswer`] and, if that is
//! `Data`, by the bytes of the span with their proofs, in the order of the bao encoding and
//! without its length: the asking side knows from the size how many bytes must come.

use serde::{Deserialize, Serialize};

use crate::domain::{Manifest, Root, Sha1Hash};

/// The largest request, in bytes.
pub const MAX_REQUEST: usize = 256;
/// The largest single answer besides data, in bytes.
pub const MAX_ANSWER: usize = 8 * 1024;
/// The most manifests in one description: variants of one SHA-1, or names of one root.
pub const MAX_MANIFESTS: usize = 16;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// What do you have under this SHA-1?
    DescribeSha1(Sha1Hash),
    /// What do you have with this root?
    DescribeRoot(Root),
    /// Bytes of a content.
    Read(ReadRequest),
}

/// Bytes of a content: at most a span, from the edge of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Which content.
    pub root: Root,
    /// The first byte, a multiple of the block size.
    pub start: u64,
    /// The byte after the last: a multiple of the block size, or the end of the file.
    pub end: u64,
}

/// What a peer has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Description {
    /// A file under that hash.
    Has(Manifest),
    /// There is no more.
    End,
}

/// What comes of a request to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadAnswer {
    /// The bytes follow.
    Data,
    /// No such content, or not any more.
    Missing,
    /// The content has no such bytes.
    OutOfRange,
}
