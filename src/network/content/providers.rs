//! [`Providers`]: the way to those who have a content, never too many conversations with one.

use std::sync::Arc;

use libp2p::{Multiaddr, PeerId, StreamProtocol};

use super::{
    bans::Bans,
    session::{Session, SessionError},
};
use crate::network::host::{
    Host,
    streams::{OpenError, Place, Places},
};

/// Fetches from one provider at a time; further ones wait. With the questions below what it grants.
const FETCHES: usize = 8;
/// Questions to one provider at a time; short, so that they do not wait for fetches to end.
const QUESTIONS: usize = 8;

/// Opens conversations with providers. Cheap to clone; clones share the bound.
#[derive(Debug, Clone)]
pub struct Providers {
    host: Host,
    protocol: StreamProtocol,
    fetches: Places,
    questions: Places,
    bans: Arc<Bans>,
}

impl Providers {
    /// Reaches providers through a host, by the name of the content protocol.
    #[must_use]
    pub fn new(host: Host, protocol: StreamProtocol, bans: Arc<Bans>) -> Self {
        let (fetches, questions) = (Places::new(FETCHES), Places::new(QUESTIONS));
        Self { host, protocol, fetches, questions, bans }
    }

    /// Never talks to a peer again, because of what it sent.
    pub fn ban(&self, peer: PeerId, evidence: &str) {
        self.bans.add(peer, evidence);
    }

    /// Who is banned.
    #[must_use]
    pub fn bans(&self) -> &Bans {
        &self.bans
    }

    /// Who this node is.
    #[must_use]
    pub fn own(&self) -> PeerId {
        self.host.peer_id()
    }

    /// Opens a conversation to fetch from a provider, once there are few enough with it.
    ///
    /// # Errors
    /// When the provider is banned, cannot be reached or does not speak the protocol.
    pub async fn open(
        &self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
    ) -> Result<Session, SessionError> {
        self.open_in(&self.fetches, peer, addresses).await
    }

    /// Opens a conversation to ask a provider what it has, once there are few enough with it.
    ///
    /// # Errors
    /// When the provider is banned, cannot be reached or does not speak the protocol.
    pub async fn open_to_ask(
        &self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
    ) -> Result<Session, SessionError> {
        self.open_in(&self.questions, peer, addresses).await
    }

    async fn open_in(
        &self,
        places: &Places,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
    ) -> Result<Session, SessionError> {
        if let Some(evidence) = self.bans.evidence(&peer) {
            return Err(SessionError::Banned(evidence));
        }
        let place = places.of(peer).acquire_owned().await.map_err(|_| OpenError::Stopped)?;
        let protocol = self.protocol.clone();
        Session::open(&self.host, protocol, (peer, addresses), Place::from(place)).await
    }
}
