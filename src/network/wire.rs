//! Messages on a stream: four bytes of length, most significant first, then DAG-CBOR.
//!
//! Every reader names the largest message it takes. Nothing is allocated for a length that was
//! only claimed, and every message has a fixed shape without lists: what is many comes as many
//! messages.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::domain::Untrusted;

/// The longest reason for refusing a message, in columns.
const MAX_REASON: usize = 200;

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The stream broke or ended.
    #[error("the stream broke: {0}")]
    Io(#[from] io::Error),
    /// The message is longer than its kind may be.
    #[error("a message of {length} bytes where at most {max} are allowed")]
    TooLong {
        /// What it claims.
        length: usize,
        /// What is allowed.
        max: usize,
    },
    /// The message is not of the expected shape.
    #[error("a message that cannot be read: {0}")]
    Malformed(String),
}

/// Reads one message of at most `max` bytes.
///
/// # Errors
/// When the stream breaks, or the message is too long or malformed.
pub async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    max: usize,
) -> Result<T, WireError> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if length > max {
        return Err(WireError::TooLong { length, max });
    }
    let mut bytes = Vec::new();
    stream.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    decode(&bytes)
}

/// Writes one message; the stream is not flushed.
///
/// # Errors
/// When the stream breaks.
pub async fn write<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), WireError> {
    stream.write_all(&frame(message)?).await?;
    Ok(())
}

/// A message with its length before it.
///
/// # Errors
/// When the message is longer than a length can say.
pub fn frame<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    let body = serde_ipld_dagcbor::to_vec(message)
        .map_err(|error| WireError::Malformed(error.to_string()))?;
    let length = u32::try_from(body.len())
        .map_err(|_| WireError::TooLong { length: body.len(), max: u32::MAX as usize })?;
    Ok([&length.to_be_bytes()[..], &body].concat())
}

/// Reads the body of a message.
///
/// # Errors
/// When it is not of the expected shape.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    // The reason may quote the message, and goes to a log.
    serde_ipld_dagcbor::from_slice(bytes).map_err(|error| {
        WireError::Malformed(Untrusted::new(error.to_string()).truncated(MAX_REASON))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_to_refuse_a_message_can_be_shown() {
        // An enum with an unknown variant, which the reason names.
        let name = "\u{1b}[2J".repeat(1_000);
        let bytes = serde_ipld_dagcbor::to_vec(&name).expect("encodes");
        let reason = decode::<Result<(), ()>>(&bytes).expect_err("no such variant").to_string();
        assert!(reason.contains("[2J") && !reason.contains(char::is_control), "{reason}");
        assert!(reason.chars().count() < 300, "{reason}");
    }

    #[test]
    fn deep_messages_are_refused() {
        let body = [&b"\xa2\x61x"[..], &[0x81; 200_000], &b"\xf6\x61y\xf6"[..]].concat();
        assert!(decode::<crate::domain::Manifest>(&body).is_err());
    }
}
