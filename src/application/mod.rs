//! The application layer: a node as its clients see it.

pub mod client;
pub mod config;
pub mod lock;
pub mod message;

use client::Client;
use config::NodeConfig;
use message::Failure;

/// A running node. Cheap to clone; the node runs until [`Application::stop`].
#[derive(Debug, Clone)]
pub struct Application {}

impl Application {
    /// Starts a node: locks its data directory, opens its identity and index, listens.
    ///
    /// # Errors
    /// What stands in the way, with the next step: a second node in the data directory, a port in
    /// use, a folder that cannot be written.
    pub async fn start(_config: NodeConfig) -> Result<Self, Failure> {
        Err(Failure::new(message::FailureKind::Error, "being built"))
    }

    /// Begins a conversation with the node.
    #[must_use]
    pub fn connect(&self) -> Client {
        Client::pair().0
    }

    /// Stops the node: unfinished transfers end, records of what it knows are saved.
    pub async fn stop(self) {}
}
