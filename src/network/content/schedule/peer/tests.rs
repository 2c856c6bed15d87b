//! How much a peer is asked for, by example.

use super::super::tests::{B, Play, S};
use super::*;

#[test]
fn a_new_peer_begins_small() {
    let mut play = Play::new(&[5 * B, S, S, S]);
    play.full(1);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let asked = play.asks();
        assert_eq!(asked.len(), 1, "{asked:?}");
        seen.push((asked[0].span, asked[0].blocks.clone()));
        play.pass(10);
        play.answer(&asked[0], 1);
    }
    assert_eq!(seen, [(0, 0..1), (0, 1..5), (1, 0..64), (2, 0..64)]);
}

#[test]
fn the_next_is_asked_for_before_the_last_is_here() {
    let mut play = Play::with_proven_peer(8);
    let first = play.asks();
    assert_eq!(first.len(), 1);
    play.begin(&first[0]);
    play.block(&first[0], 0);
    assert_eq!(play.asks().len(), 1);
}

#[test]
fn a_far_and_fast_peer_is_asked_for_more_but_not_without_bound() {
    let mut play = Play::new(&[S; 64]);
    play.full(1);
    let mut most = 0;
    for _ in 0..30 {
        let asked = play.asks();
        most = most.max(play.schedule.peer_view(1).expect("a peer").outstanding);
        play.pass(500);
        asked.iter().for_each(|one| _ = play.answer(one, 1));
    }
    assert!(most > 7 * SPAN && most <= MAX_AHEAD, "{most}");
}

#[test]
fn requests_are_bounded_too() {
    let mut play = Play::new(&[100; 2_000]);
    play.full(1);
    let first = play.asks();
    assert_eq!(first.len(), 164, "16 KiB of 100 bytes each");
    for one in first {
        play.answer(&one, 1);
    }
    for _ in 0..2 {
        for one in play.asks() {
            play.answer(&one, 1);
        }
    }
    play.asks();
    assert_eq!(play.schedule.peers[&1].live, MAX_REQUESTS);
}

#[test]
fn a_slow_peer_is_asked_for_parts() {
    let mut play = Play::new(&[S; 4]);
    play.full(1);
    // 64 KiB/s.
    for _ in 0..8 {
        for one in play.asks() {
            play.answer(&one, 250);
        }
    }
    let asked = play.asks();
    let blocks: usize = asked.iter().map(|one| one.blocks.len()).sum();
    assert!((4..=16).contains(&blocks), "{asked:?}: 2 to 4 s of work");
}

#[test]
fn what_it_was_asked_for_goes_back_when_it_leaves() {
    let mut play = Play::new(&[3 * B]);
    play.full(1);
    let before = play.asks();
    play.full(2);
    play.schedule.peer_left(1, play.now);
    let after = play.asks();
    assert_eq!((before[0].blocks.clone(), after[0].blocks.clone()), (0..1, 0..1));
    assert_eq!(after[0].peer, 2);
    assert!(!play.block(&before[0], 0), "it is gone");
}

#[test]
fn cancelled_requests_are_remembered_within_bounds() {
    let mut play = Play::with_proven_peer(400);
    for span in 1..400 {
        play.asks();
        play.schedule.set_wanted(span, false);
    }
    play.asks();
    assert_eq!(play.schedule.peers[&1].requests.len(), MAX_CANCELLED + 1);
}
