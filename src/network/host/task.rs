//! The task that owns the swarm: takes orders, passes on what happens, decides nothing.
//!
//! It never awaits a send. Replies go into one-shot channels or are tried once; what does not
//! fit is dropped and can be read again.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm,
    core::Endpoint,
    kad::{self, Quorum, Record, RecordKey},
    swarm::{
        ConnectionId, NetworkBehaviour,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    HostConfig, addresses,
    behaviour::Behaviour,
    command::{
        BucketContents, Command, HostEvent, HostState, KadCommand, KadError, Provider, TablePeer,
    },
    events::MAX_ADDRESSES,
    maintenance::{Maintenance, TICK},
    memory::Memory,
    peers::Peers,
    queries::{Next, Pending, Queries},
    streams,
};

/// The ends of the channels that connect the task to its clients.
pub(super) struct Channels {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) events: mpsc::Sender<HostEvent>,
    pub(super) state: watch::Sender<HostState>,
}

/// Everything the swarm task owns.
pub(super) struct Task {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) config: HostConfig,
    /// Names of our network's protocols, to tell our peers from others'.
    pub(super) protocols: HashSet<StreamProtocol>,
    pub(super) kad_protocol: StreamProtocol,
    pub(super) peers: Peers,
    pub(super) queries: Queries,
    pub(super) dials: HashMap<ConnectionId, Dial>,
    /// Bootstrap nodes that did not answer when last tried.
    silent: HashSet<Multiaddr>,
    pub(super) maintenance: Maintenance,
    pub(super) memory: Memory,
    /// Whether peers or table changed since the state was last published.
    pub(super) changed: bool,
    channels: Channels,
}

/// Who wants to know how a dial ended.
pub(super) enum Dial {
    Asked(oneshot::Sender<Result<PeerId, String>>),
    Bootstrap(Multiaddr),
}

impl Task {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        config: HostConfig,
        (kad_protocol, others): (StreamProtocol, &[StreamProtocol]),
        channels: Channels,
    ) -> Self {
        let memory = Memory::new(&config.data_dir);
        let protocols = others.iter().cloned().chain([kad_protocol.clone()]).collect();
        Self {
            swarm,
            protocols,
            kad_protocol,
            peers: Peers::default(),
            queries: Queries::default(),
            dials: HashMap::new(),
            silent: HashSet::new(),
            maintenance: Maintenance::new(Instant::now()),
            memory,
            changed: true,
            channels,
            config,
        }
    }

    /// Runs until it is told to stop or nobody holds a handle any more.
    pub(super) async fn run(mut self) {
        let mut ticks = ticks();
        self.start_joining();
        let stopped = loop {
            tokio::select! {
                command = self.channels.commands.recv() => match command {
                    Some(Command::Stop(reply)) => break Some(reply),
                    Some(command) => self.obey(command),
                    None => break None,
                },
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                _ = ticks.tick() => self.maintain(Instant::now()),
            }
            if self.changed {
                self.publish();
            }
        };
        self.save_all().await;
        // Closed before it is said, so that whoever waited can listen on the same ports again.
        drop(self);
        if let Some(reply) = stopped {
            let _ = reply.send(());
        }
    }

    /// Tells an event, or drops it where nobody listens fast enough.
    pub(super) fn tell(&self, event: HostEvent) {
        if let Err(error) = self.channels.events.try_send(event) {
            tracing::warn!(%error, "an event of the host was not taken");
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open { peer, addresses, protocol, reply } => {
                self.peers.used(&peer, Instant::now());
                self.swarm.behaviour_mut().streams.open(peer, addresses, protocol, reply);
            }
            Command::Dial { address, reply } => self.dial(address, Dial::Asked(reply)),
            Command::Peers(reply) => drop(reply.send(self.peers.list())),
            Command::Routing(reply) => drop(reply.send(self.routing())),
            Command::Kad(command) => self.obey_kad(command),
            // Handled by the loop itself.
            Command::Stop(reply) => drop(reply.send(())),
        }
    }

    fn obey_kad(&mut self, command: KadCommand) {
        let kad = &mut self.swarm.behaviour_mut().kad;
        match command {
            KadCommand::Provide { key, reply } => match kad.start_providing(key.into()) {
                Ok(id) => self.queries.insert(id, Pending::Provide(reply)),
                Err(error) => drop(reply.send(Err(KadError::Store(error.to_string())))),
            },
            KadCommand::StopProviding { key } => kad.stop_providing(&RecordKey::from(key)),
            KadCommand::Providers { key, steps } => {
                let id = kad.get_providers(key.into());
                self.queries.insert(id, Pending::Providers { steps, seen: HashSet::new() });
            }
            KadCommand::Closest { key, reply } => {
                let id = kad.get_closest_peers(key);
                self.queries.insert(id, Pending::Closest(reply));
            }
            KadCommand::Put { key, value, reply } => {
                match kad.put_record(Record::new(key, value), Quorum::One) {
                    Ok(id) => self.queries.insert(id, Pending::Put(reply)),
                    Err(error) => drop(reply.send(Err(KadError::Store(error.to_string())))),
                }
            }
            KadCommand::Get { key, reply } => {
                let id = kad.get_record(key.into());
                self.queries.insert(id, Pending::Get { reply, value: None });
            }
        }
    }

    pub(super) fn dial(&mut self, address: Multiaddr, asked: Dial) {
        let opts = DialOpts::from(address);
        let id = opts.connection_id();
        match self.swarm.dial(opts) {
            Ok(()) => drop(self.dials.insert(id, asked)),
            Err(error) => self.dial_ended(asked, Err(streams::describe(&error))),
        }
    }

    pub(super) fn dial_ended(&mut self, asked: Dial, result: Result<PeerId, String>) {
        match (asked, result) {
            (Dial::Asked(reply), result) => drop(reply.send(result)),
            // Told once, however often it is tried, until it has answered again.
            (Dial::Bootstrap(address), Err(reason)) => {
                if self.silent.insert(address.clone()) {
                    self.tell(HostEvent::BootstrapFailed { address, reason });
                }
            }
            (Dial::Bootstrap(address), Ok(_)) => drop(self.silent.remove(&address)),
        }
    }

    pub(super) fn on_kad_event(&mut self, event: kad::Event) {
        match event {
            kad::Event::OutboundQueryProgressed { id, result, stats, step } => {
                let local = *self.swarm.local_peer_id();
                match self.queries.progressed(id, result, &stats, step.last, &local) {
                    Next::Wait => {}
                    Next::Found(peers) => {
                        let found = peers.into_iter().map(|peer| self.provider(peer)).collect();
                        self.queries.found(&id, found);
                    }
                    Next::Finish => {
                        if let Some(mut query) = self.swarm.behaviour_mut().kad.query_mut(&id) {
                            query.finish();
                        }
                    }
                }
            }
            kad::Event::RoutingUpdated { .. } => self.changed = true,
            _ => {}
        }
    }

    /// A provider that a query found, being dialled while the query knows where it is.
    fn provider(&mut self, peer: PeerId) -> Provider {
        let addresses = self.addresses_of(peer);
        if !self.peers.contains(&peer) {
            let opts = DialOpts::peer_id(peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(addresses.clone());
            // Without any address this fails at once, and so will whoever opens a stream.
            let _ = self.swarm.dial(opts.build());
        }
        Provider { peer, addresses }
    }

    /// Where a peer listens, as far as its connection, the table, the records and the queries
    /// that run know. What only a query knows is lost with it, so it is kept with the provider.
    fn addresses_of(&mut self, peer: PeerId) -> Vec<Multiaddr> {
        let connected = self.peers.address(&peer).cloned();
        let kad = &mut self.swarm.behaviour_mut().kad;
        // What kad answers when a dial asks it; it has no other word for this, and changes nothing.
        let id = ConnectionId::new_unchecked(0);
        let known = kad.handle_pending_outbound_connection(id, Some(peer), &[], Endpoint::Dialer);
        let recorded = kad.store_mut().addresses(&peer).to_vec();
        let mut seen = HashSet::new();
        let all = connected.into_iter().chain(known.unwrap_or_default()).chain(recorded);
        let bare = all.map(addresses::without_peer).filter(|address| seen.insert(address.clone()));
        bare.take(MAX_ADDRESSES).collect()
    }

    fn routing(&mut self) -> Vec<BucketContents> {
        let (swarm, peers) = (&mut self.swarm, &self.peers);
        let buckets = swarm.behaviour_mut().kad.kbuckets().filter(|bucket| !bucket.is_empty());
        let contents = buckets.map(|bucket| BucketContents {
            prefix_bits: 255 - bucket.range().1.ilog2().unwrap_or(255),
            peers: bucket
                .iter()
                .map(|entry| {
                    let peer = *entry.node.key.preimage();
                    TablePeer {
                        peer,
                        // The table keeps the identity at the end of each address.
                        addresses: entry
                            .node
                            .value
                            .iter()
                            .cloned()
                            .map(addresses::without_peer)
                            .collect(),
                        connected: peers.contains(&peer),
                        rtt: peers.rtt(&peer),
                    }
                })
                .collect(),
        });
        let mut contents: Vec<_> = contents.collect();
        contents.sort_unstable_by_key(|bucket| bucket.prefix_bits);
        contents
    }

    /// Peers in the routing table, the connected ones first.
    pub(super) fn table_peers(&mut self) -> Vec<TablePeer> {
        let mut peers: Vec<_> =
            self.routing().into_iter().flat_map(|bucket| bucket.peers).collect();
        peers.sort_by_key(|peer| !peer.connected);
        peers
    }

    fn publish(&mut self) {
        self.changed = false;
        let routing = self.swarm.behaviour_mut().kad.kbuckets().map(|b| b.num_entries()).sum();
        let announced = self.swarm.external_addresses();
        let fresh = HostState {
            listen: self.swarm.listeners().cloned().collect(),
            reach: announced.filter_map(addresses::scope).max(),
            explicit: !self.config.listen.is_empty(),
            peers: self.peers.ours(),
            routing,
            generation: self.channels.state.borrow().generation + 1,
        };
        self.channels.state.send_replace(fresh);
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
