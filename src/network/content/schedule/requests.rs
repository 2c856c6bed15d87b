//! What is asked of whom: blocks are claimed, settled, parked, given back.
//!
//! Invariant: what a request owns is what its span says it owns, and a request that owns nothing
//! more is either parked or not there, but for one that was cancelled.

use super::{
    Action, Ended, Mask, PeerNo, RequestNo, Schedule, SpanNo, mask,
    peer::{PeerState, Request, Standing},
    pool::Has,
    reader::FAR,
};
use std::ops::Range;

impl Schedule {
    /// Asks a peer for blocks of a span. A peer that serves others first is asked only to keep a
    /// place in its queue, and owns nothing.
    pub(super) fn ask(&mut self, peer: PeerNo, span: SpanNo, blocks: Range<u8>) -> Option<Action> {
        let known = self.peers.get_mut(&peer)?;
        let request = self.next_request;
        self.next_request += 1;
        let coming = mask::of(&blocks);
        let is_parked = known.state != PeerState::Serving;
        let owned = if is_parked { 0 } else { coming };
        let standing = if is_parked { Standing::Parked } else { Standing::Owning };
        let alone = known.live == 0 && !is_parked;
        let entry =
            Request { span, coming, owned, standing, asked_at: self.now, alone, began: false };
        known.add(request, entry, self.spans.bytes(span, owned), self.now);
        if owned != 0 {
            self.spans.claim(span, owned, (peer, request));
        }
        Some(Action::Ask { peer, request, span, blocks })
    }

    /// An answer began.
    pub(super) fn begin(&mut self, peer: PeerNo, number: RequestNo) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.last_sign = self.now;
        let Some(request) = known.requests.get_mut(&number) else { return };
        if !request.began && request.standing == Standing::Owning {
            let after = self.now.saturating_duration_since(request.asked_at);
            known.estimate.began(after, request.alone, self.now);
        }
        request.began = true;
        known.measure();
        self.revive(peer);
    }

    /// A block came under a request; whether it is news.
    pub(super) fn take(&mut self, peer: PeerNo, number: RequestNo, block: Mask) -> bool {
        let Some(known) = self.peers.get_mut(&peer) else { return false };
        let Some(request) = known.requests.get_mut(&number) else { return false };
        if request.coming & block == 0 {
            return false;
        }
        request.coming &= !block;
        let (span, is_all) = (request.span, request.coming == 0);
        let bytes = self.spans.bytes(span, block);
        known.estimate.received(bytes, self.now);
        known.sent = known.sent.saturating_add(bytes);
        (known.last_sign, known.stalls, known.refusals) = (self.now, 0, 0);
        known.measure();
        let is_news = self.settle(span, block);
        if is_all && let Some(known) = self.peers.get_mut(&peer) {
            known.remove(number);
        }
        if self.peers.get(&peer).is_some_and(|known| known.state == PeerState::Stalled) {
            self.revive(peer);
        }
        self.shed(peer);
        is_news
    }

    /// A block is here: whoever owned it is relieved of it. Whether it is news.
    pub(super) fn settle(&mut self, span: SpanNo, block: Mask) -> bool {
        let Some(owners) = self.spans.arrive(span, block) else { return false };
        let bytes = self.spans.bytes(span, block);
        for (peer, number) in owners.into_iter().flatten() {
            let Some(known) = self.peers.get_mut(&peer) else { continue };
            let Some(request) = known.requests.get_mut(&number) else { continue };
            request.owned &= !block;
            let is_needless = request.owned == 0 && request.coming != 0;
            known.relieve(bytes, self.now);
            if known.outstanding == 0 {
                // It is idle now, and may help others.
                self.look_again = None;
            }
            if is_needless {
                self.cancel(peer, number);
            }
        }
        true
    }

    /// An answer is over.
    pub(super) fn end(&mut self, peer: PeerNo, number: RequestNo, why: Ended) {
        self.give_back(peer, number);
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.last_sign = self.now;
        let Some(request) = known.remove(number) else { return };
        if request.standing != Standing::Cancelled {
            known.refusals = known.refusals.saturating_add(1);
            self.attend_at = self.now;
            if why == Ended::Missing {
                self.has_not(peer, request.span);
            }
        }
        if self.peers.get(&peer).is_some_and(|known| known.state == PeerState::Stalled) {
            self.revive(peer);
        }
    }

    /// A peer has not what it said it has.
    fn has_not(&mut self, peer: PeerNo, span: SpanNo) {
        let Some(known) = self.peers.get(&peer) else { return };
        if matches!(known.has, Has::All) {
            let all = super::bits::BitTree::full(self.spans.count());
            self.set_has(peer, Has::Some(all));
        }
        let known = self.peers.get_mut(&peer);
        if let Some(Has::Some(set)) = known.map(|known| &mut known.has)
            && set.remove(span)
        {
            self.spans.forgone(span);
        }
    }

    /// Cancels a request that is not cancelled yet.
    pub(super) fn cancel(&mut self, peer: PeerNo, number: RequestNo) {
        self.give_back(peer, number);
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let Some(request) = known.requests.get_mut(&number) else { return };
        if request.standing == Standing::Cancelled {
            return;
        }
        request.standing = Standing::Cancelled;
        known.less_live();
        known.forget_cancelled();
        self.actions.push_back(Action::Cancel { peer, request: number });
    }

    /// Takes from a request what it owns.
    fn give_back(&mut self, peer: PeerNo, number: RequestNo) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let Some(request) = known.requests.get_mut(&number) else { return };
        let (span, owned) = (request.span, std::mem::take(&mut request.owned));
        if owned != 0 {
            self.spans.release(span, (peer, number));
            known.relieve(self.spans.bytes(span, owned), self.now);
            self.look_again = None;
        }
    }

    /// A peer brings nothing for now: what it was asked for goes back, its requests stay.
    pub(super) fn park(&mut self, peer: PeerNo, state: PeerState) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.state = state;
        let owning = |request: &Request| request.standing == Standing::Owning;
        let numbers: Vec<RequestNo> = known
            .requests
            .iter_mut()
            .filter(|(_, request)| owning(request))
            .map(|(number, request)| {
                request.standing = Standing::Parked;
                *number
            })
            .collect();
        for number in numbers {
            self.give_back(peer, number);
        }
    }

    /// A peer brings something again: its requests own what nobody was asked for meanwhile. Those
    /// that are left with nothing are cancelled.
    pub(super) fn revive(&mut self, peer: PeerNo) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        if known.state == PeerState::Serving {
            return;
        }
        known.state = PeerState::Serving;
        let is_parked = |request: &Request| request.standing == Standing::Parked;
        let parked = known.requests.iter().filter(|(_, request)| is_parked(request));
        let numbers: Vec<RequestNo> = parked.map(|(number, _)| *number).collect();
        for number in numbers {
            self.claim_again(peer, number);
        }
    }

    fn claim_again(&mut self, peer: PeerNo, number: RequestNo) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let Some(request) = known.requests.get_mut(&number) else { return };
        let owned = request.coming & self.spans.missing(request.span);
        if owned == 0 {
            self.cancel(peer, number);
            return;
        }
        (request.owned, request.standing) = (owned, Standing::Owning);
        let span = request.span;
        known.outstanding += self.spans.bytes(span, owned);
        self.spans.claim(span, owned, (peer, number));
    }

    /// Takes a peer out; what it owned goes back.
    pub(super) fn forget(&mut self, peer: PeerNo) {
        self.park(peer, PeerState::Stalled);
        self.set_has(peer, Has::Nothing);
        self.peers.remove(&peer);
        let is_of =
            |action: &Action| matches!(action, Action::Cancel { peer: of, .. } if *of == peer);
        self.actions.retain(|action| !is_of(action));
    }

    /// Cancels whatever is under way of a span.
    pub(super) fn cancel_all_of(&mut self, span: SpanNo) {
        let owners = self.spans.active(span).map(|active| active.owners.clone());
        for ((peer, number), _) in owners.unwrap_or_default() {
            self.cancel(peer, number);
        }
    }

    /// Cancels what did not begin and lies far from where a reader now stands.
    pub(super) fn cancel_far_from_reader(&mut self) {
        let Some(at) = self.reader.at() else { return };
        let is_near = |span: SpanNo| (at..at.saturating_add(FAR)).contains(&span);
        self.cancel_where(|request| {
            request.standing == Standing::Owning && !request.began && !is_near(request.span)
        });
    }

    /// Cancels what peers would still bring after everything is here.
    pub(super) fn cancel_everything(&mut self) {
        self.cancel_where(|request| request.standing != Standing::Cancelled);
    }

    fn cancel_where(&mut self, is_needless: impl Fn(&Request) -> bool) {
        let of_peers = self.peers.iter().filter(|(_, known)| known.live > 0);
        let needless: Vec<(PeerNo, RequestNo)> = of_peers
            .flat_map(|(peer, known)| known.requests.iter().map(move |entry| (*peer, entry)))
            .filter(|(_, (_, request))| is_needless(request))
            .map(|(peer, (number, _))| (peer, *number))
            .collect();
        for (peer, number) in needless {
            self.cancel(peer, number);
        }
    }
}
