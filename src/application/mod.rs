//! The application layer: a node as its clients see it.
//!
//! [`Application::start`] puts a node together: the host and the overlay below, above them
//! indexing (what we share), announcing (so that others find it), searching and transferring.
//! Clients talk to it in the words of [`message`], each over a [`client::Client`] of its own that
//! a session serves; they cannot tell whether it is in their process or behind a socket.

pub mod announcing;
pub mod catalog;
pub mod client;
mod collections;
pub mod config;
pub mod indexing;
pub mod limits;
pub mod lock;
pub mod message;
pub mod search;
pub mod seeding;
pub mod transfers;

mod node;
mod notices;
mod observer;
mod peers;
mod provider;
mod session;
mod streams;

use std::{path::Path, sync::Arc};

use client::Client;
use config::NodeConfig;
use message::Failure;
use node::Node;

/// A running node. Cheap to clone; it runs until [`Application::stop`].
#[derive(Debug, Clone)]
pub struct Application {
    node: Arc<Node>,
}

impl Application {
    /// Starts a node: locks its data directory, opens its identity and index, listens, and begins
    /// to join, to hash and to announce behind.
    ///
    /// # Errors
    /// What stands in the way, with the next step: a second node in the data directory, a port in
    /// use, a folder that cannot be written.
    pub async fn start(config: NodeConfig) -> Result<Self, Failure> {
        Ok(Self { node: Node::start(config).await? })
    }

    /// Whether no node ever ran in a data directory.
    #[must_use]
    pub fn is_first_start(data_dir: &Path) -> bool {
        !crate::network::host::identity::exists(data_dir)
    }

    /// Begins a conversation with the node.
    #[must_use]
    pub fn connect(&self) -> Client {
        let (client, end) = Client::pair();
        tokio::spawn(session::serve(self.node.clone(), end));
        client
    }

    /// How many files were read and hashed since the start: none after a restart with nothing
    /// changed.
    #[must_use]
    pub fn files_hashed(&self) -> u64 {
        self.node.indexing.files_hashed()
    }

    /// Stops the node: unfinished transfers end, what it knows of others is saved.
    pub async fn stop(self) {
        self.node.stop().await;
    }
}
