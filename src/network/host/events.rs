//! What the swarm tells the task: connections come and go, peers say who they are.

use std::time::Instant;

use libp2p::{
    Multiaddr, PeerId, identify, mdns, ping,
    swarm::{
        SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use super::{
    addresses::{self, Scope},
    behaviour::{Behaviour, BehaviourEvent},
    command::HostEvent,
    streams,
    task::Task,
};

/// The most addresses taken from what one peer says of itself, and kept of it in the table.
pub(super) const MAX_ADDRESSES: usize = 16;

type Event = SwarmEvent<<Behaviour as libp2p::swarm::NetworkBehaviour>::ToSwarm>;

impl Task {
    pub(super) fn on_swarm_event(&mut self, event: Event) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                let address = endpoint.get_remote_address().clone();
                let inbound = endpoint.is_listener();
                self.peers.connected(peer_id, connection_id, address, inbound, Instant::now());
                if let Some(dial) = self.dials.remove(&connection_id) {
                    self.dial_ended(dial, Ok(peer_id));
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.peers.closed(&peer_id, connection_id);
                self.changed = true;
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(dial) = self.dials.remove(&connection_id) {
                    self.dial_ended(dial, Err(streams::describe(&error)));
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => self.on_listening(address),
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.swarm.remove_external_address(&address);
                self.changed = true;
            }
            SwarmEvent::ListenerClosed { addresses, reason: Err(error), .. } => {
                self.tell(HostEvent::ListenerClosed { addresses, reason: error.to_string() });
                self.changed = true;
            }
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Kad(event) => self.on_kad_event(event),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identified(peer_id, info);
            }
            BehaviourEvent::Ping(ping::Event { peer, result: Ok(rtt), .. }) => {
                self.peers.measured(&peer, rtt);
                self.changed = true;
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    self.on_neighbour(peer, address);
                }
            }
            _ => {}
        }
    }

    /// Without confirmed addresses our announcements would carry none and be worth nothing. An
    /// address that was given counts as reachable; one that was found counts beyond this machine.
    fn on_listening(&mut self, address: Multiaddr) {
        // A node that was told to listen on every interface is not meant to tell the world about
        // this one.
        let given = self.config.listen.iter().filter_map(addresses::scope);
        let on_this_machine = given.into_iter().any(|scope| scope == Scope::Loopback);
        let announce = match addresses::scope(&address) {
            Some(Scope::Loopback) => on_this_machine,
            Some(Scope::Local | Scope::Public) => true,
            None => false,
        };
        if announce {
            self.swarm.add_external_address(address);
        }
        self.changed = true;
    }

    /// A peer enters the routing table when it has said that it speaks our kad protocol.
    fn on_identified(&mut self, peer: PeerId, info: identify::Info) {
        let ours = info.protocols.iter().any(|name| self.protocols.contains(name));
        self.peers.identified(&peer, info.agent_version, ours);
        self.changed = true;
        if !ours {
            // Somebody of another network, met on the local one.
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        }
        if !info.protocols.contains(&self.kad_protocol) {
            return;
        }
        let Some(talking_to) = self.peers.address(&peer).cloned() else { return };
        let claimed = info.listen_addrs.into_iter().take(MAX_ADDRESSES);
        let claimed = claimed.filter(|claimed| addresses::plausible(claimed, &talking_to));
        let claimed: Vec<_> = claimed.map(addresses::without_peer).collect();
        for address in &claimed {
            self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
        }
        self.forget_addresses(peer, &claimed, &talking_to);
    }

    /// A table entry takes every address it is ever given, and is told to others whole: what its
    /// peer does not claim any more makes way when there are too many.
    fn forget_addresses(&mut self, peer: PeerId, claimed: &[Multiaddr], talking_to: &Multiaddr) {
        let kad = &mut self.swarm.behaviour_mut().kad;
        let known: Vec<_> = kad
            .kbucket(peer)
            .and_then(|bucket| {
                let entry = bucket.iter().find(|entry| *entry.node.key.preimage() == peer)?;
                Some(entry.node.value.iter().cloned().map(addresses::without_peer).collect())
            })
            .unwrap_or_default();
        let old = known.iter().filter(|known| !claimed.contains(known) && *known != talking_to);
        for address in old.take(known.len().saturating_sub(MAX_ADDRESSES)) {
            kad.remove_address(&peer, address);
        }
    }

    fn on_neighbour(&mut self, peer: PeerId, address: Multiaddr) {
        if self.peers.contains(&peer) || !self.maintenance.may_greet(peer, Instant::now()) {
            return;
        }
        let opts = DialOpts::peer_id(peer)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .addresses(vec![address]);
        let _ = self.swarm.dial(opts.build());
    }
}
