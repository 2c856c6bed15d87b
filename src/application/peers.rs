//! Peers, the routing table and invitations, in the words of clients.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libp2p::Multiaddr;

use super::message::{Bucket, Contact, Failure, FailureKind, PeerRow, RoutingTable};
use crate::{
    domain::{
        Invite, NetworkName, Untrusted,
        link::{MAX_PEERS, peer_of},
    },
    network::host::{
        Host,
        command::{BucketContents, ConnectedPeer},
    },
};

/// Connected peers, longest first.
pub(super) async fn connected(host: &Host) -> Vec<PeerRow> {
    let now = (Instant::now(), unix_now());
    host.peers().await.into_iter().map(|peer| row(peer, now)).collect()
}

/// The routing table, farthest bucket first.
pub(super) async fn routing(host: &Host) -> RoutingTable {
    let buckets = host.routing().await.into_iter().map(bucket).collect();
    RoutingTable { buckets }
}

/// A way into our network: the addresses of this node that others can use.
pub(super) fn invite(host: &Host, network: &NetworkName) -> Result<String, Failure> {
    let mut peers = host.shareable_addresses();
    peers.truncate(MAX_PEERS);
    if peers.is_empty() {
        return Err(Failure::new(FailureKind::Error, "this node has no address to invite to yet")
            .hint("wait a moment, or start it with --listen /ip4/ADDRESS/tcp/PORT"));
    }
    Ok(Invite { network: network.clone(), peers }.to_string())
}

/// Connects to the peers of an invitation, or to one address; returns how many answered.
pub(super) async fn join(host: &Host, network: &NetworkName, link: &str) -> Result<u32, Failure> {
    let addresses = parse(link, network)?;
    let dials = addresses.iter().map(|address| host.dial(address.clone()));
    let results = futures::future::join_all(dials).await;
    let joined = results.iter().filter(|result| result.is_ok()).count();
    if joined == 0 {
        let reason = results.into_iter().find_map(Result::err).unwrap_or_default();
        return Err(Failure::new(FailureKind::NoPeers, format!("nobody answers: {reason}"))
            .hint("ask for a new invitation, and check that the other node is running"));
    }
    Ok(u32::try_from(joined).unwrap_or(u32::MAX))
}

fn parse(link: &str, network: &NetworkName) -> Result<Vec<Multiaddr>, Failure> {
    let usage = |message: String| Failure::new(FailureKind::Usage, message);
    if link.trim_start().starts_with('/') {
        let address: Option<Multiaddr> = link.trim().parse().ok();
        let address = address.filter(|address| peer_of(address).is_some());
        return address.map(|address| vec![address]).ok_or_else(|| {
            let shown = Untrusted::new(link).truncated(200);
            usage(format!("{shown:?} is no address of a peer: expected /ip4/…/tcp/…/p2p/…"))
        });
    }
    let invite: Invite = link.parse().map_err(|error| usage(format!("{error}")))?;
    if invite.network != *network {
        let message = format!("the invitation is to the network {:?}", invite.network.to_string());
        return Err(usage(message).hint(format!(
            "this node is in {network}; start one there: p2pfs-tui --network {}",
            invite.network
        )));
    }
    Ok(invite.peers)
}

fn row(peer: ConnectedPeer, (now, unix): (Instant, u64)) -> PeerRow {
    PeerRow {
        peer_id: peer.peer,
        address: peer.address,
        inbound: peer.inbound,
        agent: peer.agent.map(Untrusted::new),
        rtt_ms: peer.rtt.map(milliseconds),
        since: unix.saturating_sub(now.duration_since(peer.since).as_secs()),
    }
}

fn bucket(contents: BucketContents) -> Bucket {
    let contact = |peer: crate::network::host::command::TablePeer| Contact {
        peer_id: peer.peer,
        addresses: peer.addresses,
        connected: peer.connected,
        rtt_ms: peer.rtt.map(milliseconds),
    };
    let peers = contents.peers.into_iter().map(contact).collect();
    Bucket { prefix_bits: contents.prefix_bits, peers }
}

fn milliseconds(rtt: Duration) -> u32 {
    u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX)
}

/// Seconds since 1970.
pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
