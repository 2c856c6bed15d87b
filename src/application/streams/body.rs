//! The bytes of an answer, read from the source when the connection wants more of them.
//!
//! Invariant: a reader that takes its time holds one chunk, and one that is gone asks for none.

use std::ops::Range;

use futures::stream::try_unfold;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame};

use super::{offered::Reading, source::Opened};
use crate::application::message::{Failure, FailureKind};

/// Bytes that are read from a source at a time.
const CHUNK: usize = 128 * 1024;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Failure>;

/// A body of a few words, or of none.
pub(super) fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Some bytes of a source, which is read by somebody until all are sent.
pub(super) fn bytes(source: Opened, range: Range<u64>, reading: Reading) -> Body {
    let chunks = try_unfold((source, range, reading), |(source, range, reading)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let at_most = usize::try_from(range.end - range.start).unwrap_or(CHUNK).min(CHUNK);
        let chunk = source.read(range.start, at_most).await?;
        // Less than was promised must not look like the end.
        if chunk.is_empty() {
            return Err(Failure::new(FailureKind::Error, "the file has become shorter"));
        }
        let rest = range.start + chunk.len() as u64..range.end;
        Ok(Some((Frame::data(Bytes::from(chunk)), (source, rest, reading))))
    });
    StreamBody::new(chunks).boxed_unsync()
}
