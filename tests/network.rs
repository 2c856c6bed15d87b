//! Real nodes in one process: share, search, fetch.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use p2pfs_tui::{
    application::message::{FailureKind, SearchEnd, TransferState},
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
