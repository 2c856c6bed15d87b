//! Keeps the snapshot true: watches everything a client sees at a glance and publishes it when
//! it changed, at most a few times a second.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

use tokio_util::sync::CancellationToken;

use super::{
    indexing::IndexingService,
    limits::{self, LimitsService},
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

/// What is looked at.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) info: NodeInfo,
    pub(super) host: Host,
    pub(super) indexing: IndexingService,
    pub(super) transfers: Transfers,
    pub(super) uploads: Arc<Uploads>,
    pub(super) downloads: Arc<Meter>,
    pub(super) limits: Arc<LimitsService>,
}

/// The node at a glance, read as it is now.
#[derive(Debug)]
pub(super) struct Glance {
    watched: Watched,
    rates: Mutex<(Rate, Rate, Rates)>,
}

impl Glance {
    pub(super) fn new(watched: Watched) -> Self {
        let rates = Rates::default();
        Self { watched, rates: Mutex::new((Rate::default(), Rate::default(), rates)) }
    }

    /// The node as it is now: what a client did a moment ago is in it.
    pub(super) fn read(&self) -> Snapshot {
        let watched = &self.watched;
        // The lists' generations are read before what they count, so that a change in between is
        // read again rather than missed.
        let generations = Generations {
            peers: watched.host.state().borrow().generation,
            shares: *watched.indexing.generation().borrow(),
            transfers: *watched.transfers.generation().borrow(),
        };
        let host = watched.host.state().borrow().clone();
        Snapshot {
            node: watched.info.clone(),
            reachability: reachability(&host),
            peers: u32::try_from(host.peers).unwrap_or(u32::MAX),
            routing: u32::try_from(host.routing).unwrap_or(u32::MAX),
            listen: host.listen,
            shares: watched.indexing.totals(),
            transfers: watched.transfers.totals(),
            rates: self.rates_now(),
            generations,
        }
    }

    fn tick(&self, now: Instant) {
        let (up, down) = (self.watched.uploads.meter.total(), self.watched.downloads.total());
        self.watched.limits.tick(limits::minute_now());
        let mut rates = self.rates();
        rates.2.up = rates.0.sample(now, up);
        rates.2.down = rates.1.sample(now, down);
        (rates.2.total_up, rates.2.total_down) = (up, down);
        drop(rates);
        self.watched.transfers.tick(now);
    }

    /// The rates as they were last taken, under the limits as they are now.
    fn rates_now(&self) -> Rates {
        let limits = self.watched.limits.read();
        let (up, down) = limits.in_force;
        Rates { up_limit: up.0, down_limit: down.0, ..self.rates().2 }
    }

    fn rates(&self) -> MutexGuard<'_, (Rate, Rate, Rates)> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes from now on, until the node stops; returns what can be watched.
    pub(super) fn publish(
        self: &Arc<Self>,
        stopped: CancellationToken,
    ) -> watch::Receiver<Arc<Snapshot>> {
        let (sender, receiver) = watch::channel(Arc::new(self.read()));
        let glance = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = glance.observe(sender) => {}
            }
        });
        receiver
    }

    async fn observe(&self, snapshot: watch::Sender<Arc<Snapshot>>) {
        let mut host = self.watched.host.state();
        let mut shares = self.watched.indexing.generation();
        let mut transfers = self.watched.transfers.generation();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let alive = tokio::select! {
                result = host.changed() => result.is_ok(),
                result = shares.changed() => result.is_ok(),
                result = transfers.changed() => result.is_ok(),
                _ = ticks.tick() => { self.tick(Instant::now()); true }
            };
            if !alive {
                return;
            }
            let fresh = self.read();
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
}

fn reachability(host: &HostState) -> Reachability {
    let (verdict, reason) = match (host.reach, host.explicit) {
        (None, _) => (Verdict::Unknown, "no address to be reached at"),
        (Some(Scope::Loopback), _) => (Verdict::Loopback, "its address is a loopback one"),
        (Some(Scope::Local), true) => (Verdict::Lan, "the given address is a local one"),
        (Some(Scope::Local), false) => {
            (Verdict::Lan, "on the local network; not known whether the internet gets through")
        }
        (Some(Scope::Public), true) => (Verdict::Public, "the given address is public"),
        (Some(Scope::Public), false) => (Verdict::Public, "this machine has a public address"),
    };
    Reachability { verdict, reason: reason.to_owned() }
}
