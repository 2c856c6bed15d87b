//! [`Client`]: one end of a conversation with a node, in this process or another.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::message::{Command, CommandId, Failure, FailureKind, Output, Reply, Request};

/// How many commands or outputs may wait in a conversation before the sender must.
pub const DEPTH: usize = 256;

/// A conversation with a node: commands go in, replies, events and snapshots come out.
///
/// The terminal drives the two channels itself; the command line uses [`Client::call`] and
/// [`Client::next`].
#[derive(Debug)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    outputs: mpsc::Receiver<Output>,
    unread: VecDeque<Output>,
    last_id: CommandId,
}

/// The node's end of a conversation.
#[derive(Debug)]
pub struct ClientEnd {
    /// Commands of the client.
    pub requests: mpsc::Receiver<Request>,
    /// Outputs to the client.
    pub outputs: mpsc::Sender<Output>,
}

impl Client {
    /// A conversation: the client's end and the node's.
    #[must_use]
    pub fn pair() -> (Self, ClientEnd) {
        let (requests, node_requests) = mpsc::channel(DEPTH);
        let (node_outputs, outputs) = mpsc::channel(DEPTH);
        let client = Self { requests, outputs, unread: VecDeque::new(), last_id: 0 };
        (client, ClientEnd { requests: node_requests, outputs: node_outputs })
    }

    /// Sends a command and waits for its reply; what else arrives is kept for [`Client::next`].
    ///
    /// # Errors
    /// The node's failure, or that the node is gone.
    pub async fn call(&mut self, command: Command) -> Result<Reply, Failure> {
        self.last_id += 1;
        let id = self.last_id;
        self.requests.send(Request { id, command }).await.map_err(|_| node_gone())?;
        loop {
            match self.outputs.recv().await {
                Some(Output::Reply { id: of, result }) if of == id => return result,
                Some(other) => {
                    // Hints only: the oldest may go, the facts can be read again.
                    if self.unread.len() == DEPTH {
                        self.unread.pop_front();
                    }
                    self.unread.push_back(other);
                }
                None => return Err(node_gone()),
            }
        }
    }

    /// The next event or snapshot; `None` when the node is gone.
    pub async fn next(&mut self) -> Option<Output> {
        match self.unread.pop_front() {
            Some(output) => Some(output),
            None => self.outputs.recv().await,
        }
    }

    /// The two channels, for a client that chooses its IDs and never waits for a reply.
    #[must_use]
    pub fn into_parts(self) -> (mpsc::Sender<Request>, mpsc::Receiver<Output>) {
        (self.requests, self.outputs)
    }
}

/// The node ended while it was being talked to.
#[must_use]
pub fn node_gone() -> Failure {
    Failure::new(FailureKind::Error, "the node ended").hint("start it again: p2pfs-tui daemon")
}
