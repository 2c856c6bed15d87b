//! Builds the swarm: transports below, behaviours above.

use std::time::Duration;

use libp2p::{Swarm, SwarmBuilder, identity::Keypair, mdns};

use super::{HostConfig, behaviour::Behaviour, streams, transport};
use crate::network::kad::record_store::BoundedStore;

/// How long reaching a peer may take, security included.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a released connection stays when nothing runs over it any more.
const LINGER: Duration = Duration::from_secs(2);
/// Inbound streams of one connection that may be negotiated at the same time.
const NEGOTIATING_STREAMS: usize = 128;

/// The swarm, and why there is no mDNS if it was wanted and could not be had.
pub(super) fn build(
    keypair: Keypair,
    config: &HostConfig,
    store: BoundedStore,
    streams: streams::Behaviour,
) -> Result<(Swarm<Behaviour>, Option<String>), String> {
    let peer = keypair.public().to_peer_id();
    let (mdns, no_mdns) =
        match config.mdns.then(|| mdns::tokio::Behaviour::new(<_>::default(), peer)) {
            Some(Ok(mdns)) => (Some(mdns), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
    let behaviour = Behaviour::new(&keypair, config, store, streams, mdns);

    let transports = || {
        SwarmBuilder::with_existing_identity(keypair.clone())
            .with_tokio()
            .with_quic()
            .with_other_transport(|identity| Ok(transport::tcp(identity)?))
            .map_err(|error| error.to_string())
    };
    let settings = |swarm: libp2p::swarm::Config| {
        swarm
            .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS)
            .with_idle_connection_timeout(LINGER)
    };
    // A machine without a resolver can still reach peers by their numbers.
    let swarm = match transports()?.with_dns() {
        Ok(builder) => builder
            .with_behaviour(|_| behaviour)
            .unwrap_or_else(never)
            .with_swarm_config(settings)
            .with_connection_timeout(DIAL_TIMEOUT)
            .build(),
        Err(_) => transports()?
            .with_behaviour(|_| behaviour)
            .unwrap_or_else(never)
            .with_swarm_config(settings)
            .with_connection_timeout(DIAL_TIMEOUT)
            .build(),
    };
    Ok((swarm, no_mdns))
}

fn never<T>(never: std::convert::Infallible) -> T {
    match never {}
}
