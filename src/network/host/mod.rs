//! The libp2p host: transports, behaviours, and the one task that drives them.
//!
//! [`Host`] is a handle: orders go in over a bounded channel, what happens comes out as replies,
//! a [`HostState`] to watch, and [`HostEvent`]s. The task translates between libp2p and these
//! words and decides nothing: what to look up, to announce, to serve or to ask is decided by the
//! overlay, the index and the content service, which open raw [`streams`] through it.

pub mod addresses;
mod behaviour;
pub mod command;
pub mod config;
mod events;
pub mod identity;
mod listening;
mod maintenance;
mod memory;
mod peers;
mod queries;
pub mod streams;
mod swarm;
mod task;
pub mod transport;

use std::time::SystemTime;

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::compat::FuturesAsyncReadCompatExt;

pub(crate) use behaviour::PROVIDER_TTL;
use command::{
    BucketContents, ClosestPeers, Command, ConnectedPeer, FoundValue, HostEvent, HostState,
    KadCommand, KadError, ProvidersStep, QueryTrace,
};
pub use config::{ConnectionBounds, HostConfig};
use identity::IdentityError;
#[doc(hidden)]
pub use memory::decode_peers;
use streams::{ByteStream, Inbound, OpenError};
use task::{Channels, Task};

use crate::network::kad::record_store::BoundedStore;

/// Orders that may wait for the task.
const COMMANDS: usize = 1_024;
/// Events that may wait to be taken.
const EVENTS: usize = 256;
/// Steps of one search for providers that may wait to be taken; a search has fewer.
const STEPS: usize = 256;

/// A running host. Cheap to clone; the task ends with the last handle or with [`Host::stop`].
#[derive(Debug, Clone)]
pub struct Host {
    peer_id: PeerId,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<HostState>,
}

/// A host that has just started, with what others send it.
#[derive(Debug)]
pub struct Started<const N: usize> {
    /// The handle.
    pub host: Host,
    /// Streams that peers open, in the order of the protocols given.
    pub inbound: [mpsc::Receiver<Inbound>; N],
    /// What the host has to say without being asked.
    pub events: mpsc::Receiver<HostEvent>,
}

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// An address is taken by another program.
    #[error("{0} is in use by another program")]
    AddressInUse(Multiaddr),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Which.
        address: Multiaddr,
        /// Why.
        reason: String,
    },
    /// The transports could not be set up.
    #[error("cannot set up the transports: {0}")]
    Transport(String),
}

impl Host {
    /// Starts a host that speaks some protocols of ours besides kad, and begins to join.
    ///
    /// # Errors
    /// When the identity cannot be had or an address cannot be listened on.
    pub fn start<const N: usize>(
        config: HostConfig,
        protocols: [StreamProtocol; N],
    ) -> Result<Started<N>, StartError> {
        let keypair = identity::load_or_create(&config.data_dir)?;
        let peer_id = keypair.public().to_peer_id();
        let mut store = BoundedStore::new(peer_id, config.records);
        if let Some(saved) = memory::Memory::new(&config.data_dir).records() {
            store.restore(saved, std::time::Instant::now(), SystemTime::now());
        }
        let kad_protocol = behaviour::kad_protocol(&config);
        let (acceptors, inbound) = streams::acceptors(protocols.clone());
        let streams = streams::Behaviour::new(acceptors);
        let (mut swarm, no_mdns) =
            swarm::build(keypair, &config, store, streams).map_err(StartError::Transport)?;
        listening::listen(&mut swarm, &config)?;

        let (command_sender, commands) = mpsc::channel(COMMANDS);
        let (event_sender, events) = mpsc::channel(EVENTS);
        let (state_sender, state) = watch::channel(HostState::default());
        if let Some(reason) = no_mdns {
            // The channel was made a line ago: there is room.
            let _ = event_sender.try_send(HostEvent::MdnsUnavailable { reason });
        }
        let channels = Channels { commands, events: event_sender, state: state_sender };
        let task = Task::new(swarm, config, (kad_protocol, &protocols), channels);
        tokio::spawn(task.run());
        Ok(Started { host: Self { peer_id, commands: command_sender, state }, inbound, events })
    }

    /// A protocol name of a network.
    #[must_use]
    pub fn protocol(network: &crate::domain::NetworkName, what: &str) -> StreamProtocol {
        behaviour::protocol(network.protocol(what))
    }

    /// Who this node is.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The host at a glance, to read or to watch.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<HostState> {
        self.state.clone()
    }

    /// Addresses that others can be told, each ending in our identity, most widely reachable
    /// first.
    #[must_use]
    pub fn shareable_addresses(&self) -> Vec<Multiaddr> {
        let state = self.state.borrow();
        let usable = state.listen.iter().filter(|address| {
            let scope = addresses::scope(address);
            scope.is_some() && (scope == state.reach || scope > Some(addresses::Scope::Loopback))
        });
        let full = usable
            .cloned()
            .map(|address| address.with(libp2p::multiaddr::Protocol::P2p(self.peer_id)));
        maintenance::best_first(full.collect())
    }

    /// Opens a stream to a peer, dialling it at the given and at all known addresses if needed.
    ///
    /// # Errors
    /// When the peer cannot be reached or does not speak the protocol.
    pub async fn open(
        &self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        protocol: StreamProtocol,
    ) -> Result<ByteStream, OpenError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Open { peer, addresses, protocol, reply };
        self.commands.send(command).await.map_err(|_| OpenError::Stopped)?;
        let dropped = || OpenError::Broken("the connection was closed".to_owned());
        answer.await.map_err(|_| dropped())?.map(FuturesAsyncReadCompatExt::compat)
    }

    /// Connects to whoever listens at an address; returns who that is.
    ///
    /// # Errors
    /// When nobody answers there, in words.
    pub async fn dial(&self, address: Multiaddr) -> Result<PeerId, String> {
        self.ask(|reply| Command::Dial { address, reply })
            .await
            .unwrap_or_else(|| Err("the host has stopped".to_owned()))
    }

    /// Who is connected, longest first.
    pub async fn peers(&self) -> Vec<ConnectedPeer> {
        self.ask(Command::Peers).await.unwrap_or_default()
    }

    /// The routing table, farthest bucket first.
    pub async fn routing(&self) -> Vec<BucketContents> {
        self.ask(Command::Routing).await.unwrap_or_default()
    }

    /// Announces us as provider of a key, on the wire as given.
    pub(in crate::network) async fn provide(&self, key: Vec<u8>) -> Result<QueryTrace, KadError> {
        let command = |reply| Command::Kad(KadCommand::Provide { key, reply });
        self.ask(command).await.unwrap_or(Err(KadError::Stopped))
    }

    /// Forgets that we provide a key; others keep their records until they expire.
    pub(in crate::network) async fn stop_providing(&self, key: Vec<u8>) {
        let _ = self.commands.send(Command::Kad(KadCommand::StopProviding { key })).await;
    }

    /// Looks for providers of a key. Dropping the receiver ends the search.
    pub(in crate::network) async fn providers(
        &self,
        key: Vec<u8>,
    ) -> mpsc::Receiver<ProvidersStep> {
        let (steps, receiver) = mpsc::channel(STEPS);
        let _ = self.commands.send(Command::Kad(KadCommand::Providers { key, steps })).await;
        receiver
    }

    /// The nodes nearest to a key.
    pub(in crate::network) async fn closest(&self, key: Vec<u8>) -> Result<ClosestPeers, KadError> {
        let command = |reply| Command::Kad(KadCommand::Closest { key, reply });
        self.ask(command).await.unwrap_or(Err(KadError::Stopped))
    }

    /// Stores a value at the nodes nearest to its key.
    pub(in crate::network) async fn put(
        &self,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<QueryTrace, KadError> {
        let command = |reply| Command::Kad(KadCommand::Put { key, value, reply });
        self.ask(command).await.unwrap_or(Err(KadError::Stopped))
    }

    /// Looks for a value.
    pub(in crate::network) async fn get(&self, key: Vec<u8>) -> Result<FoundValue, KadError> {
        let command = |reply| Command::Kad(KadCommand::Get { key, reply });
        self.ask(command).await.unwrap_or(Err(KadError::Stopped))
    }

    /// Writes down what should survive and ends the task.
    pub async fn stop(&self) {
        self.ask(Command::Stop).await;
    }

    /// Gives an order and waits for its answer; `None` when the task has ended.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}
