//! What is known of every span: which blocks are here, which are asked for, which are wanted.
//!
//! A span costs a few bytes until one of its blocks is asked for or here, and again when it is
//! whole. What is missing stands in [`Pool`], in the order in which it is asked for.
//!
//! Invariant: a wanted block is in exactly one of missing, asked (by one or two requests), here.
//! A span is in the pool exactly while it is wanted and has a missing block.

use std::collections::HashMap;

use super::{
    Mask, PeerNo, RequestNo, SpanNo,
    bits::BitTree,
    mask,
    pool::{Has, Pool},
};
use crate::domain::blocks::{BLOCK, SPAN};

/// A request that owns blocks.
pub(super) type Owner = (PeerNo, RequestNo);

/// A span of which something is asked or here, but not everything is here.
#[derive(Debug, Default)]
pub(super) struct Active {
    pub(super) have: Mask,
    /// Not here, and asked for.
    pub(super) asked: Mask,
    /// Of these, what is asked for twice.
    pub(super) twice: Mask,
    /// The requests that own what is asked, and what each owns.
    pub(super) owners: Vec<(Owner, Mask)>,
}

/// The one or two requests that owned a block.
pub(super) type Owners = [Option<Owner>; 2];

/// All spans.
#[derive(Debug)]
pub(super) struct Spans {
    lengths: Vec<u32>,
    wanted: BitTree,
    complete: BitTree,
    active: HashMap<SpanNo, Active>,
    pool: Pool,
    bytes_done: u64,
    bytes_wanted: u64,
    /// Wanted spans that are not complete.
    left: u32,
}

impl Spans {
    pub(super) fn new(mut lengths: Vec<u32>) -> Self {
        debug_assert!(lengths.iter().all(|len| (1..=SPAN).contains(&u64::from(*len))));
        for length in &mut lengths {
            *length = (*length).clamp(1, SPAN as u32);
        }
        let count = lengths.len() as u32;
        Self {
            wanted: BitTree::full(count),
            complete: BitTree::new(count),
            active: HashMap::new(),
            pool: Pool::new(count),
            bytes_done: 0,
            bytes_wanted: lengths.iter().map(|len| u64::from(*len)).sum(),
            left: count,
            lengths,
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.lengths.len() as u32
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn bytes_done(&self) -> u64 {
        self.bytes_done
    }

    pub(super) fn bytes_wanted(&self) -> u64 {
        self.bytes_wanted
    }

    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    pub(super) fn is_wanted(&self, span: SpanNo) -> bool {
        self.wanted.contains(span)
    }

    /// All blocks of a span.
    pub(super) fn all(&self, span: SpanNo) -> Mask {
        let length = self.lengths.get(span as usize).copied().unwrap_or(0);
        mask::below(u64::from(length).div_ceil(BLOCK) as u8)
    }

    /// Bytes of some blocks of a span.
    pub(super) fn bytes(&self, span: SpanNo, blocks: Mask) -> u64 {
        let all = self.all(span);
        let whole = u64::from((blocks & all).count_ones()) * BLOCK;
        let is_last_in = blocks & all & !(all >> 1) != 0;
        let short = u64::from(all.count_ones()) * BLOCK - u64::from(self.length(span));
        if is_last_in { whole - short } else { whole }
    }

    fn length(&self, span: SpanNo) -> u32 {
        self.lengths.get(span as usize).copied().unwrap_or(0)
    }

    pub(super) fn have(&self, span: SpanNo) -> Mask {
        if self.complete.contains(span) {
            return self.all(span);
        }
        self.active.get(&span).map_or(0, |active| active.have)
    }

    pub(super) fn active(&self, span: SpanNo) -> Option<&Active> {
        self.active.get(&span)
    }

    /// Blocks that are wanted, not here and not asked for.
    pub(super) fn missing(&self, span: SpanNo) -> Mask {
        if !self.wanted.contains(span) || self.complete.contains(span) {
            return 0;
        }
        let taken = self.active.get(&span).map_or(0, |active| active.have | active.asked);
        self.all(span) & !taken
    }

    /// Blocks come under a request; those that are asked for already are asked for twice now.
    pub(super) fn claim(&mut self, span: SpanNo, blocks: Mask, owner: Owner) {
        let active = self.active.entry(span).or_default();
        active.twice |= active.asked & blocks;
        active.asked |= blocks;
        active.owners.push((owner, blocks));
        self.refresh(span);
    }

    /// A request gives up all blocks that it owns.
    pub(super) fn release(&mut self, span: SpanNo, owner: Owner) {
        let Some(active) = self.active.get_mut(&span) else { return };
        let Some(place) = active.owners.iter().position(|(other, _)| *other == owner) else {
            return;
        };
        let (_, blocks) = active.owners.swap_remove(place);
        active.asked &= !(blocks & !active.twice);
        active.twice &= !blocks;
        self.refresh(span);
    }

    /// A block came. The requests that owned it and do no more, or `None` when it is here already
    /// or not wanted.
    pub(super) fn arrive(&mut self, span: SpanNo, block: Mask) -> Option<Owners> {
        if !self.is_wanted(span) || self.have(span) & block != 0 || self.all(span) & block == 0 {
            return None;
        }
        let mut relieved = [None; 2];
        if let Some(active) = self.active.get_mut(&span).filter(|active| active.asked & block != 0)
        {
            let mut places = relieved.iter_mut();
            active.owners.retain_mut(|(owner, owned)| {
                if *owned & block != 0 {
                    *owned &= !block;
                    if let Some(place) = places.next() {
                        *place = Some(*owner);
                    }
                }
                *owned != 0
            });
        }
        self.keep(span, block);
        Some(relieved)
    }

    /// Takes blocks as here that no request owns.
    pub(super) fn keep(&mut self, span: SpanNo, blocks: Mask) {
        let (all, before) = (self.all(span), self.have(span));
        let new = blocks & all & !before;
        if new == 0 {
            return;
        }
        let active = self.active.entry(span).or_default();
        active.have |= new;
        active.asked &= !new;
        active.twice &= !new;
        if active.have == all {
            self.active.remove(&span);
            self.complete.insert(span);
        }
        if self.is_wanted(span) {
            self.bytes_done += self.bytes(span, new);
            self.left -= u32::from(before | new == all);
        }
        self.refresh(span);
    }

    /// Takes blocks as not here after all.
    pub(super) fn lose(&mut self, span: SpanNo, blocks: Mask) {
        let (all, before) = (self.all(span), self.have(span));
        let gone = blocks & before;
        if gone == 0 {
            return;
        }
        self.complete.remove(span);
        self.active.entry(span).or_default().have = before & !gone;
        if self.is_wanted(span) {
            self.bytes_done -= self.bytes(span, gone);
            self.left += u32::from(before == all);
        }
        self.refresh(span);
    }

    /// Whether the answer changed anything. Requests for what is not wanted are the caller's.
    pub(super) fn set_wanted(&mut self, span: SpanNo, wanted: bool) -> bool {
        let is_new = if wanted { self.wanted.insert(span) } else { self.wanted.remove(span) };
        if !is_new {
            return false;
        }
        let (bytes, done) = (u64::from(self.length(span)), self.bytes(span, self.have(span)));
        let left = u32::from(!self.complete.contains(span));
        if wanted {
            self.bytes_wanted += bytes;
            self.bytes_done += done;
            self.left += left;
        } else {
            self.bytes_wanted -= bytes;
            self.bytes_done -= done;
            self.left -= left;
        }
        self.refresh(span);
        true
    }

    /// A peer that has not everything has one more span.
    pub(super) fn gained(&mut self, span: SpanNo) {
        self.pool.gained(span);
    }

    /// A peer that has not everything has one span less.
    pub(super) fn forgone(&mut self, span: SpanNo) {
        self.pool.forgone(span);
    }

    /// A peer with everything came (1) or went (-1).
    pub(super) fn count_full(&mut self, change: i32) {
        self.pool.full = self.pool.full.saturating_add_signed(change);
    }

    /// Which span a peer should be asked for that comes first by number, from a place on.
    pub(super) fn next_missing(&self, has: &Has, from: SpanNo) -> Option<SpanNo> {
        self.pool.next(has, from)
    }

    /// Puts the span where it belongs after any change.
    fn refresh(&mut self, span: SpanNo) {
        let is_idle = |active: &Active| active.have | active.asked == 0;
        if self.active.get(&span).is_some_and(is_idle) {
            self.active.remove(&span);
        }
        let is_begun = self.active.contains_key(&span);
        let is_missing = self.missing(span) != 0;
        self.pool.put(span, is_missing, is_begun);
    }
}

/// For the check of invariants.
impl Spans {
    /// Everything that does not hold between the spans themselves.
    pub(super) fn check(&self) -> Result<(), String> {
        let (mut done, mut wanted, mut left) = (0, 0, 0);
        for span in 0..self.count() {
            self.check_span(span)?;
            if self.is_wanted(span) {
                done += self.bytes(span, self.have(span));
                wanted += u64::from(self.length(span));
                left += u32::from(self.have(span) != self.all(span));
            }
        }
        let (counted, kept) =
            ((done, wanted, left), (self.bytes_done, self.bytes_wanted, self.left));
        if counted != kept {
            return Err(format!("bytes and spans: counted {counted:?}, kept {kept:?}"));
        }
        Ok(())
    }

    fn check_span(&self, span: SpanNo) -> Result<(), String> {
        let all = self.all(span);
        let active = self.active.get(&span);
        if let Some(active) = active {
            let Active { have, asked, twice, owners } = active;
            let (mut once, mut more) = (0, 0);
            for (_, owned) in owners {
                more |= once & owned;
                once |= owned;
            }
            let copies: u32 = owners.iter().map(|(_, owned)| owned.count_ones()).sum();
            let holds = have & asked == 0
                && (once, more) == (*asked, *twice)
                && copies == asked.count_ones() + twice.count_ones()
                && owners.iter().all(|(_, owned)| *owned != 0)
                && (have | asked) & !all == 0
                && have | asked != 0
                && *have != all
                && !self.complete.contains(span);
            if !holds {
                return Err(format!("span {span}: {active:?}"));
            }
        }
        self.pool.check(span, self.missing(span) != 0, active.is_some())
    }

    /// The spans of which something is asked.
    pub(super) fn all_active(&self) -> impl Iterator<Item = (SpanNo, &Active)> {
        self.active.iter().map(|(span, active)| (*span, active))
    }
}

#[cfg(test)]
mod tests;
