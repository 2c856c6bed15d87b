//! Our TCP transport between whole swarms: with itself, and with stock libp2p both ways.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, io::copy};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder,
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    swarm::{DialError, SwarmEvent},
    tcp, tls, yamux,
};
use p2pfs_tui::network::host::transport;
use tokio::time::timeout;

const ECHO: StreamProtocol = StreamProtocol::new("/test/echo/1");
const PATIENCE: Duration = Duration::from_secs(60);

type Node = Swarm<libp2p_stream::Behaviour>;

#[derive(Debug, Clone, Copy)]
enum Stack {
    Ours,
    StockTls,
    StockNoise,
}

fn node(stack: Stack) -> Node {
    let builder = SwarmBuilder::with_existing_identity(Keypair::generate_ed25519()).with_tokio();
    let behaviour = |_: &Keypair| libp2p_stream::Behaviour::new();
    let settings = |config: libp2p::swarm::Config| config.with_idle_connection_timeout(PATIENCE);
    let tcp = tcp::Config::default();
    match stack {
        Stack::Ours => builder
            .with_other_transport(|identity| Ok(transport::tcp(identity)?))
            .unwrap()
            .with_behaviour(behaviour)
            .unwrap()
            .with_swarm_config(settings)
            .build(),
        Stack::StockTls => builder
            .with_tcp(tcp, tls::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(behaviour)
            .unwrap()
            .with_swarm_config(settings)
            .build(),
        Stack::StockNoise => builder
            .with_tcp(tcp, noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(behaviour)
            .unwrap()
            .with_swarm_config(settings)
            .build(),
    }
}

/// Starts a node that sends back whatever comes; returns where it listens.
async fn listener(stack: Stack) -> Multiaddr {
    let mut node = node(stack);
    let mut incoming = node.behaviour().new_control().accept(ECHO).unwrap();
    node.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = node.select_next_some().await {
            break address;
        }
    };
    let address = address.with(Protocol::P2p(*node.local_peer_id()));
    tokio::spawn(async move { while node.next().await.is_some() {} });
    tokio::spawn(async move {
        while let Some((_, stream)) = incoming.next().await {
            tokio::spawn(async move {
                let (reader, mut writer) = stream.split();
                copy(reader, &mut writer).await?;
                writer.close().await
            });
        }
    });
    address
}

async fn dial(node: &mut Node, address: Multiaddr) -> Result<PeerId, DialError> {
    node.dial(address)?;
    loop {
        match node.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => return Ok(peer_id),
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error),
            _ => {}
        }
    }
}

/// Several streams at once, each with more than any window holds, both ways.
async fn bytes_go_both_ways(dialler: Stack, listening: Stack) {
    let address = listener(listening).await;
    let mut node = node(dialler);
    let peer = dial(&mut node, address).await.unwrap();
    let control = node.behaviour().new_control();
    tokio::spawn(async move { while node.next().await.is_some() {} });
    let talks = (0..3_u8).map(|number| {
        let mut control = control.clone();
        async move {
            let stream = control.open_stream(peer, ECHO).await.unwrap();
            let (mut reader, mut writer) = stream.split();
            let sent: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1] ^ number).collect();
            let mut back = Vec::new();
            let write = async {
                writer.write_all(&sent).await.unwrap();
                writer.close().await.unwrap();
            };
            let read = async { reader.read_to_end(&mut back).await.unwrap() };
            futures::join!(write, read);
            assert!(back == sent, "what comes back is what was sent");
        }
    });
    timeout(PATIENCE, futures::future::join_all(talks)).await.unwrap();
}

#[tokio::test]
async fn ours_with_ours() {
    bytes_go_both_ways(Stack::Ours, Stack::Ours).await;
}

#[tokio::test]
async fn ours_reaches_stock_over_tls() {
    bytes_go_both_ways(Stack::Ours, Stack::StockTls).await;
}

#[tokio::test]
async fn stock_reaches_ours_over_tls() {
    bytes_go_both_ways(Stack::StockTls, Stack::Ours).await;
}

#[tokio::test]
async fn ours_reaches_stock_over_noise() {
    bytes_go_both_ways(Stack::Ours, Stack::StockNoise).await;
}

#[tokio::test]
async fn stock_reaches_ours_over_noise() {
    bytes_go_both_ways(Stack::StockNoise, Stack::Ours).await;
}

#[tokio::test]
async fn whoever_is_not_the_one_meant_is_refused() {
    for listening in [Stack::Ours, Stack::StockTls, Stack::StockNoise] {
        let mut address = listener(listening).await;
        let Some(Protocol::P2p(there)) = address.pop() else {
            panic!("an address with an identity")
        };
        let meant = PeerId::random();
        let refused = dial(&mut node(Stack::Ours), address.with(Protocol::P2p(meant))).await;
        let Err(DialError::WrongPeerId { obtained, .. }) = refused else {
            panic!("{listening:?}: {refused:?}")
        };
        assert_eq!(obtained, there);
    }
}
