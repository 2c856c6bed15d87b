//! [`Buffer`]: bytes that come in at one end and leave at the other.
//!
//! Takes the memory that its traffic needs: it begins small, grows while it is filled to the brim,
//! and gives back after a lull what the lull did not need. So a thousand idle connections cost
//! little, and a busy one reads much at a time.
//!
//! Invariant: `start <= end <= bytes.len()`; what is in it lies between the two.

/// Where a buffer begins, in bytes; a message of a handshake fits.
const SMALL: usize = 4 << 10;
/// So many small fillings in a row are a lull.
const LULL: u8 = 64;

/// Bytes in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Small fillings since the last large one.
    small: u8,
    /// Whether the last filling took all the room there was.
    brimmed: bool,
}

impl Buffer {
    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes are in it.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// What is in it.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// What is in it, to be changed in place.
    pub(super) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Room for at least so many bytes.
    pub(super) fn room(&mut self, wanted: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < wanted {
            self.close_up();
            let needed = (self.end + wanted).max(SMALL);
            if self.bytes.len() < needed {
                self.bytes.resize(needed, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Room for a read of unknown length, twice as much as before if that was used up. Empty when
    /// `most` bytes are in the buffer, and only then.
    pub(super) fn room_to_read(&mut self, most: usize) -> &mut [u8] {
        self.close_up();
        if self.brimmed || self.end == self.bytes.len() {
            let more = (self.bytes.len() * 2).clamp(SMALL, most);
            if self.bytes.len() < more {
                self.bytes.resize(more, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Counts so many bytes of the room as filled.
    pub(super) fn fill(&mut self, filled: usize) {
        self.end += filled;
        self.brimmed = self.end == self.bytes.len();
        self.small = if filled < SMALL { self.small.saturating_add(1) } else { 0 };
    }

    /// Appends.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.fill(bytes.len());
    }

    /// Drops so many bytes from the front.
    pub(super) fn consume(&mut self, taken: usize) {
        self.start += taken;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.small >= LULL && self.bytes.len() > SMALL {
                *self = Self::default();
            }
        }
    }

    /// Moves from the front as much as fits, and shortens `into` by that.
    pub(super) fn take(&mut self, into: &mut &mut [u8]) {
        let moved = copy(self.filled(), into);
        self.consume(moved);
    }

    /// Moves what is in it to the beginning.
    fn close_up(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }
}

/// Copies as much as fits and shortens `into` by that; returns how many bytes it was.
pub(super) fn copy(from: &[u8], into: &mut &mut [u8]) -> usize {
    let copied = from.len().min(into.len());
    let (filled, left) = std::mem::take(into).split_at_mut(copied);
    filled.copy_from_slice(&from[..copied]);
    *into = left;
    copied
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_comes_in_leaves_in_order(
            steps in prop::collection::vec((any::<bool>(), 0_usize..20_000), 1..60),
        ) {
            let mut buffer = Buffer::default();
            let mut expected = VecDeque::new();
            let mut next = 0_u8;
            for (push, size) in steps {
                if push {
                    let bytes: Vec<u8> =
                        (0..size).map(|_| { next = next.wrapping_add(1); next }).collect();
                    buffer.push(&bytes);
                    expected.extend(bytes);
                } else {
                    let mut taken = vec![0; size];
                    let mut into = taken.as_mut_slice();
                    buffer.take(&mut into);
                    let count = size - into.len();
                    let wanted: Vec<u8> = expected.drain(..size.min(expected.len())).collect();
                    prop_assert_eq!(&taken[..count], wanted.as_slice());
                }
                prop_assert_eq!(buffer.len(), expected.len());
            }
        }
    }

    #[test]
    fn reads_grow_it_up_to_the_bound_and_a_lull_shrinks_it() {
        const MOST: usize = 64 << 10;
        let mut buffer = Buffer::default();
        let mut rooms = Vec::new();
        for _ in 0..8 {
            let room = buffer.room_to_read(MOST).len();
            rooms.push(room);
            buffer.fill(room);
            buffer.consume(room);
        }
        assert_eq!(rooms[..5], [4 << 10, 8 << 10, 16 << 10, 32 << 10, MOST]);
        assert_eq!(rooms[7], MOST);
        for _ in 0..=LULL {
            assert!(buffer.room_to_read(MOST).len() >= SMALL);
            buffer.fill(10);
            buffer.consume(10);
        }
        assert_eq!(buffer.room_to_read(MOST).len(), SMALL);
    }

    #[test]
    fn there_is_no_room_to_read_only_when_it_is_full() {
        let mut buffer = Buffer::default();
        while buffer.len() < 10_000 {
            let room = buffer.room_to_read(10_000).len();
            assert!(room > 0);
            buffer.fill(room.min(3_000));
        }
        assert!(buffer.room_to_read(10_000).is_empty());
    }
}
