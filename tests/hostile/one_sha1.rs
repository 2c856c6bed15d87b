//! Two contents with one SHA-1: two files of 640 bytes that Leurent and Peyrin found ("SHA-1 is a
//! Shambles", 2020), and, as SHA-1 takes it on from there, both with the same bytes behind them.

use p2pfs_tui::{
    application::message::TransferState,
    domain::{Link, Manifest},
};

use super::support::{
    TestNode,
    stranger::{Stranger, Wares, manifest},
};

const COLLISION: [&[u8]; 2] = [include_bytes!("one_sha1/1.bin"), include_bytes!("one_sha1/2.bin")];

/// Two files of one size and one SHA-1.
fn twins() -> [(Manifest, Vec<u8>); 2] {
    let tail: Vec<u8> = (0..1_500_000_u32).map(|n| (n.wrapping_mul(n) >> 9) as u8).collect();
    let names = ["left.bin", "right.bin"];
    let twins = [0, 1].map(|n| {
        let data = [COLLISION[n], &tail].concat();
        (manifest(names[n], &data), data)
    });
    let [left, right] = [&twins[0].0.content, &twins[1].0.content];
    assert!(left.sha1 == right.sha1 && left.size == right.size && left.root != right.root);
    twins
}

#[tokio::test(flavor = "multi_thread")]
async fn each_arrives_right_by_its_link_and_the_better_attested_by_the_sha1() {
    let mut a = TestNode::start(vec![]).await;
    let twins = twins();
    let mut owners = Vec::new();
    // Two have the right one; one has the left one.
    for twin in [1, 0, 1] {
        let (manifest, data) = &twins[twin];
        let wares = Wares::of(manifest.clone(), data);
        owners.push(Stranger::start(a.address().await, wares).await);
    }
    let mut b = TestNode::start(vec![a.address().await]).await;
    for (manifest, data) in &twins {
        let row = b.get(Link::of(&manifest.content, &manifest.name)).await;
        assert_eq!((&row.state, row.banned), (&TransferState::Done, 0), "{row:?}");
        assert!(std::fs::read(&row.path).unwrap() == *data, "{} is wrong", manifest.name);
    }
    let bare: Link = twins[0].0.content.sha1.to_string().parse().unwrap();
    let row = b.get(bare).await;
    assert_eq!((&row.state, row.banned), (&TransferState::Done, 0), "{row:?}");
    assert!(std::fs::read(&row.path).unwrap() == twins[1].1, "not the one that most have");
}

/// One node may have both, and they stay two.
#[tokio::test(flavor = "multi_thread")]
async fn one_who_has_both_serves_each() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let twins = twins();
    for (manifest, data) in &twins {
        let path = a.write(&manifest.name, data);
        a.share(path).await;
    }
    a.announced(2).await;
    for (manifest, data) in &twins {
        let row = b.get(Link::of(&manifest.content, &manifest.name)).await;
        assert_eq!((&row.state, row.banned), (&TransferState::Done, 0), "{row:?}");
        assert!(std::fs::read(&row.path).unwrap() == *data, "{} is wrong", manifest.name);
    }
}
