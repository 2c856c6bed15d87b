//! What the host speaks: the behaviours of libp2p that it is put together from.

use std::{num::NonZeroUsize, time::Duration};

use libp2p::{
    StreamProtocol, connection_limits, identify,
    identity::Keypair,
    kad, mdns, ping,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
};

use super::{HostConfig, streams};
use crate::network::kad::record_store::BoundedStore;

/// How long others keep an announcement of ours, and we theirs.
pub(crate) const PROVIDER_TTL: Duration = Duration::from_secs(24 * 3_600);
/// The largest message of the kad protocol, in bytes: twenty providers and twenty peers with
/// several addresses each.
const MAX_KAD_PACKET: usize = 64 << 10;

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) streams: streams::Behaviour,
    pub(super) kad: kad::Behaviour<BoundedStore>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    pub(super) fn new(
        keypair: &Keypair,
        config: &HostConfig,
        store: BoundedStore,
        streams: streams::Behaviour,
        mdns: Option<mdns::tokio::Behaviour>,
    ) -> Self {
        let peer = keypair.public().to_peer_id();
        let mut kad = kad::Behaviour::with_config(peer, store, kad_config(config));
        let mode = if config.serve_dht { kad::Mode::Server } else { kad::Mode::Client };
        kad.set_mode(Some(mode));
        let agent = format!("p2pfs-tui/{}", env!("CARGO_PKG_VERSION"));
        let identify = identify::Config::new(config.network.protocol("id/1"), keypair.public())
            .with_agent_version(agent)
            .with_push_listen_addr_updates(true);
        Self {
            limits: connection_limits::Behaviour::new(limits(config)),
            streams,
            kad,
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_secs(30))),
            mdns: mdns.into(),
        }
    }
}

/// The name of the kad protocol in the configured network.
pub(super) fn kad_protocol(config: &HostConfig) -> StreamProtocol {
    protocol(config.network.protocol("kad/1.0.0"))
}

/// A protocol name of ours; they all begin with a slash.
pub(super) fn protocol(name: String) -> StreamProtocol {
    StreamProtocol::try_from_owned(name).unwrap_or(StreamProtocol::new("/p2pfs"))
}

fn kad_config(config: &HostConfig) -> kad::Config {
    let mut kad = kad::Config::new(kad_protocol(config));
    kad.set_parallelism(NonZeroUsize::new(6).unwrap_or(NonZeroUsize::MIN))
        .set_substreams_timeout(Duration::from_secs(4))
        .set_query_timeout(Duration::from_secs(30))
        .set_max_packet_size(MAX_KAD_PACKET)
        .set_provider_record_ttl(Some(PROVIDER_TTL))
        // Announcing again is the application's, which paces it and knows what is still shared.
        .set_provider_publication_interval(None)
        // Values of others are not sent around every hour: anybody could have us do that for him.
        .set_replication_interval(None)
        .set_publication_interval(None)
        // Who enters the table is decided when identify has told what a peer speaks.
        .set_kbucket_inserts(kad::BucketInserts::Manual);
    kad
}

fn limits(config: &HostConfig) -> connection_limits::ConnectionLimits {
    connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(128))
        .with_max_pending_outgoing(Some(128))
        .with_max_established(Some(config.connections.max))
        .with_max_established_per_peer(Some(4))
}
