//! The answering side: bounded in questions at a time, in rows, and in patience.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    sync::{Semaphore, mpsc},
    time::timeout,
};

use super::wire::{Answer, MAX_QUESTION, MAX_ROWS, Question};
use crate::{
    domain::{Manifest, Query},
    network::{
        host::streams::{ByteStream, Inbound},
        wire::{self, WireError},
    },
};

/// Questions answered at the same time; further ones wait in the host's bounded queue.
const PARALLEL: usize = 64;
/// How long a peer may take to send its question.
const QUESTION_TIME: Duration = Duration::from_secs(5);
/// How long a peer may take to take its answer.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Knows which of our files answer a query.
pub trait Answerer: Send + Sync + 'static {
    /// At most `limit` matching files, and how many there are, counted at most one beyond.
    fn answer(&self, query: &Query, limit: usize) -> (Vec<Manifest>, u64);
}

/// Answers the questions of peers until the host stops.
pub async fn serve(mut inbound: mpsc::Receiver<Inbound>, answerer: Arc<dyn Answerer>) {
    let permits = Arc::new(Semaphore::new(PARALLEL));
    while let Some(Inbound { peer, stream, place }) = inbound.recv().await {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let answerer = answerer.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &*answerer).await {
                tracing::debug!(%peer, %error, "a question was not answered");
            }
            drop((permit, place));
        });
    }
}

async fn answer(mut stream: ByteStream, answerer: &dyn Answerer) -> Result<(), WireError> {
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let question: Question =
        timeout(QUESTION_TIME, wire::read(&mut stream, MAX_QUESTION)).await.map_err(late)??;
    let query = Query::try_from(&question.query)
        .map_err(|error| WireError::Malformed(error.to_string()))?;
    let (rows, matching) = answerer.answer(&query, question.limit.min(MAX_ROWS) as usize);
    let send = async {
        for row in rows {
            wire::write(&mut stream, &Answer::Row(row)).await?;
        }
        wire::write(&mut stream, &Answer::End { matching }).await?;
        stream.shutdown().await?;
        Ok(())
    };
    timeout(ANSWER_TIME, send).await.map_err(late)?
}
