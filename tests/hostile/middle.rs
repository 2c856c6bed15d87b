//! Who joins in the middle, and what happens to a file that goes away in the middle.

use std::sync::Arc;

use p2pfs_tui::{
    application::message::{Command, TransferRow, TransferState},
    domain::Link,
    network::content::wire::Request,
};

use super::support::{
    TestNode,
    stranger::{Manner, Reaction, Stranger, Wares, manifest},
};

fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// Right up to the middle of the content, and wrong from there on.
fn half_right(half: u64) -> Manner {
    Manner::Scripted(Arc::new(move |request, wares| match request {
        Request::Read(read) if read.end > half && read.end - read.start > 1 << 14 => {
            let mut answer = wares.honest(request);
            *answer.last_mut().unwrap() ^= 1;
            Reaction::Say(answer)
        }
        _ => Reaction::Say(wares.honest(request)),
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_in_the_middle_is_served_by_one_that_has_half() {
    let mut a = TestNode::start(vec![]).await;
    let address = a.address().await;
    let (mut b, mut c) =
        (TestNode::start(vec![address.clone()]).await, TestNode::start(vec![address]).await);
    let data = random(3, 8 << 20);
    let wares = Wares::of(manifest("half.bin", &data), &data);
    let manner = Manner::Serving(Some(2 << 20));
    let first = Stranger::start_with(a.address().await, wares.clone(), manner).await;
    let mut link = Link::of(&wares.manifests[0].content, "half.bin");
    link.peers = first.host.shareable_addresses();
    let of_b = b.begin(link.clone(), None).await.unwrap();
    b.until_row(of_b, "it has half", |row| row.done >= 4 << 20).await;
    // From here on the first one gives as good as nothing: also the last block, which proves the
    // size, has to come from the one that has half.
    first.set_limit(Some(1));
    let had = b.row(of_b).await.done;
    let sent = first.sent();

    // Who comes now knows of the first one only, and finds the other by itself.
    let of_c = c.begin(link, None).await.unwrap();
    let whole_spans = had / (1 << 20) * (1 << 20) - (1 << 20);
    c.until_row(of_c, "it has that half as well", |row| row.done >= whole_spans).await;
    let from_first = first.sent() - sent;
    assert!(from_first < 1 << 20, "{from_first} bytes came from the one that is slow");
    let given = b.row(of_b).await.uploaded;
    assert!(given >= whole_spans - (1 << 20), "only {given} bytes came from the one that has half");

    first.set_limit(None);
    for (node, transfer) in [(&mut b, of_b), (&mut c, of_c)] {
        let row = node.until_row(transfer, "it is over", |row| row.state.is_over()).await;
        assert_eq!(row.state, TransferState::Done, "{row:?}");
        assert!(std::fs::read(&row.path).unwrap() == data, "it is wrong");
    }
}

/// Verified bytes are not thrown away because the only one who is left lies.
#[tokio::test(flavor = "multi_thread")]
async fn who_lies_in_the_end_spoils_nothing_that_is_here() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let data = random(4, 4 << 20);
    let wares = Wares::of(manifest("half.bin", &data), &data);
    let liar = Stranger::start_with(a.address().await, wares.clone(), half_right(2 << 20)).await;
    let link = Link::of(&wares.manifests[0].content, "half.bin");
    let transfer = b.begin(link, None).await.unwrap();
    let stands = |row: &TransferRow| {
        row.state.is_over() || matches!(row.state, TransferState::Waiting { .. })
    };
    let row = b.until_row(transfer, "it gives up for now", stands).await;
    let TransferState::Waiting { why, .. } = &row.state else { panic!("{row:?}") };
    assert!(why.message.contains("another hash") && row.done >= 2 << 20, "{row:?}");
    assert_eq!(b.banned(transfer).await[0].0, liar.host.peer_id());

    let path = a.write("half.bin", &data);
    a.share(path).await;
    a.announced(1).await;
    let before = b.snapshot().await.rates.total_down;
    b.call(Command::Resume { transfer }).await.unwrap();
    let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
    assert_eq!(row.state, TransferState::Done, "{row:?}");
    assert!(std::fs::read(&row.path).unwrap() == data, "it is wrong");
    let received = b.snapshot().await.rates.total_down - before;
    assert!(received < 3 << 20, "{received} bytes came, of which half was here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_while_it_is_served_arrives_from_elsewhere() {
    let mut a = TestNode::start_with(vec![], |config| {
        config.limits.up.0 = Some(1 << 20);
    })
    .await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let data = random(5, 6 << 20);
    let path = a.write("cut.bin", &data);
    a.share(path.clone()).await;
    a.announced(1).await;
    let link = Link::of(&manifest("cut.bin", &data).content, "cut.bin");
    let transfer = b.begin(link, None).await.unwrap();
    b.until_row(transfer, "some of it is here", |row| row.done >= 1 << 20).await;
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1000).unwrap();
    a.until("it is seen", |snapshot| snapshot.shares.bytes == 1000).await;

    let good = Wares::of(manifest("cut.bin", &data), &data);
    let _other = Stranger::start(a.address().await, good).await;
    let settled =
        |state: &TransferState| state.is_over() || matches!(state, TransferState::Waiting { .. });
    let mut row = b.until_row(transfer, "it settles", |row| settled(&row.state)).await;
    if !row.state.is_over() {
        // It would by itself, a little later.
        b.call(Command::Resume { transfer }).await.unwrap();
        row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
    }
    assert_eq!((&row.state, row.banned), (&TransferState::Done, 0), "{row:?}");
    assert!(std::fs::read(&row.path).unwrap() == data, "it is wrong");
}
