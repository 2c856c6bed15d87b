//! Finds who has a content: whoever the link names, whoever a search found, whoever the DHT knows.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use libp2p_identity::PeerId;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
    time::timeout,
};

use super::{Inner, transfer::Transfer};
use crate::{
    domain::{ContentId, Key, Link, Source, link::peer_of},
    network::dht::LookupStep,
};

/// Sources that may wait for whoever asks them.
const QUEUE: usize = 64;
/// How long the first peer may take to appear.
const JOIN_TIME: Duration = Duration::from_secs(8);
/// How often the DHT is asked when nobody was found: an announcement may be on its way.
const TRIES: u32 = 3;
/// How long is waited between.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the DHT is asked again for a fetch that runs low, without anything having come since.
const MAX_AGAIN: u32 = 4;
/// And for one to which nothing ever came.
const MAX_AGAIN_FOR_NOTHING: u32 = 1;
/// The most sources that are remembered for one transfer.
const MAX_FOUND: usize = 1_024;

/// Who was found to have a content, by now and from now on. The search ends when it is dropped.
#[derive(Debug)]
pub(super) struct Found {
    book: Arc<Book>,
    search: AbortHandle,
}

/// Invariant: the list only grows, and is complete once `closed`.
#[derive(Debug, Default)]
struct Book {
    list: Mutex<Vec<Source>>,
    /// How many there are, and whether that was all.
    known: watch::Sender<(usize, bool)>,
}

impl Book {
    fn list(&self) -> MutexGuard<'_, Vec<Source>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, source: Source) {
        let mut list = self.list();
        if list.len() < MAX_FOUND {
            list.push(source);
            self.known.send_modify(|(count, _)| *count = list.len());
        }
    }
}

impl Found {
    /// Hands over everybody who was found, and whoever will be; ends when that was all.
    pub(super) fn subscribe(&self) -> mpsc::Receiver<Source> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (book, mut known) = (self.book.clone(), self.book.known.subscribe());
        tokio::spawn(async move {
            for next in 0.. {
                let is_known = |(count, closed): &(usize, bool)| *count > next || *closed;
                tokio::select! {
                    known = known.wait_for(is_known) => if known.is_err() { return },
                    () = sender.closed() => return,
                }
                let Some(source) = book.list().get(next).cloned() else { return };
                if sender.send(source).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        self.search.abort();
        self.book.known.send_modify(|(_, closed)| *closed = true);
    }
}

/// Looks for sources of what a transfer is for. When nobody is found in a while, that was all; when
/// somebody is, the DHT is asked again whenever `hungry` says so.
pub(super) fn find(inner: Arc<Inner>, transfer: Arc<Transfer>, hungry: Arc<Notify>) -> Found {
    let book = Arc::new(Book::default());
    let filling = book.clone();
    let search = tokio::spawn(async move {
        let mut finder = Finder { inner: &inner, book: &filling, seen: HashSet::new() };
        let link = transfer.link_to_look_for();
        finder.run(&link).await;
        let (mut again, mut done) = (0, 0);
        while !finder.seen.is_empty() {
            let most = if done == 0 { MAX_AGAIN_FOR_NOTHING } else { MAX_AGAIN };
            if again >= most {
                break;
            }
            hungry.notified().await;
            let now = transfer.progress.borrow().done;
            again = if now > done { 0 } else { again + 1 };
            done = now;
            // Who failed may have come back.
            finder.seen.clear();
            finder.ask_all(&link).await;
        }
        filling.known.send_modify(|(_, closed)| *closed = true);
    });
    Found { book, search: search.abort_handle() }
}

struct Finder<'a> {
    inner: &'a Inner,
    book: &'a Book,
    seen: HashSet<PeerId>,
}

impl Finder<'_> {
    async fn run(&mut self, link: &Link) {
        if let Some(content) = known_content(link) {
            for id in self.inner.parts.queries.sources(&content) {
                self.found(Source::Peer { id, addresses: Vec::new() });
            }
        }
        for address in &link.peers {
            self.try_address(address.clone()).await;
        }
        let mut host = self.inner.parts.host.state();
        let _ = timeout(JOIN_TIME, host.wait_for(|state| state.peers > 0)).await;
        for attempt in 1..=TRIES {
            self.ask_all(link).await;
            if !self.seen.is_empty() || attempt == TRIES {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask_all(&mut self, link: &Link) {
        for key in keys(link) {
            self.ask_the_dht(key).await;
            // The second key is for links whose SHA-1 nobody knows: their root may be right.
            if !self.seen.is_empty() {
                return;
            }
        }
    }

    /// An address of a link: with an identity it is a source as it stands, else we look who it is.
    async fn try_address(&mut self, address: libp2p::Multiaddr) {
        let id = match peer_of(&address) {
            Some(id) => Some(id),
            None => self.inner.parts.host.dial(address.clone()).await.ok(),
        };
        if let Some(id) = id {
            self.found(Source::Peer { id, addresses: vec![address] });
        }
    }

    async fn ask_the_dht(&mut self, key: Key) {
        let mut steps = self.inner.parts.dht.find_providers(key).await;
        while let Some(LookupStep::Found(sources)) = steps.recv().await {
            sources.into_iter().for_each(|source| self.found(source));
        }
    }

    fn found(&mut self, source: Source) {
        let known = matches!(&source, Source::Peer { id, .. } if !self.seen.insert(*id));
        if !known {
            self.book.add(source);
        }
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
