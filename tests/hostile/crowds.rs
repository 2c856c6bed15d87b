//! Crowds of bad providers, and one or two good ones among them.

use std::{sync::Arc, time::Instant};

use libp2p::PeerId;
use p2pfs_tui::{
    application::message::TransferState, domain::Link, network::content::wire::Request,
};

use super::support::{
    TestNode,
    stranger::{Manner, Reaction, Stranger, Wares, manifest},
};

const MIB: usize = 1 << 20;

fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// A link that names everybody, so that all of them are asked from the beginning.
fn link(wares: &Wares, providers: &[&Stranger]) -> Link {
    let content = &wares.manifests[0].content;
    let mut link = Link::of(content, "crowd.bin");
    link.peers = providers.iter().filter_map(|one| one.host.shareable_addresses().pop()).collect();
    assert_eq!(link.peers.len(), providers.len());
    link
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_liars_of_ten_are_banned_at_their_first_block() {
    let mut node = TestNode::start(vec![]).await;
    let address = node.address().await;
    let data = random(1, 64 * MIB);
    let good = Wares::of(manifest("crowd.bin", &data), &data);
    let bad = Wares { corrupt: true, ..good.clone() };
    let (mut liars, mut honest) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        liars.push(Stranger::start(address.clone(), bad.clone()).await);
    }
    for _ in 0..2 {
        honest.push(Stranger::start(address.clone(), good.clone()).await);
    }
    // The liars come first.
    let everybody: Vec<_> = liars.iter().chain(&honest).collect();
    let before = node.snapshot().await.rates.total_down;
    let transfer = node.begin(link(&good, &everybody), None).await.unwrap();
    let row = node.until_row(transfer, "it is over", |row| row.state.is_over()).await;
    assert_eq!(row.state, TransferState::Done, "{row:?}");
    assert!(std::fs::read(&row.path).unwrap() == data, "it is wrong");

    let mut banned: Vec<PeerId> = Vec::new();
    for (peer, evidence) in node.banned(transfer).await {
        assert!(evidence.contains("another hash"), "{evidence}");
        assert!(evidence.contains(&good.manifests[0].content.root.to_string()), "{evidence}");
        banned.push(peer);
    }
    banned.sort_unstable();
    let mut expected: Vec<PeerId> = liars.iter().map(|liar| liar.host.peer_id()).collect();
    expected.sort_unstable();
    assert_eq!(banned, expected);

    // All that they sent, with proofs and messages.
    let size = data.len() as u64;
    let wasted: u64 = liars.iter().map(Stranger::sent).sum();
    let counted = node.until("all is counted", |all| all.rates.total_down >= before + size).await;
    println!(
        "8 of 10 lie: {wasted} bytes came from them, {:.3}%; {} bytes more than the file in all",
        wasted as f64 * 100.0 / size as f64,
        counted.rates.total_down - before - size
    );
    assert!(wasted * 100 < data.len() as u64, "{wasted} bytes are wasted");
}

/// Everybody is asked to prove the size at first, and so does; then these say nothing more, or only
/// one block of what they began.
fn stalling(blocks: u64) -> Manner {
    Manner::Scripted(Arc::new(move |request, wares| match request {
        Request::Read(read) if read.end - read.start > 1 << 14 => {
            let answer = wares.honest(request);
            let length = answer.len() as u64 - (read.end - read.start) + (blocks << 14);
            let length = if blocks == 0 { 0 } else { length as usize };
            Reaction::Freeze(answer[..length].to_vec())
        }
        _ => Reaction::Say(wares.honest(request)),
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_of_ten_that_stall_do_not_stop_the_tenth() {
    let mut node = TestNode::start(vec![]).await;
    let address = node.address().await;
    let data = random(2, 24 * MIB);
    let wares = Wares::of(manifest("crowd.bin", &data), &data);
    let rate = Some(4 * MIB as u64);
    let honest = Stranger::start_with(address.clone(), wares.clone(), Manner::Serving(rate)).await;

    let mut took = Vec::new();
    for blocks in [None, Some(0), Some(1)] {
        let mut node = TestNode::start(vec![address.clone()]).await;
        let mut stalled = Vec::new();
        for _ in 0..if blocks.is_some() { 9 } else { 0 } {
            let manner = stalling(blocks.unwrap());
            stalled.push(Stranger::start_with(address.clone(), wares.clone(), manner).await);
        }
        let everybody: Vec<_> = stalled.iter().chain([&honest]).collect();
        let sent = honest.sent();
        let began = Instant::now();
        let transfer = node.begin(link(&wares, &everybody), None).await.unwrap();
        let row = node.until_row(transfer, "it is over", |row| row.state.is_over()).await;
        took.push(began.elapsed());
        assert_eq!((&row.state, row.banned), (&TransferState::Done, 0), "{row:?}");
        assert!(std::fs::read(&row.path).unwrap() == data, "it is wrong");
        let share = (honest.sent() - sent) as f64 / data.len() as f64;
        assert!(share > 0.9, "only {share} of it came from the one that serves");
    }
    let ratio = |n: usize| took[0].as_secs_f64() * 100.0 / took[n].as_secs_f64();
    println!(
        "of the speed with the honest one alone ({:.1} s): {:.0}% with nine that say nothing, {:.0}% \
         with nine that stop after a block",
        took[0].as_secs_f64(),
        ratio(1),
        ratio(2)
    );
}
