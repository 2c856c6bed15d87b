//! A client: a scheduler, and what must be true of it whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::{Duration, Instant},
};

use p2pfs_tui::network::content::schedule::{
    Action, Ended, MAX_AHEAD, MAX_REQUESTS, Mask, PeerNo, RequestNo, Schedule, SpanNo,
};

use super::{BLOCK, Time, link::ToClient};

/// What a client knows of a peer.
#[derive(Debug)]
struct Known {
    /// `None`: everything.
    has: Option<BTreeSet<SpanNo>>,
    /// Requests under way, and what of them did not come.
    live: BTreeMap<RequestNo, (SpanNo, Mask)>,
}

/// A client.
pub struct Client {
    pub schedule: Schedule,
    lengths: Vec<u32>,
    wanted: Vec<bool>,
    /// What was taken as news and not lost since.
    got: Vec<Mask>,
    /// Its lines, by the numbers of its peers.
    links: Vec<usize>,
    peers: BTreeMap<PeerNo, Known>,
    next_peer: PeerNo,
    last_request: Option<RequestNo>,
    last_find: Option<Instant>,
    pub wakes: u64,
    pub done_at: Time,
    is_done: bool,
    /// The chance that something is lost after a message.
    pub loses_blocks: f64,
    /// Bytes of blocks that came for nothing.
    pub wasted: u64,
    pub received: u64,
    pub asks: u64,
    pub drops: u64,
    pub finds: u64,
    /// When each span was whole.
    pub whole_at: Vec<Option<Time>>,
}

impl Client {
    pub fn new(lengths: Vec<u32>, seed: u64, now: Instant) -> Self {
        Self {
            schedule: Schedule::new(lengths.clone(), seed, now),
            wanted: vec![true; lengths.len()],
            got: vec![0; lengths.len()],
            whole_at: vec![None; lengths.len()],
            lengths,
            links: Vec::new(),
            peers: BTreeMap::new(),
            next_peer: 0,
            last_request: None,
            last_find: None,
            wakes: 0,
            done_at: 0,
            is_done: false,
            loses_blocks: 0.0,
            wasted: 0,
            received: 0,
            asks: 0,
            drops: 0,
            finds: 0,
        }
    }

    pub fn count(&self) -> u32 {
        self.lengths.len() as u32
    }

    pub fn bytes(&self) -> u64 {
        self.schedule.bytes_wanted()
    }

    pub fn all(&self, span: SpanNo) -> Mask {
        let blocks = u64::from(self.lengths[span as usize]).div_ceil(BLOCK);
        if blocks == 64 { Mask::MAX } else { (1 << blocks) - 1 }
    }

    /// Bytes of a span from a block on.
    pub fn length_of(&self, span: SpanNo, block: u8) -> u64 {
        u64::from(self.lengths[span as usize]) - u64::from(block) * BLOCK
    }

    pub fn has_whole(&self, span: SpanNo) -> bool {
        self.got[span as usize] == self.all(span)
    }

    pub fn already_have(&mut self, span: SpanNo, blocks: Mask) {
        self.schedule.already_have(span, blocks);
        self.got[span as usize] |= blocks & self.all(span);
    }

    pub fn set_wanted(&mut self, span: SpanNo, wanted: bool) {
        self.schedule.set_wanted(span, wanted);
        self.wanted[span as usize] = wanted;
    }

    pub fn lose_one_of(&mut self, span: SpanNo) {
        let block = self.got[span as usize] & self.got[span as usize].wrapping_neg();
        self.got[span as usize] &= !block;
        self.schedule.lost(span, block);
    }

    pub fn join(&mut self, now: Instant, link: usize) -> PeerNo {
        let peer = self.next_peer;
        self.next_peer += 1;
        self.schedule.peer_joined(peer, now);
        let known = Known { has: Some(BTreeSet::new()), live: BTreeMap::new() };
        self.links.push(link);
        self.peers.insert(peer, known);
        peer
    }

    pub fn left(&mut self, peer: PeerNo, now: Instant) {
        self.peers.remove(&peer);
        self.schedule.peer_left(peer, now);
    }

    pub fn link(&self, peer: PeerNo) -> usize {
        self.links[peer as usize]
    }

    /// Takes in a message; a span that is whole by it.
    pub fn receive(
        &mut self,
        peer: PeerNo,
        message: ToClient,
        now: Instant,
        time: Time,
    ) -> Option<SpanNo> {
        let known = self.peers.get_mut(&peer).expect("a line is open while its peer is known");
        match message {
            ToClient::HasAll => {
                known.has = None;
                self.schedule.peer_has_all(peer, now);
            }
            ToClient::Has(span) => {
                known.has.get_or_insert_default().insert(span);
                self.schedule.peer_has(peer, span, now);
            }
            ToClient::Waits(ahead) => self.schedule.peer_waits(peer, ahead, now),
            ToClient::Began(request) => self.schedule.answer_began(peer, request, now),
            ToClient::Ended(request, why) => {
                if let Some((span, _)) = known.live.remove(&request)
                    && why == Ended::Missing
                {
                    let all = || (0..self.lengths.len() as u32).collect();
                    known.has.get_or_insert_with(all).remove(&span);
                }
                self.schedule.answer_ended(peer, request, why, now);
            }
            ToClient::Block { request, span, block, is_right } => {
                self.received += self.length_of(span, block).min(BLOCK);
                if !is_right {
                    self.wasted += BLOCK;
                    self.left(peer, now);
                    return None;
                }
                return self.block(peer, request, span, block, now, time);
            }
        }
        None
    }

    fn block(
        &mut self,
        peer: PeerNo,
        request: RequestNo,
        span: SpanNo,
        block: u8,
        now: Instant,
        time: Time,
    ) -> Option<SpanNo> {
        let bit = 1 << block;
        if let Some(known) = self.peers.get_mut(&peer)
            && let Some((_, coming)) = known.live.get_mut(&request)
        {
            *coming &= !bit;
            if *coming == 0 {
                known.live.remove(&request);
            }
        }
        let is_new = self.got[span as usize] & bit == 0 && self.wanted[span as usize];
        let is_news = self.schedule.block_arrived(peer, request, block, now);
        assert_eq!(is_news, is_new, "block {block} of span {span} from {peer} for {request}");
        if !is_news {
            self.wasted += self.length_of(span, block).min(BLOCK);
            return None;
        }
        self.got[span as usize] |= bit;
        let is_whole = self.has_whole(span);
        if is_whole {
            self.whole_at[span as usize].get_or_insert(time);
        }
        is_whole.then_some(span)
    }

    /// What the scheduler says next, after looking whether it may.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        let action = self.schedule.poll(now)?;
        match &action {
            Action::Ask { peer, request, span, blocks } => {
                self.look_at_ask(*peer, *request, *span, blocks);
            }
            Action::Cancel { peer, request } => {
                let known = self.peers.get_mut(peer).expect("a peer that is there");
                known.live.remove(request).expect("a request that is under way");
            }
            Action::Drop { peer, .. } => {
                self.drops += 1;
                self.peers.remove(peer).expect("a peer that is there");
            }
            Action::FindSources => {
                let before = self.last_find.replace(now);
                let since = before.map_or(Duration::MAX, |before| now - before);
                assert!(since >= Duration::from_secs(5), "it asks again after {since:?}");
                self.finds += 1;
            }
        }
        Some(action)
    }

    fn look_at_ask(&mut self, peer: PeerNo, request: RequestNo, span: SpanNo, blocks: &Range<u8>) {
        self.asks += 1;
        assert!(self.last_request.is_none_or(|last| last < request), "{request} is used again");
        self.last_request = Some(request);
        let asked = blocks.clone().fold(0, |mask, block| mask | 1 << block);
        assert!(asked != 0 && asked & !self.all(span) == 0, "{blocks:?} of span {span}");
        assert!(asked & self.got[span as usize] == 0, "{blocks:?} of {span} are here");
        assert!(self.wanted[span as usize], "{span} is not wanted");
        let known = self.peers.get_mut(&peer).expect("a peer that is there");
        assert!(known.has.as_ref().is_none_or(|has| has.contains(&span)), "{peer} has not {span}");
        known.live.insert(request, (span, asked));
        assert!(known.live.len() <= MAX_REQUESTS, "{} requests to {peer}", known.live.len());
        let view = self.schedule.peer_view(peer).expect("a peer that is there");
        assert!(view.outstanding <= MAX_AHEAD, "{} bytes of {peer}", view.outstanding);
    }

    pub fn is_done(&self) -> bool {
        self.is_done
    }

    pub fn note_done(&mut self, time: Time) {
        let is_done = self.schedule.is_complete();
        if is_done && !self.is_done {
            self.done_at = time;
        }
        self.is_done = is_done;
    }

    /// What must hold when everything is here.
    pub fn check_at_end(&mut self) {
        let mut bytes = 0;
        for span in 0..self.count() {
            assert_eq!(self.schedule.have(span), self.got[span as usize], "span {span}");
            if self.wanted[span as usize] {
                assert!(self.has_whole(span), "span {span}");
                bytes += u64::from(self.lengths[span as usize]);
            }
        }
        assert_eq!((self.schedule.bytes_done(), self.schedule.bytes_wanted()), (bytes, bytes));
        assert_eq!(self.schedule.next_wake(), None);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let missing = (0..self.count()).filter(|span| !self.has_whole(*span));
        write!(
            f,
            "missing {:?}, asks {}, drops {}, finds {}, wasted {} of {}",
            missing.take(20).collect::<Vec<_>>(),
            self.asks,
            self.drops,
            self.finds,
            self.wasted,
            self.received,
        )
    }
}
