//! What the host does from time to time: joins again, lets go of peers, saves, sweeps.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};

use libp2p::{
    Multiaddr, PeerId,
    swarm::dial_opts::{DialOpts, PeerCondition},
};

use super::{
    addresses,
    command::Provider,
    memory::MAX_PEERS,
    task::{Dial, Task},
};
use crate::domain::link::peer_of;

/// How often the host looks after itself.
pub(super) const TICK: Duration = Duration::from_secs(2);
/// How often memory is written to disk.
const SAVE_EVERY: Duration = Duration::from_secs(120);
/// How often expired records are swept.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The first and the longest wait before somebody is looked for again.
const RETRY: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(120));
/// How long a neighbour that was found by mDNS is not dialled again.
const GREET_EVERY: Duration = Duration::from_secs(60);
/// Neighbours whose last greeting is remembered.
const MAX_GREETED: usize = 1_024;

/// When things were last done.
#[derive(Debug)]
pub(super) struct Maintenance {
    saved: Instant,
    swept: Instant,
    next_try: Instant,
    wait: Duration,
    greeted: HashMap<PeerId, Instant>,
}

impl Maintenance {
    pub(super) fn new(now: Instant) -> Self {
        let (first, _) = RETRY;
        let next_try = now + first;
        Self { saved: now, swept: now, next_try, wait: first, greeted: HashMap::new() }
    }

    /// Whether a neighbour may be dialled; one of another network would be met again and again.
    pub(super) fn may_greet(&mut self, peer: PeerId, now: Instant) -> bool {
        self.greeted.retain(|_, at| now.duration_since(*at) < GREET_EVERY);
        if self.greeted.len() >= MAX_GREETED || self.greeted.contains_key(&peer) {
            return false;
        }
        self.greeted.insert(peer, now);
        true
    }
}

impl Task {
    /// Dials the bootstrap nodes and the peers of last time, and asks them for more.
    pub(super) fn start_joining(&mut self) {
        for address in self.config.bootstrap.clone() {
            if let Some(peer) = peer_of(&address) {
                let bare = addresses::without_peer(address.clone());
                self.swarm.behaviour_mut().kad.add_address(&peer, bare);
            }
            self.dial(address.clone(), Dial::Bootstrap(address));
        }
        for known in self.memory.peers() {
            let opts = DialOpts::peer_id(known.peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(known.addresses);
            let _ = self.swarm.dial(opts.build());
        }
    }

    pub(super) fn maintain(&mut self, now: Instant) {
        self.join_again(now);
        let bounds = self.config.connections;
        for peer in self.peers.excess(bounds.low, bounds.high, now) {
            self.swarm.behaviour_mut().streams.release(peer);
        }
        if now.duration_since(self.maintenance.swept) >= SWEEP_EVERY {
            self.maintenance.swept = now;
            self.swarm.behaviour_mut().kad.store_mut().sweep(now);
        }
        if now.duration_since(self.maintenance.saved) >= SAVE_EVERY {
            self.maintenance.saved = now;
            tokio::task::spawn_blocking(self.save_job());
        }
    }

    /// While nobody is connected, looks for somebody, ever more rarely.
    fn join_again(&mut self, now: Instant) {
        if self.peers.ours() > 0 {
            self.maintenance.wait = RETRY.0;
            self.maintenance.next_try = now + RETRY.0;
        } else if now >= self.maintenance.next_try {
            self.maintenance.wait = (self.maintenance.wait * 2).min(RETRY.1);
            self.maintenance.next_try = now + self.maintenance.wait;
            self.start_joining();
        }
    }

    /// Writes down what should survive, before the task ends.
    pub(super) async fn save_all(&mut self) {
        let job = self.save_job();
        let _ = tokio::task::spawn_blocking(job).await;
    }

    fn save_job(&mut self) -> impl FnOnce() + Send + 'static {
        let peers = self.table_peers().into_iter().filter(|peer| !peer.addresses.is_empty());
        let peers: Vec<Provider> = peers
            .take(MAX_PEERS)
            .map(|known| Provider { peer: known.peer, addresses: known.addresses })
            .collect();
        let store = self.swarm.behaviour_mut().kad.store_mut();
        let records = store.save_if_changed(Instant::now(), SystemTime::now());
        let memory = self.memory.clone();
        move || {
            // Nobody known now does not mean that those of last time are gone for good.
            let peers = if peers.is_empty() { Ok(()) } else { memory.save_peers(peers) };
            let records = records.map_or(Ok(()), |records| memory.save_records(&records));
            for error in [peers, records].into_iter().filter_map(Result::err) {
                tracing::warn!(%error, "cannot write down what the host remembers");
            }
        }
    }
}

/// The addresses under which a node can be told to others, most widely reachable first.
pub(super) fn best_first(mut addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
    addresses.sort_by_key(|address| std::cmp::Reverse(addresses::scope(address)));
    addresses
}
