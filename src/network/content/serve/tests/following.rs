//! Who follows is told what is here, and what comes.

use super::*;
use crate::network::content::wire::{Holds, Spans};

fn root(n: u8) -> Root {
    Root::from_bytes([n; 32])
}

fn grow(library: &Library, root: Root, held: &Arc<Held>) {
    library.growing.lock().expect("no panic").insert(root, Holdings::Growing(held.clone()));
}

fn some(root: Root, first: u32, bits: &[u8]) -> Answer {
    Answer::Holds(Holds { root, spans: Spans::Some { first, bits: bits.to_vec() } })
}

fn all(root: Root) -> Answer {
    Answer::Holds(Holds { root, spans: Spans::All })
}

fn nothing(root: Root) -> Answer {
    Answer::Holds(Holds { root, spans: Spans::Nothing })
}

#[tokio::test(start_paused = true)]
async fn who_follows_is_answered_at_once_whatever_is_here() {
    let (library, content) = Library::with(BLOCK);
    let held = Arc::new(Held::new(100_000));
    grow(&library, root(2), &held);
    for span in [7, 9, 90_000] {
        held.insert(span);
    }
    grow(&library, root(3), &Arc::new(Held::new(5)));
    let mut peer = Peer::connect(&library.shared());
    peer.ask_all(&[content.root, root(1), root(2), root(3)].map(Request::Follow)).await;
    assert_eq!(peer.answer().await, all(content.root));
    assert_eq!(peer.answer().await, nothing(root(1)));
    assert_eq!(peer.answer().await, some(root(2), 7, &[0b101]));
    assert_eq!(peer.answer().await, some(root(2), 90_000, &[1]));
    assert_eq!(peer.answer().await, some(root(3), 0, &[]));
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_told_at_once_and_then_together() {
    let (library, _) = Library::with(BLOCK);
    let held = Arc::new(Held::new(20));
    grow(&library, root(1), &held);
    let mut peer = Peer::connect(&library.shared());
    peer.ask(Request::Follow(root(1))).await;
    assert_eq!(peer.answer().await, some(root(1), 0, &[]));
    sleep(Duration::from_secs(10)).await;
    let start = Instant::now();
    held.insert(4);
    assert_eq!(peer.answer().await, some(root(1), 4, &[1]));
    assert_eq!(start.elapsed(), Duration::ZERO);
    for span in 5..15 {
        sleep(Duration::from_millis(20)).await;
        held.insert(span);
    }
    assert_eq!(peer.answer().await, some(root(1), 5, &[0xFF, 0b11]));
    assert!((240..260).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    (0..20).for_each(|span| held.insert(span));
    assert_eq!(peer.answer().await, all(root(1)));
    assert!((490..510).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(peer.stream.read(&mut [0]).await.expect("the end"), 0, "and nothing more");
}

#[tokio::test(start_paused = true)]
async fn a_growing_set_keeps_the_stream_only_while_it_grows() {
    let (library, _) = Library::with(BLOCK);
    let held = Arc::new(Held::new(20));
    grow(&library, root(1), &held);
    let mut peer = Peer::connect(&library.shared());
    peer.ask(Request::Follow(root(1))).await;
    assert_eq!(peer.answer().await, some(root(1), 0, &[]));
    for span in 0..5 {
        sleep(Duration::from_secs(29)).await;
        held.insert(span);
        assert_eq!(peer.answer().await, some(root(1), span, &[1]));
    }
    let start = Instant::now();
    assert_eq!(peer.stream.read(&mut [0]).await.expect("the end"), 0);
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn spans_are_told_between_the_answers_of_reads() {
    let (library, content) = Library::with(4 * SPAN);
    library.uploads.limiter.set(Some(SPAN));
    let held = Arc::new(Held::new(20));
    grow(&library, root(1), &held);
    let mut peer = Peer::connect(&library.shared());
    peer.ask(Request::Follow(root(1))).await;
    assert_eq!(peer.answer().await, some(root(1), 0, &[]));
    let spans = (0..4).map(|span| content.read(span * SPAN, (span + 1) * SPAN));
    peer.ask_all(&spans.collect::<Vec<_>>()).await;
    for span in 0..4_u64 {
        assert_eq!(peer.answer().await, Answer::Data);
        held.insert(span as u32);
        let bytes = span * SPAN..(span + 1) * SPAN;
        let taken = peer.take_unchecked(&content, bytes.clone()).await;
        content.check(bytes, &taken);
        assert_eq!(peer.answer().await, some(root(1), span as u32, &[1]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_dropped_is_asked_for_anew() {
    let (library, content) = Library::with(BLOCK);
    for (root, after) in [(root(1), nothing(root(1))), (content.root, all(content.root))] {
        let held = Arc::new(Held::new(3));
        grow(&library, root, &held);
        let mut peer = Peer::connect(&library.shared());
        peer.ask(Request::Follow(root)).await;
        assert_eq!(peer.answer().await, some(root, 0, &[]));
        library.growing.lock().expect("no panic").clear();
        drop(held);
        assert_eq!(peer.answer().await, after);
    }
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_followed_and_the_oldest_makes_way() {
    let (library, _) = Library::with(BLOCK);
    let held: Vec<_> = (0..6).map(|_| Arc::new(Held::new(3))).collect();
    let mut peer = Peer::connect(&library.shared());
    for n in 0..6_u8 {
        grow(&library, root(n), &held[usize::from(n)]);
        // Once more is not one more.
        peer.ask_all(&[Request::Follow(root(n)); 2]).await;
        assert_eq!(peer.answer().await, some(root(n), 0, &[]));
        assert_eq!(peer.answer().await, some(root(n), 0, &[]));
    }
    held.iter().for_each(|held| held.insert(1));
    for n in 2..6 {
        assert_eq!(peer.answer().await, some(root(n), 1, &[1]));
    }
    assert_eq!(peer.stream.read(&mut [0]).await.expect("the end"), 0, "and nothing more");
}
