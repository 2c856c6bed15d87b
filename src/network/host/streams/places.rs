//! [`Places`]: how many streams one peer may have open here, or we at one peer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places of each peer. Cheap to clone; a peer without a place taken costs nothing for long.
#[derive(Debug, Clone)]
pub(in crate::network) struct Places {
    per_peer: usize,
    peers: Arc<Mutex<HashMap<PeerId, Weak<Semaphore>>>>,
}

/// A stream's place, given back when this is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// So many places for each peer.
    pub(in crate::network) fn new(per_peer: usize) -> Self {
        Self { per_peer, peers: Arc::default() }
    }

    /// The places of one peer, for as long as anybody has them.
    pub(in crate::network) fn of(&self, peer: PeerId) -> Arc<Semaphore> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = peers.get(&peer).and_then(Weak::upgrade) {
            return places;
        }
        peers.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(self.per_peer));
        peers.insert(peer, Arc::downgrade(&places));
        places
    }
}

impl From<OwnedSemaphorePermit> for Place {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: permit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_places_and_no_more() {
        let places = Places::new(2);
        let (a, b) = (PeerId::random(), PeerId::random());
        let take = |peer| places.of(peer).try_acquire_owned().map(Place::from);
        let taken = [take(a).expect("free"), take(a).expect("free")];
        assert!(take(a).is_err());
        assert!(take(b).is_ok());
        drop(taken);
        assert!(take(a).is_ok());
    }
}
