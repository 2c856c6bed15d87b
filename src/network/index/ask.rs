//! The asking side: believes nothing that it has not checked.

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::io::AsyncWriteExt;

use super::wire::{Answer, MAX_ANSWER, MAX_ROWS, Question};
use crate::{
    domain::{Manifest, Query},
    network::{
        host::{Host, streams::OpenError},
        wire::{self, WireError},
    },
};

/// How a peer answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answered {
    /// Rows that match.
    pub rows: u32,
    /// Rows that do not match or break a bound, and were dropped.
    pub rejected: u32,
    /// Files that match, as the peer says, counted at most one beyond the limit.
    pub matching: u64,
}

/// Why a peer did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No stream to it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It broke off or broke the protocol.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Asks one peer and hands over each row that stands the check, as it comes.
///
/// # Errors
/// When the peer cannot be reached or breaks off; rows handed over before that stay good.
pub async fn ask(
    host: &Host,
    protocol: StreamProtocol,
    (peer, addresses): (PeerId, Vec<Multiaddr>),
    query: &Query,
    limit: u32,
    mut on_row: impl FnMut(Manifest),
) -> Result<Answered, AskError> {
    let mut stream = host.open(peer, addresses, protocol).await?;
    let limit = limit.min(MAX_ROWS);
    wire::write(&mut stream, &Question { query: query.to_wire(), limit }).await?;
    stream.flush().await.map_err(WireError::from)?;
    let mut answered = Answered::default();
    loop {
        match wire::read(&mut stream, MAX_ANSWER).await? {
            Answer::Row(manifest) if manifest.check().is_ok() && query.matches(&manifest) => {
                answered.rows += 1;
                on_row(manifest);
            }
            Answer::Row(_) => answered.rejected += 1,
            Answer::End { matching } => return Ok(Answered { matching, ..answered }),
        }
        if answered.rows + answered.rejected > limit {
            let error = WireError::Malformed("more rows than were asked for".to_owned());
            return Err(error.into());
        }
    }
}
