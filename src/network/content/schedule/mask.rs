//! Small sums over the blocks of one span.

use std::ops::Range;

use super::Mask;

/// The blocks of a range.
pub(super) const fn of(range: &Range<u8>) -> Mask {
    below(range.end) & !below(range.start)
}

/// The first `count` blocks.
pub(super) const fn below(count: u8) -> Mask {
    if count >= 64 { Mask::MAX } else { (1 << count) - 1 }
}

/// One block; nothing when there is no such block in any span.
pub(super) const fn bit(block: u8) -> Mask {
    if block >= 64 { 0 } else { 1 << block }
}

/// The first consecutive blocks, at most `most`; the mask is not empty.
pub(super) fn first_run(mask: Mask, most: u8) -> Range<u8> {
    let start = mask.trailing_zeros() as u8;
    let run = (mask >> start).trailing_ones() as u8;
    start..start + run.min(most)
}

/// The last consecutive blocks, at most `most`; the mask is not empty.
pub(super) fn last_run(mask: Mask, most: u8) -> Range<u8> {
    let after = mask.leading_zeros() as u8;
    let run = (mask << after).leading_ones() as u8;
    let end = 64 - after;
    end - run.min(most)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_masks() {
        assert_eq!(of(&(0..0)), 0);
        assert_eq!(of(&(0..64)), Mask::MAX);
        assert_eq!(of(&(1..4)), 0b1110);
        assert_eq!(of(&(63..64)), 1 << 63);
        assert_eq!((bit(0), bit(63), bit(64), bit(255)), (1, 1 << 63, 0, 0));
    }

    #[test]
    fn runs_are_found_at_both_ends() {
        let mask = 0b0111_0110;
        assert_eq!(first_run(mask, 64), 1..3);
        assert_eq!(first_run(mask, 1), 1..2);
        assert_eq!(last_run(mask, 64), 4..7);
        assert_eq!(last_run(mask, 2), 5..7);
        assert_eq!((first_run(Mask::MAX, 64), last_run(Mask::MAX, 64)), (0..64, 0..64));
        assert_eq!((first_run(1 << 63, 4), last_run(1, 4)), (63..64, 0..1));
    }
}
