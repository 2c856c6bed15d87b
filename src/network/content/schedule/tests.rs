//! A schedule played by hand: what the tests beside the rules share.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{Action, Ended, PeerNo, RequestNo, Schedule, SpanNo};
use crate::domain::blocks::{BLOCK, SPAN};

/// Bytes of a block and of a span, as lengths are given.
pub(super) const B: u32 = BLOCK as u32;
pub(super) const S: u32 = SPAN as u32;

/// A request that a schedule made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) peer: PeerNo,
    pub(super) request: RequestNo,
    pub(super) span: SpanNo,
    pub(super) blocks: Range<u8>,
}

/// A schedule and its clock.
pub(super) struct Play {
    pub(super) schedule: Schedule,
    pub(super) now: Instant,
}

impl Play {
    pub(super) fn new(lengths: &[u32]) -> Self {
        let now = Instant::now();
        Self { schedule: Schedule::new(lengths.to_vec(), 1, now), now }
    }

    /// One with so many whole spans missing, from number 1 on, and peer 1: it has everything and has
    /// been answering for a while, at 1 MiB/s over a round trip of 10 ms. That was span 0.
    pub(super) fn with_proven_peer(spans: usize) -> Self {
        let mut lengths = vec![S; spans + 1];
        lengths[0] = 5 * B;
        let mut play = Self::new(&lengths);
        play.full(1);
        for _ in 0..2 {
            let asked = play.asks();
            play.pass(10);
            asked.iter().for_each(|one| assert!(play.answer(one, 16)));
        }
        assert_eq!(play.schedule.have(0), 0b1_1111);
        play
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// A peer with everything joins.
    pub(super) fn full(&mut self, peer: PeerNo) {
        self.schedule.peer_joined(peer, self.now);
        self.schedule.peer_has_all(peer, self.now);
    }

    /// A peer with some spans joins.
    pub(super) fn partial(&mut self, peer: PeerNo, spans: &[SpanNo]) {
        self.schedule.peer_joined(peer, self.now);
        for span in spans {
            self.schedule.peer_has(peer, *span, self.now);
        }
    }

    /// Everything that it says now.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        let actions: Vec<Action> =
            std::iter::from_fn(|| self.schedule.poll(self.now)).take(10_000).collect();
        self.schedule.check().expect("the invariants");
        let wake = self.schedule.next_wake();
        assert!(wake.is_none_or(|at| at > self.now), "it would be polled again at once");
        actions
    }

    /// What it asks for now; everything else that it says is dropped.
    pub(super) fn asks(&mut self) -> Vec<Asked> {
        let asked = |action| match action {
            Action::Ask { peer, request, span, blocks } => {
                Some(Asked { peer, request, span, blocks })
            }
            _ => None,
        };
        self.actions().into_iter().filter_map(asked).collect()
    }

    /// A block of a request comes.
    pub(super) fn block(&mut self, asked: &Asked, block: u8) -> bool {
        self.schedule.block_arrived(asked.peer, asked.request, block, self.now)
    }

    pub(super) fn begin(&mut self, asked: &Asked) {
        self.schedule.answer_began(asked.peer, asked.request, self.now);
    }

    /// A request is answered in full, at so many ms a block; whether all of it was news.
    pub(super) fn answer(&mut self, asked: &Asked, ms: u64) -> bool {
        self.begin(asked);
        let mut is_news = true;
        for block in asked.blocks.clone() {
            self.pass(ms);
            is_news &= self.block(asked, block);
        }
        self.schedule.answer_ended(asked.peer, asked.request, Ended::Complete, self.now);
        is_news
    }
}

#[test]
fn everything_comes_from_one_peer() {
    let mut play = Play::new(&[S, 3 * B + 5, 1]);
    assert!(!play.schedule.is_complete());
    play.full(1);
    while !play.schedule.is_complete() {
        let asked = play.asks();
        assert!(!asked.is_empty());
        for one in asked {
            assert!(play.answer(&one, 1));
        }
    }
    let bytes = SPAN + 3 * BLOCK + 6;
    assert_eq!((play.schedule.bytes_done(), play.schedule.bytes_wanted()), (bytes, bytes));
    assert_eq!((play.actions(), play.schedule.next_wake()), (vec![], None));
}

#[test]
fn a_content_without_spans_is_complete() {
    let mut play = Play::new(&[]);
    assert!(play.schedule.is_complete());
    play.full(1);
    play.schedule.peer_has(1, 0, play.now);
    assert_eq!(play.actions(), []);
}

#[test]
fn what_is_here_is_not_asked_for() {
    let mut play = Play::new(&[4 * B, 2 * B]);
    play.schedule.already_have(0, 0b0101);
    play.full(1);
    let first = play.asks();
    assert_eq!((first[0].span, first[0].blocks.clone()), (0, 1..2));
    // It comes from elsewhere meanwhile.
    play.schedule.already_have(0, 0b1111);
    let actions = play.actions();
    assert_eq!(actions[0], Action::Cancel { peer: 1, request: first[0].request });
    assert!(!play.block(&first[0], 1), "a duplicate");
    assert_eq!(play.schedule.bytes_done(), 4 * BLOCK);
}

#[test]
fn what_is_lost_is_asked_for_again() {
    let mut play = Play::with_proven_peer(1);
    for one in play.asks() {
        play.answer(&one, 1);
    }
    assert!(play.schedule.is_complete());
    play.schedule.lost(1, 0b11_0000);
    assert!(!play.schedule.is_complete());
    let asked = play.asks();
    assert_eq!((asked.len(), asked[0].span, asked[0].blocks.clone()), (1, 1, 4..6));
    play.answer(&asked[0], 1);
    assert!(play.schedule.is_complete());
}

#[test]
fn only_what_is_wanted_is_asked_for() {
    let mut play = Play::with_proven_peer(3);
    play.schedule.set_wanted(2, false);
    let asked = play.asks();
    assert_eq!(asked.iter().map(|one| one.span).collect::<Vec<_>>(), [1]);
    play.schedule.set_wanted(1, false);
    assert_eq!(play.actions()[0], Action::Cancel { peer: 1, request: asked[0].request });
    assert!(!play.block(&asked[0], 0), "nobody wants it");
    assert_eq!(play.schedule.have(1), 0);
    play.schedule.set_wanted(3, false);
    assert!(play.schedule.is_complete());
}

#[test]
fn inputs_that_make_no_sense_are_ignored() {
    let mut play = Play::new(&[2 * B]);
    play.schedule.set_reader(Some(70));
    play.full(1);
    let asked = play.asks();
    let stranger = Asked { peer: 9, ..asked[0].clone() };
    let unknown = Asked { request: 99, ..asked[0].clone() };
    for one in [&stranger, &unknown] {
        play.begin(one);
        assert!(!play.block(one, 0));
        play.schedule.answer_ended(one.peer, one.request, Ended::Missing, play.now);
    }
    for block in [1, 2, 64, 255] {
        assert!(!play.block(&asked[0], block), "{block} was not asked for");
    }
    play.schedule.peer_has(1, 70, play.now);
    play.schedule.peer_has(9, 0, play.now);
    play.schedule.peer_has_all(9, play.now);
    play.schedule.peer_waits(9, 1, play.now);
    play.schedule.peer_left(9, play.now);
    play.schedule.already_have(70, 1);
    play.schedule.lost(70, 1);
    play.schedule.set_wanted(70, false);
    assert_eq!(play.actions(), []);
    assert!(play.block(&asked[0], 0));
    assert!(!play.block(&asked[0], 0), "twice");
}
