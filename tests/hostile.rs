//! Peers that lie, seen by a node that asked them.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "hostile/crowds.rs"]
mod crowds;
#[path = "hostile/middle.rs"]
mod middle;
#[path = "hostile/oddities.rs"]
mod oddities;
#[path = "hostile/one_sha1.rs"]
mod one_sha1;
#[path = "hostile/places.rs"]
mod places;
mod support;

use p2pfs_tui::{
    application::message::{FailureKind, TransferState},
    domain::{Link, Manifest},
};
use support::{
    TestNode,
    stranger::{Content, Manner, Stranger, Wares, manifest},
};

fn data(seed: u8) -> Vec<u8> {
    (0..2_500_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8 ^ seed).collect()
}

/// The only file in a folder, or none.
fn files_in(node: &TestNode) -> usize {
    std::fs::read_dir(node.dir.path().join("downloads")).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_wrong_bytes_is_dropped_and_another_serves() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let wares = Wares { corrupt: true, ..Wares::of(manifest("song.bin", &good), &good) };
    let _liar = Stranger::start(a.address().await, wares).await;
    let link = Link::of(&manifest("song.bin", &good).content, "song.bin");

    let alone = b.get(link.clone()).await;
    let TransferState::Failed(failure) = alone.state else { panic!("{alone:?}") };
    assert_eq!(failure.kind, FailureKind::Verification);
    assert!(failure.message.contains("another hash"), "{}", failure.message);
    assert_eq!((alone.banned, files_in(&b)), (1, 0));

    let path = a.write("song.bin", &good);
    a.share(path).await;
    a.announced(1).await;
    let both = b.get(link).await;
    assert_eq!(both.state, TransferState::Done, "{both:?}");
    assert_eq!(std::fs::read(&both.path).unwrap(), good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_content_under_a_sha1_is_found_out_and_the_right_one_fetched() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let (good, bad) = (data(1), data(2));
    let sha1 = manifest("", &good).content.sha1;
    let mut lie = manifest("song.bin", &bad);
    lie.content.sha1 = sha1;
    let claim = || Wares::of(lie.clone(), &bad);
    let _liars = (
        Stranger::start(a.address().await, claim()).await,
        Stranger::start(a.address().await, claim()).await,
    );
    let bare: Link = sha1.to_string().parse().unwrap();
    let lied_to = b.get(bare.clone()).await;
    let TransferState::Failed(failure) = lied_to.state else { panic!("{lied_to:?}") };
    assert_eq!((failure.kind, files_in(&b)), (FailureKind::Verification, 0));

    let path = a.write("song.bin", &good);
    a.share(path).await;
    a.announced(1).await;
    let right = b.get(bare).await;
    assert_eq!(right.state, TransferState::Done, "{right:?}");
    assert_eq!(std::fs::read(&right.path).unwrap(), good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_about_the_size_is_found_out_before_anything_is_written() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let mut lie = manifest("song.bin", &good);
    lie.content.size = 1 << 40;
    let wares = Wares::of(lie.clone(), &good);
    let _liar = Stranger::start(a.address().await, wares).await;
    let short: Link = Link::of(&lie.content, "x").short().unwrap().parse().unwrap();
    let transfer = b.get(short).await;
    assert!(matches!(transfer.state, TransferState::Failed(_)), "{transfer:?}");
    assert_eq!((transfer.done, files_in(&b)), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_match_are_not_shown() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let song = manifest("song.bin", &good);
    let huge = Manifest { name: "song ".repeat(200), ..song.clone() };
    let manifests = vec![song.clone(), manifest("advert.bin", &data(3)), huge];
    let wares = Wares { manifests, content: Content::new(&good), corrupt: false };
    let _spammer = Stranger::start(a.address().await, wares).await;
    let found = b.search("song", None).await;
    let names: Vec<_> = found.rows.iter().map(|row| row.name.raw()).collect();
    assert_eq!(names, ["song.bin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_that_nobody_serves_does_not_hide_the_right_one() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let mut lie = manifest("song.bin", &data(2));
    lie.content.sha1 = manifest("", &good).content.sha1;
    let claim = || Wares::of(lie.clone(), &[]);
    let _liars = (
        Stranger::start(a.address().await, claim()).await,
        Stranger::start(a.address().await, claim()).await,
    );
    let path = a.write("song.bin", &good);
    a.share(path).await;
    a.announced(1).await;
    let bare: Link = lie.content.sha1.to_string().parse().unwrap();
    let right = b.get(bare).await;
    assert_eq!(right.state, TransferState::Done, "{right:?}");
    assert_eq!(std::fs::read(&right.path).unwrap(), good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_size_in_a_link_is_not_blamed_on_who_has_the_file() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let path = a.write("song.bin", &good);
    a.share(path).await;
    a.announced(1).await;
    let mut content = manifest("song.bin", &good).content;
    // The last block of a mebibyte is one that the true file has too, in a tree of another shape.
    for size in [0, 1 << 20] {
        content.size = size;
        let transfer = b.get(Link::of(&content, "song.bin")).await;
        let TransferState::Failed(failure) = &transfer.state else { panic!("{transfer:?}") };
        assert_eq!((failure.kind, transfer.banned), (FailureKind::Verification, 0), "{failure}");
        assert!(failure.message.contains("the link says otherwise"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trickling_provider_makes_way_for_another() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let song = manifest("song.bin", &good);
    let path = a.write("song.bin", &good);
    a.share(path).await;
    a.announced(1).await;
    let wares = Wares::of(song.clone(), &good);
    // A kilobyte every ten seconds: never silent for long, and never done either.
    let manner = Manner::Serving(Some(100));
    let trickler = Stranger::start_with(a.address().await, wares, manner).await;
    let mut link = Link::of(&song.content, "song.bin");
    // Whom a link names is asked first.
    link.peers = trickler.host.shareable_addresses();
    let transfer = b.get(link).await;
    assert_eq!((&transfer.state, transfer.banned), (&TransferState::Done, 0), "{transfer:?}");
    assert_eq!(std::fs::read(&transfer.path).unwrap(), good);
}
