//! Announces what is shared: every key of every file, once per key, paced, and again in time.
//!
//! Keys are counted: a word that a thousand files have is announced once and withdrawn with the
//! last of them. Contents go before words, so that a new file can be fetched before it can be
//! found by its seventh word. While nobody is known, nothing is announced; when the network has
//! grown since, it is announced again, since the nodes nearest to a key are then others.

mod keys;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use self::keys::{Keys, Progress};
use crate::{
    domain::{ContentId, Key, Manifest},
    network::{dht::Dht, host::command::HostState},
};

/// Announcements under way at the same time.
const PARALLEL: usize = 32;
/// How long records of ours last; they are renewed after half of it.
pub const RECORD_TTL: Duration = crate::network::host::PROVIDER_TTL;
/// How often it is checked whether something has to be announced again.
const CHECK_EVERY: Duration = Duration::from_secs(3);
/// How long a key that nobody took waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(20);
/// Orders that may wait.
const ORDERS: usize = 64;

/// A handle of the announcer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Announcer {
    orders: mpsc::Sender<Order>,
    totals: watch::Receiver<Totals>,
}

/// How many keys there are and how many are announced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Announced since they last had to be.
    pub announced: u64,
    /// All.
    pub keys: u64,
}

#[derive(Debug)]
enum Order {
    Add(ContentId, Vec<Key>),
    Remove(ContentId),
}

/// Hears how far the keys of a content are.
pub trait Listener: Send + Sync + 'static {
    /// `done` of the `keys` of a content are announced.
    fn announced(&self, content: &ContentId, done: u32, keys: u32);
}

impl Announcer {
    /// Starts announcing on an overlay, for as long as the host knows somebody.
    #[must_use]
    pub fn start(dht: Dht, host: watch::Receiver<HostState>, listener: Arc<dyn Listener>) -> Self {
        let (orders, receiver) = mpsc::channel(ORDERS);
        let (sender, totals) = watch::channel(Totals::default());
        tokio::spawn(
            Task { dht, host, listener, totals: sender, keys: Keys::default() }.run(receiver),
        );
        Self { orders, totals }
    }

    /// Announces a file's keys from now on.
    pub async fn add(&self, manifest: &Manifest) {
        let _ = self.orders.send(Order::Add(manifest.content, manifest.keys())).await;
    }

    /// Withdraws the keys that no other shared file has.
    pub async fn remove(&self, content: ContentId) {
        let _ = self.orders.send(Order::Remove(content)).await;
    }

    /// How far it is, to read or to watch.
    #[must_use]
    pub fn totals(&self) -> watch::Receiver<Totals> {
        self.totals.clone()
    }
}

struct Task {
    dht: Dht,
    host: watch::Receiver<HostState>,
    listener: Arc<dyn Listener>,
    totals: watch::Sender<Totals>,
    keys: Keys,
}

impl Task {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut running = FuturesUnordered::new();
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let known = self.host.borrow_and_update().routing;
            while known > 0 && running.len() < PARALLEL {
                let Some(key) = self.keys.next() else { break };
                let dht = self.dht.clone();
                running.push(async move { (key, known, dht.announce(key).await) });
            }
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                Some((key, size, result)) = running.next() => {
                    let taken = result.is_ok_and(|trace| trace.answered > 0);
                    let progress = self.keys.ended(key, taken, size, Instant::now());
                    self.report(progress);
                }
                // The first peer is what everything here waits for.
                changed = self.host.changed() => if changed.is_err() { return },
                _ = checks.tick() => {
                    let now = Instant::now();
                    self.keys.requeue(now, known, RECORD_TTL / 2, RETRY_AFTER);
                }
            }
            self.totals.send_if_modified(|totals| {
                let fresh = self.keys.totals();
                std::mem::replace(totals, fresh) != fresh
            });
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Add(content, keys) => {
                let progress = self.keys.add(content, keys);
                self.report(vec![progress]);
            }
            Order::Remove(content) => {
                for key in self.keys.remove(&content) {
                    self.dht.withdraw(key).await;
                }
            }
        }
    }

    fn report(&self, progress: Vec<Progress>) {
        for Progress { content, done, keys } in progress {
            self.listener.announced(&content, done, keys);
        }
    }
}
