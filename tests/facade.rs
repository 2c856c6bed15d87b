//! What every overlay behind the facade must do.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use p2pfs_tui::{
    domain::{Key, Source},
    network::{
        content,
        dht::{Dht, DhtEvent, LookupKind, LookupStep},
    },
};
use tokio::io::AsyncReadExt;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_opens_streams_without_end_leaves_places_for_others() {
    let mut a = TestNode::start(vec![]).await;
    let b = Stranger::start(a.address().await, nothing()).await;
    let (protocol, id) =
        (content::protocol(&"test".parse().unwrap()), a.snapshot().await.node.peer_id);
    // They stay open without a word. One connection opens at most 28 at a time, and a node takes 24
    // of one peer, so those too many are cut.
    let mut streams = Vec::new();
    for _ in 0..26 {
        streams.push(b.host.open(id, Vec::new(), protocol.clone()).await.unwrap());
    }
    let mut cut = 0;
    for stream in &mut streams {
        let read = tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await;
        cut += usize::from(read.is_ok());
    }
    assert!((2..26).contains(&cut), "{cut}");
    drop(streams);
}
