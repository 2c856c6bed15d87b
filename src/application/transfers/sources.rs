//! Finds who has a content: whoever the link names, whoever a search found, whoever the DHT knows.

use std::{collections::HashSet, sync::Arc, time::Duration};

use libp2p_identity::PeerId;
use tokio::{sync::mpsc, time::timeout};

use super::{Inner, Transfer};
use crate::{
    domain::{ContentId, Key, Link, Source, link::peer_of},
    network::dht::LookupStep,
};

/// Sources that may wait to be tried.
const QUEUE: usize = 256;
/// How long the first peer may take to appear.
const JOIN_TIME: Duration = Duration::from_secs(8);
/// How often the DHT is asked when nobody was found: an announcement may be on its way.
const TRIES: u32 = 3;
/// How long is waited between.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for sources until the DHT has been asked, and hands them over as they come; each peer
/// once.
pub(super) fn find(inner: Arc<Inner>, transfer: Arc<Transfer>) -> mpsc::Receiver<Source> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let taken = sender.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = transfer.cancel.cancelled() => {}
            // Nobody takes sources any more: the transfer has what it needs, or has ended.
            () = taken.closed() => {}
            () = Finder { inner: &inner, sender, seen: HashSet::new() }.run(&transfer.link) => {}
        }
    });
    receiver
}

struct Finder<'a> {
    inner: &'a Inner,
    sender: mpsc::Sender<Source>,
    seen: HashSet<PeerId>,
}

impl Finder<'_> {
    async fn run(mut self, link: &Link) {
        if let Some(content) = known_content(link) {
            for id in self.inner.parts.queries.sources(&content) {
                self.found(Source::Peer { id, addresses: Vec::new() }).await;
            }
        }
        for address in &link.peers {
            self.try_address(address.clone()).await;
        }
        let mut host = self.inner.parts.host.state();
        let _ = timeout(JOIN_TIME, host.wait_for(|state| state.peers > 0)).await;
        for attempt in 1..=TRIES {
            for key in keys(link) {
                self.ask_the_dht(key).await;
                // The second key is for links whose SHA-1 nobody knows: their root may be right.
                if !self.seen.is_empty() {
                    return;
                }
            }
            if attempt == TRIES {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// An address of a link: with an identity it is a source as it stands, else we look who it is.
    async fn try_address(&mut self, address: libp2p::Multiaddr) {
        let id = match peer_of(&address) {
            Some(id) => Some(id),
            None => self.inner.parts.host.dial(address.clone()).await.ok(),
        };
        if let Some(id) = id {
            self.found(Source::Peer { id, addresses: vec![address] }).await;
        }
    }

    async fn ask_the_dht(&mut self, key: Key) {
        let mut steps = self.inner.parts.dht.find_providers(key).await;
        while let Some(LookupStep::Found(sources)) = steps.recv().await {
            for source in sources {
                self.found(source).await;
            }
        }
    }

    async fn found(&mut self, source: Source) {
        if let Source::Peer { id, .. } = &source
            && !self.seen.insert(*id)
        {
            return;
        }
        // Nobody takes it any more: the transfer has what it needs.
        let _ = self.sender.send(source).await;
    }
}

fn known_content(link: &Link) -> Option<ContentId> {
    Some(ContentId { sha1: link.sha1?, root: link.root?, size: link.size? })
}

fn keys(link: &Link) -> impl Iterator<Item = Key> {
    let by_sha1 = link.sha1.map(|sha1| Key::of_content(&sha1));
    let by_root = link.root.map(|root| Key::of_root(&root));
    by_sha1.into_iter().chain(by_root)
}
