//! Announces what is shared: every key of every file, once per key, paced, and again in time.
//!
//! Keys are counted: a word that a thousand files have is announced once and withdrawn with the
//! last of them. Contents go before words, so that a new file can be fetched before it can be
//! found by its seventh word. While nobody is known, nothing is announced; when the network has
//! grown since, it is announced again, since the nodes nearest to a key are then others.

mod keys;
mod pace;
mod traffic;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use self::{
    keys::{Keys, Progress},
    pace::Pace,
    traffic::{BREATH, Traffic},
};
use crate::{
    domain::{ContentId, Key, Manifest},
    network::{dht::Dht, host::command::HostState},
};

/// How long records of ours last; they are renewed after half of it.
pub const RECORD_TTL: Duration = crate::network::host::PROVIDER_TTL;
/// How often it is checked whether something has to be announced again.
const CHECK_EVERY: Duration = Duration::from_secs(3);
/// How long a key that nobody took waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(8);
/// A table that grew this recently is waited for: what is announced to the first few peers would
/// have to be announced again to the many that follow.
const SETTLING: Duration = Duration::from_millis(500);
/// But no longer than this.
const SETTLED_AT_LAST: Duration = Duration::from_secs(3);
/// Orders that may wait.
const ORDERS: usize = 64;

/// A handle of the announcer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Announcer {
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
enum Order {
    Add(ContentId, Vec<Key>),
    Remove(ContentId, Vec<Key>),
}

/// Hears how far the keys of files are.
pub trait Listener: Send + Sync + 'static {
    /// `done` of the `keys` of a file of this content are announced.
    fn announced(&self, content: &ContentId, done: u32, keys: u32);
}

impl Announcer {
    /// Starts announcing on an overlay, for as long as the host knows somebody. `moved` counts the
    /// file bytes that come and go: while they do, announcing takes its time.
    #[must_use]
    pub fn start(
        dht: Dht,
        host: watch::Receiver<HostState>,
        listener: Arc<dyn Listener>,
        moved: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        let (orders, receiver) = mpsc::channel(ORDERS);
        let traffic = Traffic::new(moved, Instant::now());
        tokio::spawn(Task { dht, host, listener, keys: Keys::default(), traffic }.run(receiver));
        Self { orders }
    }

    /// Announces a file's keys from now on.
    pub async fn add(&self, manifest: &Manifest) {
        let _ = self.orders.send(Order::Add(manifest.content, manifest.keys())).await;
    }

    /// Announces from now on that a content is here, or a part of it; not what it is called.
    pub async fn add_content(&self, content: ContentId) {
        let _ = self.orders.send(Order::Add(content, content_keys(&content))).await;
    }

    /// Withdraws the keys of a file that no other shared file has.
    pub async fn remove(&self, manifest: &Manifest) {
        let _ = self.orders.send(Order::Remove(manifest.content, manifest.keys())).await;
    }

    /// Withdraws what [`Self::add_content`] announced.
    pub async fn remove_content(&self, content: ContentId) {
        let _ = self.orders.send(Order::Remove(content, content_keys(&content))).await;
    }
}

fn content_keys(content: &ContentId) -> Vec<Key> {
    vec![Key::of_content(&content.sha1), Key::of_root(&content.root)]
}

/// When somebody was first there, and when the routing table last grew.
#[derive(Debug, Default)]
struct Table {
    peers: usize,
    since: Option<(Instant, Instant)>,
}

impl Table {
    /// `None` when it is worth announcing; else when to look again, if that is known.
    fn ready(&mut self, somebody: bool, peers: usize, now: Instant) -> Option<Option<Instant>> {
        if !somebody {
            *self = Self::default();
            return Some(None);
        }
        let (first, mut grew) = self.since.unwrap_or((now, now));
        if peers > self.peers {
            grew = now;
        }
        (self.peers, self.since) = (peers, Some((first, grew)));
        let settled = (grew + SETTLING).min(first + SETTLED_AT_LAST);
        (now < settled).then_some(Some(settled))
    }
}

/// Sleeps until a moment, or for ever.
async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

struct Task {
    dht: Dht,
    host: watch::Receiver<HostState>,
    listener: Arc<dyn Listener>,
    keys: Keys,
    traffic: Traffic,
}

impl Task {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut running = FuturesUnordered::new();
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut table, mut pace) = (Table::default(), Pace::default());
        let mut rest = None;
        loop {
            let (peers, known) = {
                let host = self.host.borrow_and_update();
                (host.peers, host.routing)
            };
            let ready = table.ready(peers > 0, known, Instant::now());
            let now = Instant::now();
            let busy = self.traffic.is_busy(now);
            let window = if busy { 1 } else { pace.window() };
            rest = rest.filter(|until| busy && *until > now);
            while ready.is_none() && rest.is_none() && running.len() < window {
                let Some(key) = self.keys.next() else { break };
                let dht = self.dht.clone();
                running.push(async move {
                    let start = Instant::now();
                    let result = dht.announce(key).await;
                    (key, known, start.elapsed(), result)
                });
            }
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                Some((key, size, elapsed, result)) = running.next() => {
                    pace.took(elapsed);
                    rest = busy.then(|| Instant::now() + BREATH);
                    // Where the table is empty although somebody is connected, as on a lone node
                    // that all others reach from behind a translator, ours is the one record.
                    let taken = result.as_ref().is_ok_and(|t| t.answered > 0 || t.asked == 0);
                    if !taken {
                        tracing::debug!(%key, ?result, "an announcement was not taken");
                    }
                    let progress = self.keys.ended(key, taken, size, Instant::now());
                    self.report(progress);
                    // Unshared meanwhile: the withdrawal may have been faster.
                    if !self.keys.has(&key) {
                        self.dht.withdraw(key).await;
                    }
                }
                // The first peer is what everything here waits for.
                changed = self.host.changed() => if changed.is_err() { return },
                () = sleep_until(ready.flatten()) => {}
                () = sleep_until(rest) => {}
                _ = checks.tick() => {
                    let now = Instant::now();
                    self.keys.requeue(now, known, RECORD_TTL / 2, RETRY_AFTER);
                }
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Add(content, keys) => {
                let progress = self.keys.add(content, &keys);
                // A file begins with none announced; only what others announced is news.
                if progress.done > 0 {
                    self.report(vec![progress]);
                }
            }
            Order::Remove(content, keys) => {
                for key in self.keys.remove(&content, &keys) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_table_is_waited_for_but_not_for_ever() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut table = Table::default();
        assert_eq!(table.ready(false, 0, at(0)), Some(None));
        assert_eq!(table.ready(true, 1, at(0)), Some(Some(at(500))));
        assert_eq!(table.ready(true, 5, at(400)), Some(Some(at(900))));
        assert_eq!(table.ready(true, 5, at(899)), Some(Some(at(900))));
        assert_eq!(table.ready(true, 5, at(900)), None);
        assert_eq!(table.ready(true, 6, at(2_900)), Some(Some(at(3_000))));
        assert_eq!(table.ready(true, 7, at(3_000)), None);
        assert_eq!(table.ready(false, 7, at(3_100)), Some(None));
    }
}
