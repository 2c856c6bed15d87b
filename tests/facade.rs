//! What every overlay behind the facade must do.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use futures::StreamExt;
use libp2p::{Multiaddr, StreamProtocol, SwarmBuilder, multiaddr::Protocol, tls, yamux};
use p2pfs_tui::{
    domain::{Key, Source},
    network::{
        content,
        dht::{Dht, DhtEvent, LookupKind, LookupStep},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    task::JoinHandle,
};
use tokio_util::compat::FuturesAsyncReadCompatExt;

use support::{
    PATIENCE, TestNode,
    stranger::{Content, Stranger, Wares},
};

fn nothing() -> Wares {
    Wares { manifests: Vec::new(), content: Content::new(&[]), corrupt: false }
}

async fn providers(dht: &Dht, key: Key) -> Vec<Source> {
    let mut steps = dht.find_providers(key).await;
    let mut found = Vec::new();
    let all = async {
        loop {
            match steps.recv().await.expect("a last step") {
                LookupStep::Found(more) => found.extend(more),
                LookupStep::Finished(result) => break result.unwrap(),
            }
        }
    };
    let trace = tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert!(trace.asked >= trace.answered && trace.answered > 0, "{trace:?}");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_announced_found_and_withdrawn_and_values_kept() {
    let mut first = TestNode::start(vec![]).await;
    let bootstrap = first.address().await;
    let a = Stranger::start(bootstrap.clone(), nothing()).await;
    let b = Stranger::start(bootstrap, nothing()).await;
    let (key, other) = (Key::from_bytes([1; 20]), Key::from_bytes([2; 20]));

    let mut events = b.dht.events();
    assert!(a.dht.announce(key).await.unwrap().answered > 0);
    // An announcement is not acknowledged: it may arrive after a question that was asked later.
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let found = providers(&b.dht, key).await;
            if !found.is_empty() {
                break found;
            }
        }
    });
    let found = found.await.unwrap();
    let Some(Source::Peer { id, addresses }) = found.first() else { panic!("{found:?}") };
    assert_eq!((*id, found.len()), (a.host.peer_id(), 1));
    assert!(!addresses.is_empty());
    let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    let DhtEvent::LookupEnded { kind, key: of, trace } = event;
    assert_eq!((kind, of), (LookupKind::Providers, key));
    assert!(trace.elapsed > Duration::ZERO);
    assert!(providers(&b.dht, other).await.is_empty());

    let (nearest, _) = b.dht.closest(key).await.unwrap();
    assert_eq!(nearest.len(), 2);
    assert!(a.dht.put(other, b"value".to_vec()).await.unwrap().answered > 0);
    assert_eq!(b.dht.get(other).await.unwrap().0.unwrap(), b"value");
    assert_eq!(b.dht.get(key).await.unwrap().0, None);

    // A withdrawn key is not provided by ourselves any more; records elsewhere linger.
    a.dht.withdraw(key).await;
    assert!(providers(&a.dht, other).await.is_empty());
}

/// Opens streams of a protocol to a node, as many as it can, without any of our restraint; returns
/// those that were opened, with the connection that they are on.
async fn flood(node: Multiaddr, protocol: StreamProtocol) -> (Vec<libp2p::Stream>, AbortOnDrop) {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(<_>::default(), tls::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .unwrap()
        .build();
    let Some(Protocol::P2p(id)) = node.iter().last() else { panic!("{node} names nobody") };
    swarm.dial(node).unwrap();
    let mut control = swarm.behaviour().new_control();
    let connection = tokio::spawn(async move { while swarm.next().await.is_some() {} });
    let mut streams = Vec::new();
    for _ in 0..60 {
        streams.extend(control.open_stream(id, protocol.clone()).await.ok());
    }
    (streams, AbortOnDrop(connection))
}

/// A task that ends with this.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether the other side neither sends anything nor ends the stream.
async fn stays_open(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_opens_streams_without_end_leaves_places_for_others() {
    let mut a = TestNode::start(vec![]).await;
    let b = Stranger::start(a.address().await, nothing()).await;
    let protocol = content::protocol(&"test".parse().unwrap());
    // They stay open without a word. More than a node serves at a time, so one too many is cut.
    let (streams, _connection) = flood(a.address().await, protocol.clone()).await;
    let mut streams: Vec<_> = streams.into_iter().map(FuturesAsyncReadCompatExt::compat).collect();
    let mut open = 0;
    for stream in &mut streams {
        open += usize::from(stays_open(stream).await);
    }
    assert!((1..=24).contains(&open), "{open}");

    let id = a.snapshot().await.node.peer_id;
    let mut stream = b.host.open(id, Vec::new(), protocol).await.unwrap();
    assert!(stays_open(&mut stream).await, "there is a place for another");
}
