//! Real nodes in one process: share, search, fetch.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use p2pfs_tui::{
    application::{
        Application,
        config::NodeConfig,
        message::{FailureKind, SearchEnd, TransferState},
    },
    domain::{Field, Link},
};
use support::TestNode;

/// Bytes that compress to nothing recognisable, the same for the same seed.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_found_by_word_and_name_and_fetched_verified() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let mut c = TestNode::start(vec![a.address().await]).await;
    let data = bytes(1, 3_000_000);
    let path = a.write("Die Zauberflöte (Ouvertüre).bin", &data);
    a.share(path).await;
    a.announced(1).await;

    for (text, field) in [
        ("zauberflote", None),
        ("OUVERTÜRE die", None),
        ("Die Zauberflöte (Ouvertüre).bin", Some(Field::Filename)),
    ] {
        let found = c.search(text, field).await;
        assert_eq!(found.rows.len(), 1, "{text}: {:?}", found.summary);
        assert_eq!(found.summary.end, Some(SearchEnd::Complete));
    }
    let row = c.search("zauberflote", None).await.rows.remove(0);
    assert_eq!(row.content.size, 3_000_000);
    let transfer = c.get(row.link.clone()).await;
    assert_eq!(transfer.state, TransferState::Done);
    assert_eq!(std::fs::read(&transfer.path).unwrap(), data);
    assert_eq!(transfer.path.file_name().unwrap(), "Die Zauberflöte (Ouvertüre).bin");

    // By the SHA-1 alone, by the short link, and a second time under another name.
    let bare: Link = row.content.sha1.to_string().parse().unwrap();
    let short: Link = row.link.short().unwrap().parse().unwrap();
    for link in [bare, short] {
        let transfer = b.get(link).await;
        assert_eq!(transfer.state, TransferState::Done);
        assert_eq!(std::fs::read(&transfer.path).unwrap(), data);
    }

    let nothing = c.search("zauberflote brahms", None).await;
    assert!(nothing.rows.is_empty());
    let holders: Vec<u32> = nothing.summary.words.iter().map(|word| word.holders).collect();
    assert_eq!(holders, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_providers_of_one_content_are_one_row_with_two_sources() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let mut c = TestNode::start(vec![a.address().await]).await;
    let data = bytes(2, 50_000);
    for node in [&mut a, &mut b] {
        let path = node.write("same thing.bin", &data);
        node.share(path).await;
        node.announced(1).await;
    }
    let found = c.search("thing", None).await;
    assert_eq!(found.rows.len(), 1);
    assert_eq!(found.rows[0].sources.len(), 2);
    // One of them goes; the other still serves.
    a.application.stop().await;
    let transfer = c.get(found.rows[0].link.clone()).await;
    assert_eq!(transfer.state, TransferState::Done, "{transfer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lonely_node_says_so() {
    let mut node = TestNode::start(vec![]).await;
    let found = node.search("anything", None).await;
    assert_eq!(found.summary.end, Some(SearchEnd::NoPeers));
    let link: Link = "a".repeat(40).parse().unwrap();
    let transfer = node.get(link).await;
    match transfer.state {
        TransferState::Failed(failure) => assert_eq!(failure.kind, FailureKind::NoPeers),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_of_last_time_are_tried_again() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let before = b.until("it knows a peer", |snapshot| snapshot.routing > 0).await.node.peer_id;
    let TestNode { application, client, dir } = b;
    drop(client);
    application.stop().await;
    // No bootstrap node this time: only what was written down.
    let application = Application::start(support::config(dir.path(), vec![])).await.unwrap();
    let client = application.connect();
    let mut b = TestNode { application, client, dir };
    let after = b.until("it found its peer again", |snapshot| snapshot.peers > 0).await;
    assert_eq!(after.node.peer_id, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_speaks_quic_alone_is_reached() {
    let quic = |config: &mut NodeConfig| {
        config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    };
    let mut a = TestNode::start_with(vec![], quic).await;
    let mut b = TestNode::start_with(vec![a.address().await], quic).await;
    let data = bytes(7, 400_000);
    let path = a.write("over quic.bin", &data);
    a.share(path).await;
    a.announced(1).await;
    let row = b.search("quic", None).await.rows.remove(0);
    let transfer = b.get(row.link).await;
    assert_eq!(transfer.state, TransferState::Done);
    assert_eq!(std::fs::read(&transfer.path).unwrap(), data);
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_of_different_names_do_not_mix() {
    let mut a = TestNode::start(vec![]).await;
    let bootstrap = vec![a.address().await];
    let mut other = TestNode::start_with(bootstrap, |config| {
        config.network = "other".parse().unwrap();
    })
    .await;
    let path = a.write("here only.txt", b"here");
    a.share(path).await;
    let found = other.search("here", None).await;
    assert_eq!((found.rows.len(), found.summary.end), (0, Some(SearchEnd::NoPeers)));
    assert_eq!(a.snapshot().await.peers, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_not_served_as_its_old_self() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let path = a.write("diary.txt", &bytes(8, 100_000));
    a.share(path.clone()).await;
    a.announced(1).await;
    let old = b.search("diary", None).await.rows.remove(0);
    std::fs::write(&path, bytes(9, 100_000)).unwrap();
    let transfer = b.get(old.link).await;
    assert!(matches!(transfer.state, TransferState::Failed(_)), "{transfer:?}");
    // It was found out when it was asked for, read again, and is served as what it is now.
    let changed = async {
        while a.shares().await[0].content.is_none_or(|content| content == old.content) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, changed).await.unwrap();
    a.announced(1).await;
    let new = b.search("diary", None).await.rows.remove(0);
    assert_ne!(new.content, old.content);
    let transfer = b.get(new.link).await;
    assert_eq!(transfer.state, TransferState::Done);
    assert_eq!(std::fs::read(&transfer.path).unwrap(), bytes(9, 100_000));
}
