//! The messages of the content protocol.
//!
//! A stream carries requests one way and [`Answer`]s the other. Whoever describes or reads is answered
//! in the order of his requests; [`Answer::Holds`] and [`Answer::Waits`] may come between any two
//! answers. After [`Answer::Data`] come the raw bytes: first the proof of the range, the pairs of
//! [`Tree::parents`](super::tree::Tree::parents) in pre-order, then the bytes of its blocks. How many
//! they are follows from the size and the range: no length is taken from the wire.

use serde::{Deserialize, Serialize};

use crate::domain::{Manifest, Root, Sha1Hash};

/// The largest request, in bytes.
pub const MAX_REQUEST: usize = 256;
/// The largest single answer besides data, in bytes.
pub const MAX_ANSWER: usize = 8 * 1024;
/// The most manifests in one description: variants of one SHA-1, or names of one root.
pub const MAX_MANIFESTS: usize = 16;
/// The most bytes of a set of spans in one message; longer sets come in several.
pub const MAX_SET: usize = 4 * 1024;
/// Requests of one stream that may wait to be answered. Who asks for more waits to be read.
pub const MAX_OUTSTANDING: usize = 512;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// What do you have under this SHA-1?
    DescribeSha1(Sha1Hash),
    /// What do you have with this root?
    DescribeRoot(Root),
    /// Which spans of this content or collection do you have? And tell me as they become more.
    Follow(Root),
    /// Bytes of a content.
    Read(ReadRequest),
    /// The read request of this number on this stream, counted from 0, is not needed any more.
    Cancel(u64),
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

/// What comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A file under the hash that was asked for.
    Has(Manifest),
    /// There is no more under that hash.
    End,
    /// Spans that this peer has of what is followed.
    Holds(Holds),
    /// The bytes follow.
    Data,
    /// No such content, or not these bytes of it, or not any more.
    Missing,
    /// The content has no such bytes.
    OutOfRange,
    /// It was not needed any more, and is not sent.
    Cancelled,
    /// Others are served first: so many.
    Waits(u32),
}

/// Spans that a peer has of a content or a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Of what.
    pub root: Root,
    /// Which.
    pub spans: Spans,
}

/// A set of spans, numbered through all files of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spans {
    /// Every one.
    All,
    /// None, and there will be none.
    Nothing,
    /// Those whose bits are set; whoever was told of a span before still has it.
    Some {
        /// The span of the first bit.
        first: u32,
        /// Bits, the lowest of the first byte first; at most [`MAX_SET`] bytes.
        #[serde(with = "serde_bytes")]
        bits: Vec<u8>,
    },
}
