//! Keeps the snapshot true: watches everything a client sees at a glance and publishes it when
//! it changed, at most a few times a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

use tokio_util::sync::CancellationToken;

use super::{
    indexing::IndexingService,
    message::{Generations, NodeInfo, Rates, Reachability, Snapshot, Verdict},
    transfers::Transfers,
};
use crate::network::{
    content::{
        meter::{Meter, Rate},
        serve::Uploads,
    },
    host::{Host, addresses::Scope, command::HostState},
};

/// How often rates are taken.
const TICK: Duration = Duration::from_secs(1);
/// Changes that come together are published together.
const COALESCE: Duration = Duration::from_millis(100);

/// What the observer looks at.
pub(super) struct Watched {
    pub(super) info: NodeInfo,
    pub(super) host: Host,
    pub(super) indexing: IndexingService,
    pub(super) transfers: Transfers,
    pub(super) uploads: Arc<Uploads>,
    pub(super) downloads: Arc<Meter>,
    pub(super) up_limit: Option<u64>,
}

/// Turns what it watches into snapshots.
pub(super) struct Observer {
    watched: Watched,
    host: watch::Receiver<HostState>,
    shares: watch::Receiver<u64>,
    transfers: watch::Receiver<u64>,
    rates: (Rate, Rate),
    now: Rates,
}

impl Observer {
    pub(super) fn new(watched: Watched) -> Self {
        Self {
            host: watched.host.state(),
            shares: watched.indexing.generation(),
            transfers: watched.transfers.generation(),
            rates: Default::default(),
            now: Rates { up_limit: watched.up_limit, ..Rates::default() },
            watched,
        }
    }

    /// Publishes from now on, until the node stops; returns what can be read and watched.
    pub(super) fn start(mut self, stopped: CancellationToken) -> watch::Receiver<Arc<Snapshot>> {
        let (sender, receiver) = watch::channel(Arc::new(self.snapshot()));
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = self.run(sender) => {}
            }
        });
        receiver
    }

    async fn run(mut self, snapshot: watch::Sender<Arc<Snapshot>>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let alive = tokio::select! {
                result = self.host.changed() => result.is_ok(),
                result = self.shares.changed() => result.is_ok(),
                result = self.transfers.changed() => result.is_ok(),
                _ = ticks.tick() => { self.tick(Instant::now()); true }
            };
            if !alive {
                return;
            }
            let fresh = self.snapshot();
            let differs = snapshot.send_if_modified(|old| {
                let differs = **old != fresh;
                if differs {
                    *old = Arc::new(fresh);
                }
                differs
            });
            if differs {
                sleep(COALESCE).await;
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        let (up, down) = (self.watched.uploads.meter.total(), self.watched.downloads.total());
        self.now.up = self.rates.0.sample(now, up);
        self.now.down = self.rates.1.sample(now, down);
        (self.now.total_up, self.now.total_down) = (up, down);
        self.watched.transfers.tick(now);
    }

    fn snapshot(&mut self) -> Snapshot {
        let host = self.host.borrow_and_update().clone();
        Snapshot {
            node: self.watched.info.clone(),
            reachability: reachability(&host),
            peers: u32::try_from(host.peers).unwrap_or(u32::MAX),
            routing: u32::try_from(host.routing).unwrap_or(u32::MAX),
            listen: host.listen,
            shares: self.watched.indexing.totals(),
            transfers: self.watched.transfers.totals(),
            rates: self.now,
            generations: Generations {
                peers: host.generation,
                shares: *self.shares.borrow_and_update(),
                transfers: *self.transfers.borrow_and_update(),
            },
        }
    }
}

fn reachability(host: &HostState) -> Reachability {
    let (verdict, reason) = match (host.reach, host.explicit) {
        (None, _) => (Verdict::Unknown, "no address to be reached at"),
        (Some(Scope::Loopback), _) => (Verdict::Loopback, "listening on this machine only"),
        (Some(Scope::Local), true) => (Verdict::Lan, "the given address is a local one"),
        (Some(Scope::Local), false) => {
            (Verdict::Lan, "on the local network; not known whether the internet gets through")
        }
        (Some(Scope::Public), true) => (Verdict::Public, "the given address is public"),
        (Some(Scope::Public), false) => (Verdict::Public, "this machine has a public address"),
    };
    Reachability { verdict, reason: reason.to_owned() }
}
