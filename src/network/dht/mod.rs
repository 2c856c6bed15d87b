//! The overlay behind its facade: what the prototype calls `DHT`.
//!
//! [`Dht`] is a handle. Orders go to the overlay as [`DhtCommand`]s over a bounded channel and
//! come back as replies and steps; what a person may want to watch comes out as [`DhtEvent`]s.
//! One folder per overlay: another one is another task that takes the same orders, and nothing
//! above this module changes.

pub mod libp2p;

use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};

use crate::domain::{Key, Source};

/// Orders that may wait for the overlay.
const COMMANDS: usize = 256;
/// Events that a slow watcher may fall behind.
const EVENTS: usize = 1_024;
/// Steps of one lookup that may wait to be taken.
const STEPS: usize = 256;

/// Where the answer to an order goes.
pub type Answer<T> = oneshot::Sender<Result<T, DhtError>>;

/// A handle of the overlay. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dht {
    commands: mpsc::Sender<DhtCommand>,
    events: broadcast::Sender<DhtEvent>,
}

/// An order for an overlay.
#[derive(Debug)]
pub enum DhtCommand {
    /// Become a provider of a key.
    Announce {
        /// Of what.
        key: Key,
        /// How it went.
        reply: Answer<Trace>,
    },
    /// Stop being a provider of a key; records elsewhere linger until they expire.
    Withdraw {
        /// Of what.
        key: Key,
    },
    /// Find out who provides a key.
    FindProviders {
        /// What.
        key: Key,
        /// What was found; dropping the receiver ends the lookup.
        steps: mpsc::Sender<LookupStep>,
    },
    /// Find the nodes nearest to a key.
    Closest {
        /// To what.
        key: Key,
        /// Nearest first.
        reply: Answer<(Vec<Source>, Trace)>,
    },
    /// Store a value at the nodes nearest to a key.
    Put {
        /// Where.
        key: Key,
        /// What.
        value: Vec<u8>,
        /// How it went.
        reply: Answer<Trace>,
    },
    /// Find a value. Nobody vouches for it.
    Get {
        /// Where.
        key: Key,
        /// What was found.
        reply: Answer<(Option<Vec<u8>>, Trace)>,
    },
}

/// A step of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupStep {
    /// More providers.
    Found(Vec<Source>),
    /// The last step.
    Finished(Result<Trace, DhtError>),
}

/// What a lookup did, as far as the overlay shows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// Nodes asked.
    pub asked: u32,
    /// Nodes that answered.
    pub answered: u32,
    /// Nodes that failed or did not answer in time.
    pub failed: u32,
    /// How long it took.
    pub elapsed: Duration,
}

/// Something that a person may want to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DhtEvent {
    /// A lookup ended.
    LookupEnded {
        /// What for.
        kind: LookupKind,
        /// Which key.
        key: Key,
        /// What it did.
        trace: Trace,
    },
}

/// What a lookup is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupKind {
    /// To announce.
    Announce,
    /// To find providers.
    Providers,
    /// To find nodes.
    Closest,
    /// To store a value.
    Put,
    /// To find a value.
    Get,
}

/// Why an overlay did not do as told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DhtError {
    /// Too few nodes answered in time.
    #[error("the lookup took too long")]
    TimedOut,
    /// The overlay refused, and why.
    #[error("{0}")]
    Refused(String),
    /// The overlay has stopped.
    #[error("the overlay has stopped")]
    Stopped,
}

/// An overlay's end of the facade.
#[derive(Debug)]
pub struct OverlayEnd {
    /// Orders to carry out.
    pub commands: mpsc::Receiver<DhtCommand>,
    /// Where to tell what happens.
    pub events: broadcast::Sender<DhtEvent>,
}

impl Dht {
    /// A facade and the end that an overlay serves.
    #[must_use]
    pub fn pair() -> (Self, OverlayEnd) {
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (events, _) = broadcast::channel(EVENTS);
        let end = OverlayEnd { commands: orders, events: events.clone() };
        (Self { commands, events }, end)
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<DhtEvent> {
        self.events.subscribe()
    }

    /// Becomes a provider of a key.
    ///
    /// # Errors
    /// When too few nodes answered.
    pub async fn announce(&self, key: Key) -> Result<Trace, DhtError> {
        self.ask(|reply| DhtCommand::Announce { key, reply }).await
    }

    /// Stops being a provider of a key. Others keep their records until these expire.
    pub async fn withdraw(&self, key: Key) {
        let _ = self.commands.send(DhtCommand::Withdraw { key }).await;
    }

    /// Finds out who provides a key, step by step. Dropping the receiver ends the lookup.
    pub async fn find_providers(&self, key: Key) -> mpsc::Receiver<LookupStep> {
        let (steps, receiver) = mpsc::channel(STEPS);
        let _ = self.commands.send(DhtCommand::FindProviders { key, steps }).await;
        receiver
    }

    /// The nodes nearest to a key, nearest first.
    ///
    /// # Errors
    /// When nobody answered.
    pub async fn closest(&self, key: Key) -> Result<(Vec<Source>, Trace), DhtError> {
        self.ask(|reply| DhtCommand::Closest { key, reply }).await
    }

    /// Stores a value at the nodes nearest to a key.
    ///
    /// # Errors
    /// When nobody took it.
    pub async fn put(&self, key: Key, value: Vec<u8>) -> Result<Trace, DhtError> {
        self.ask(|reply| DhtCommand::Put { key, value, reply }).await
    }

    /// Finds a value. Nobody vouches for it.
    ///
    /// # Errors
    /// When nobody answered.
    pub async fn get(&self, key: Key) -> Result<(Option<Vec<u8>>, Trace), DhtError> {
        self.ask(|reply| DhtCommand::Get { key, reply }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> DhtCommand) -> Result<T, DhtError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| DhtError::Stopped)?;
        answer.await.unwrap_or(Err(DhtError::Stopped))
    }
}
