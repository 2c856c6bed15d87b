//! Conversations over streams in memory, on a clock that the tests turn.

mod fixture;
mod following;
mod sharing;

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};

use self::fixture::{Content, Library, Peer};
use super::*;
use crate::{
    domain::blocks::{BLOCK, SPAN},
    network::{
        content::wire::{Answer, ReadRequest, Request},
        wire,
    },
};

#[tokio::test(start_paused = true)]
async fn answers_come_in_the_order_of_the_requests() {
    let (library, content) = Library::with(3 * SPAN + 777);
    let mut peer = Peer::connect(&library.shared());
    let (root, end) = (content.root, content.size());
    let nowhere = Root::from_bytes([9; 32]);
    let asked = [
        Request::DescribeRoot(root),
        content.read(3 * SPAN, end),
        Request::DescribeSha1(Sha1Hash::from_bytes([9; 20])),
        content.read(BLOCK, SPAN + BLOCK),
        Request::Read(ReadRequest { root: nowhere, start: 0, end: BLOCK }),
        content.read(0, end + 1),
        content.read(1, BLOCK),
        content.read(0, BLOCK),
    ];
    peer.ask_all(&asked).await;
    assert_eq!(peer.answer().await, Answer::Has(content.manifest()));
    assert_eq!(peer.answer().await, Answer::End);
    peer.take(&content, 3 * SPAN..end).await;
    assert_eq!(peer.answer().await, Answer::End);
    peer.take(&content, BLOCK..SPAN + BLOCK).await;
    assert_eq!(peer.answer().await, Answer::Missing);
    assert_eq!(peer.answer().await, Answer::OutOfRange);
    assert_eq!(peer.answer().await, Answer::OutOfRange);
    peer.take(&content, 0..BLOCK).await;
    assert_eq!(library.sent(&root), 777 + SPAN + BLOCK);
    // Whoever asks no more is answered to the end.
    peer.ask(content.read(SPAN, 2 * SPAN)).await;
    peer.stream.shutdown().await.expect("open");
    peer.take(&content, SPAN..2 * SPAN).await;
    assert_eq!(peer.stream.read(&mut [0]).await.expect("the end"), 0);
    peer.ended().await.expect("in peace");
    assert_eq!(library.sent(&root), 777 + 2 * SPAN + BLOCK);
}

#[tokio::test]
async fn what_is_cancelled_in_time_is_not_sent() {
    let (library, content) = Library::with(4 * SPAN);
    let gate = content.close();
    // What does not fit the stream has been read by the other side.
    let mut peer = Peer::connect_through(&library.shared(), PeerId::random(), 64);
    for span in 0..4 {
        peer.ask(content.read(span * SPAN, (span + 1) * SPAN)).await;
    }
    peer.ask_all(&[Request::Cancel(0), Request::Cancel(2), Request::Cancel(17)]).await;
    peer.ask_all(&[Request::DescribeRoot(content.root); 2]).await;
    drop(gate);
    assert_eq!(peer.answer().await, Answer::Cancelled, "read, but not begun to be sent");
    peer.take(&content, SPAN..2 * SPAN).await;
    assert_eq!(peer.answer().await, Answer::Cancelled);
    peer.take(&content, 3 * SPAN..4 * SPAN).await;
    assert_eq!(library.sent(&content.root), 2 * SPAN);
    for _ in 0..2 {
        assert_eq!(peer.answer().await, Answer::Has(content.manifest()));
        assert_eq!(peer.answer().await, Answer::End);
    }
}

#[tokio::test]
async fn small_answers_that_are_cancelled_leave_the_others_whole() {
    let (library, content) = Library::with(SPAN);
    let gate = content.close();
    let mut peer = Peer::connect_through(&library.shared(), PeerId::random(), 64);
    for block in 0..8 {
        peer.ask(content.read(block * BLOCK, (block + 1) * BLOCK)).await;
    }
    for number in [0, 3, 4, 7] {
        peer.ask(Request::Cancel(number)).await;
    }
    peer.ask_all(&[Request::DescribeSha1(Sha1Hash::from_bytes([0; 20])); 3]).await;
    drop(gate);
    for block in 0..8 {
        if [0, 3, 4, 7].contains(&block) {
            assert_eq!(peer.answer().await, Answer::Cancelled);
        } else {
            peer.take(&content, block * BLOCK..(block + 1) * BLOCK).await;
        }
    }
    assert_eq!(peer.answer().await, Answer::End);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_here_yet_is_missing_and_what_has_changed_is_told() {
    let (library, content) = Library::with(2 * SPAN);
    let mut peer = Peer::connect(&library.shared());
    let (first, second) = (content.read(0, SPAN), content.read(SPAN, 2 * SPAN));
    content.fail(Some(io::ErrorKind::NotFound));
    peer.ask(first).await;
    assert_eq!(peer.answer().await, Answer::Missing);
    content.fail(None);
    peer.ask(first).await;
    peer.take(&content, 0..SPAN).await;
    assert_eq!(content.times_changed(), 0);
    // The file is cut off while it is served: what was read before it was noticed is not sent.
    content.fail(Some(io::ErrorKind::UnexpectedEof));
    peer.ask(second).await;
    assert_eq!(peer.answer().await, Answer::Missing);
    assert_eq!((content.times_changed(), library.sent(&content.root)), (1, SPAN));
    content.fail(Some(io::ErrorKind::Other));
    peer.ask(second).await;
    assert_eq!(peer.answer().await, Answer::Missing, "read without an error, and too short");
    assert_eq!(content.times_changed(), 2);
}

#[tokio::test]
async fn ten_thousand_small_contents_flow() {
    const COUNT: usize = 10_000;
    let contents: Vec<_> = (0..COUNT as u64).map(|n| Content::new(n, 4_096)).collect();
    let library = Library::of(contents.clone());
    let Peer { stream, .. } = Peer::connect(&library.shared());
    let (reader, mut writer) = tokio::io::split(stream);
    let mut peer = Peer::reading(reader);
    let asked: Vec<_> = contents.iter().map(|content| content.read(0, 4_096)).collect();
    let asking = async {
        for asked in &asked {
            wire::write(&mut writer, asked).await.expect("open");
        }
    };
    let taking = async {
        for content in &contents {
            peer.take(content, 0..4_096).await;
        }
    };
    tokio::join!(asking, taking);
    assert!(library.open_at_most() <= 16, "{}", library.open_at_most());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_asks_and_never_reads_loses_its_place() {
    let (library, content) = Library::with(SPAN);
    for request in [Request::DescribeRoot(content.root), content.read(0, SPAN)] {
        let mut peer = Peer::connect_through(&library.shared(), PeerId::random(), 64);
        let start = Instant::now();
        while wire::write(&mut peer.stream, &request).await.is_ok() {}
        let Err(WireError::Io(error)) = peer.ended().await else { panic!("in peace") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_gets_all() {
    let (library, content) = Library::with(SPAN);
    let mut peer = Peer::connect_through(&library.shared(), PeerId::random(), 1 << 14);
    peer.ask(content.read(0, SPAN)).await;
    assert_eq!(peer.answer().await, Answer::Data);
    let mut got = Vec::new();
    while got.len() < content.answer_len(0..SPAN) {
        sleep(Duration::from_secs(5)).await;
        let mut piece = vec![0; (1 << 14).min(content.answer_len(0..SPAN) - got.len())];
        peer.stream.read_exact(&mut piece).await.expect("open");
        got.extend(piece);
    }
    content.check(0..SPAN, &got);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_requests_ends() {
    let (library, content) = Library::with(BLOCK);
    let mut peer = Peer::connect(&library.shared());
    sleep(Duration::from_secs(29)).await;
    peer.ask(content.read(0, BLOCK)).await;
    peer.take(&content, 0..BLOCK).await;
    let start = Instant::now();
    assert_eq!(peer.stream.read(&mut [0]).await.expect("the end"), 0);
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(library.open_now(), 0);
    let mut garbage = Peer::connect(&library.shared());
    garbage.stream.write_all(&[0, 0, 1, 1]).await.expect("open");
    assert!(matches!(garbage.ended().await, Err(WireError::TooLong { .. })));
}

#[tokio::test(start_paused = true)]
async fn files_are_closed_when_nothing_is_read_from_them() {
    let (library, content) = Library::with(BLOCK);
    let mut peer = Peer::connect(&library.shared());
    peer.ask(content.read(0, BLOCK)).await;
    peer.take(&content, 0..BLOCK).await;
    assert_eq!(library.open_now(), 1);
    sleep(Duration::from_millis(1_100)).await;
    assert_eq!(library.open_now(), 0);
    // It is shared no more.
    library.forget(&content.root);
    peer.ask(content.read(0, BLOCK)).await;
    assert_eq!(peer.answer().await, Answer::Missing);
}
