//! When to look for more peers: when few of them bring anything, or nobody has what is missing.

use std::time::{Duration, Instant};

use super::{
    Action, Schedule,
    peer::{Peer, PeerState},
};

/// With fewer peers than this that bring something, sources run low.
const FEW: usize = 3;
/// Between two looks, while somebody brings something.
const FIND_EVERY: Duration = Duration::from_secs(30);
/// Before the first look when nobody does; doubled at each that finds none, up to the above.
const FIND_SOON: Duration = Duration::from_secs(5);

/// When more peers were looked for.
#[derive(Debug)]
pub(super) struct Sources {
    looked: Instant,
    /// The wait before the next look when nobody brings anything.
    soon: Duration,
}

impl Sources {
    pub(super) fn new(now: Instant) -> Self {
        Self { looked: now, soon: FIND_SOON }
    }

    /// A look found somebody.
    pub(super) fn joined(&mut self) {
        self.soon = FIND_SOON;
    }

    fn due(&self, useful: usize) -> Instant {
        self.looked + if useful == 0 { self.soon } else { FIND_EVERY }
    }
}

impl Schedule {
    /// Looks for more peers, if it is time.
    pub(super) fn find_sources(&mut self) -> Option<Action> {
        let due = self.next_find()?;
        if self.now < due {
            return None;
        }
        if self.useful() == 0 {
            self.sources.soon = (self.sources.soon * 2).min(FIND_EVERY);
        }
        self.sources.looked = self.now;
        Some(Action::FindSources)
    }

    /// When more peers are to be looked for, as things stand.
    pub(super) fn next_find(&self) -> Option<Instant> {
        let useful = self.useful();
        let is_low = useful < FEW || self.spans.pool().has_unheld();
        is_low.then(|| self.sources.due(useful))
    }

    /// How many peers bring something, or would if they were asked.
    fn useful(&self) -> usize {
        let epoch = self.spans.pool().epoch();
        let is_useful = |peer: &Peer| {
            peer.state == PeerState::Serving && (peer.outstanding > 0 || peer.may_be_asked(epoch))
        };
        self.peers.values().filter(|peer| is_useful(peer)).take(FEW).count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Action,
        tests::{Play, S},
    };

    /// Seconds at which it looks for sources, within some time.
    fn looks(play: &mut Play, seconds: u64) -> Vec<u64> {
        let mut at = Vec::new();
        for second in 1..=seconds {
            play.pass(1_000);
            if play.actions().contains(&Action::FindSources) {
                at.push(second);
            }
        }
        at
    }

    #[test]
    fn without_anybody_it_looks_soon_then_less_often() {
        let mut play = Play::new(&[S]);
        assert_eq!(looks(&mut play, 120), [5, 15, 35, 65, 95]);
        play.schedule.peer_joined(1, play.now);
        assert_eq!(looks(&mut play, 5), [1], "and soon again when somebody came and is of no use");
    }

    #[test]
    fn with_few_it_looks_now_and_then_and_with_enough_not_at_all() {
        let mut play = Play::new(&[S; 2_000]);
        let looks = |play: &mut Play| {
            let mut looks = 0;
            for _ in 0..90 {
                let actions = play.actions();
                looks += actions.iter().filter(|action| **action == Action::FindSources).count();
                play.pass(1_000);
                for action in actions {
                    if let Action::Ask { peer, request, blocks, .. } = action {
                        for block in blocks {
                            play.schedule.block_arrived(peer, request, block, play.now);
                        }
                    }
                }
            }
            looks
        };
        play.full(1);
        assert_eq!(looks(&mut play), 2, "at 30 and 60 s");
        play.full(2);
        play.full(3);
        assert_eq!(looks(&mut play), 0);
        assert!(!play.schedule.is_complete());
    }

    #[test]
    fn it_looks_for_what_nobody_has() {
        let mut play = Play::new(&[S; 4]);
        for peer in 0..5 {
            play.partial(peer, &[0, 1, 2]);
        }
        assert!(play.schedule.next_find().is_some());
        play.schedule.peer_has(4, 3, play.now);
        assert_eq!(play.schedule.next_find(), None);
    }
}
