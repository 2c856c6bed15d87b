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

use super::{
    announcing,
    message::{Generations, Rates, Reachability, Snapshot, Verdict},
    node::Node,
};
use crate::network::{
    content::meter::Rate,
    host::{addresses::Scope, command::HostState},
};

/// How often rates are taken.
const TICK: Duration = Duration::from_secs(1);
/// Changes that come together are published together.
const COALESCE: Duration = Duration::from_millis(100);

/// What the observer looks at.
pub(super) struct Observer {
    node: Arc<Node>,
    host: watch::Receiver<HostState>,
    shares: watch::Receiver<u64>,
    transfers: watch::Receiver<u64>,
    announced: watch::Receiver<announcing::Totals>,
    rates: (Rate, Rate),
    now: Rates,
}

impl Observer {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self {
            host: node.host.state(),
            shares: node.indexing.generation(),
            transfers: node.transfers.generation(),
            announced: node.announcer.totals(),
            rates: Default::default(),
            now: Rates { up_limit: node.config.upload_limit, ..Rates::default() },
            node,
        }
    }

    /// Publishes until the node stops.
    pub(super) async fn run(mut self, snapshot: watch::Sender<Arc<Snapshot>>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopped = self.node.stopped.clone();
        loop {
            let alive = tokio::select! {
                () = stopped.cancelled() => return,
                result = self.host.changed() => result.is_ok(),
                result = self.shares.changed() => result.is_ok(),
                result = self.transfers.changed() => result.is_ok(),
                result = self.announced.changed() => result.is_ok(),
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
        let (up, down) = (self.node.uploads.meter.total(), self.node.downloads.total());
        self.now.up = self.rates.0.sample(now, up);
        self.now.down = self.rates.1.sample(now, down);
        (self.now.total_up, self.now.total_down) = (up, down);
        self.node.transfers.tick(now);
    }

    pub(super) fn snapshot(&mut self) -> Snapshot {
        let host = self.host.borrow_and_update().clone();
        let announced = *self.announced.borrow_and_update();
        let mut shares = self.node.indexing.totals();
        (shares.keys_announced, shares.keys) = (announced.announced, announced.keys);
        Snapshot {
            node: self.node.info.clone(),
            reachability: reachability(&host),
            peers: u32::try_from(host.peers).unwrap_or(u32::MAX),
            routing: u32::try_from(host.routing).unwrap_or(u32::MAX),
            listen: host.listen,
            shares,
            transfers: self.node.transfers.totals(),
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
