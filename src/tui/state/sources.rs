//! [`Sources`]: who brings the transfer that somebody looks at, read again and again meanwhile.
//!
//! At most one read is under way. What moves is read once a second, what stands still only when
//! the node tells of a change; nobody who does not look causes a read.

use crate::application::message::{SourceRow, SourceState, TransferId};

/// Between two reads, however much the node tells, in milliseconds: as often as is drawn.
const LEAST_MS: u64 = 250;
/// Between two reads of what moves, in milliseconds: as often as the node takes rates.
const MOVING_MS: u64 = 1_000;

/// The sources of one transfer, as they were last read.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    of: Option<TransferId>,
    /// `None` before the first reply.
    rows: Option<Vec<SourceRow>>,
    reading: bool,
    /// Something happened since they were asked for.
    stale: bool,
    asked_ms: u64,
}

impl Sources {
    /// The node told of a change of a transfer.
    pub(super) fn heard(&mut self, id: TransferId) {
        self.stale |= self.of == Some(id);
    }

    /// Whether the sources of a transfer should be read now; the answer is taken as a promise to
    /// do so.
    pub(super) fn begin_read(&mut self, id: TransferId, moves: bool, now_ms: u64) -> bool {
        if self.of != Some(id) {
            *self = Self { of: Some(id), stale: true, reading: self.reading, ..Self::default() };
        }
        let since = now_ms.saturating_sub(self.asked_ms);
        let due = (self.stale && since >= LEAST_MS) || (moves && since >= MOVING_MS);
        if self.reading || !due {
            return false;
        }
        (self.reading, self.stale, self.asked_ms) = (true, false, now_ms);
        true
    }

    /// Takes what was read: who sends, the fastest first, then who does not, and why.
    pub(super) fn accept(&mut self, id: TransferId, mut rows: Vec<SourceRow>) {
        self.reading = false;
        if self.of == Some(id) {
            rows.sort_by_key(|row| (rank(&row.state), std::cmp::Reverse(row.rate)));
            self.rows = Some(rows);
        }
    }

    /// The read failed.
    pub(super) fn failed(&mut self) {
        self.reading = false;
    }

    /// The read could not be sent; it is tried again with whatever happens next.
    pub(super) fn refused(&mut self) {
        (self.reading, self.stale) = (false, true);
    }

    /// The sources of a transfer, if they were read.
    pub(crate) fn of(&self, id: TransferId) -> Option<&[SourceRow]> {
        self.rows.as_deref().filter(|_| self.of == Some(id))
    }
}

fn rank(state: &SourceState) -> u8 {
    match state {
        SourceState::Serving => 0,
        SourceState::Banned { .. } => 1,
        SourceState::Waiting(_) => 2,
        SourceState::Stalled => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_read_every_second_and_what_stands_still_when_it_changed() {
        let mut sources = Sources::default();
        assert!(sources.begin_read(5, true, 10_000));
        assert!(!sources.begin_read(5, true, 20_000), "one at a time");
        sources.accept(5, Vec::new());
        assert!(!sources.begin_read(5, false, 20_000));
        assert!(!sources.begin_read(5, true, 10_999) && sources.begin_read(5, true, 11_000));
        sources.accept(5, Vec::new());
        sources.heard(6);
        assert!(!sources.begin_read(5, false, 12_000));
        sources.heard(5);
        assert!(!sources.begin_read(5, false, 11_100) && sources.begin_read(5, false, 12_000));
    }

    #[test]
    fn another_transfer_is_read_at_once_and_never_shows_the_rows_of_the_one_before() {
        let mut sources = Sources::default();
        assert!(sources.begin_read(5, true, 10_000));
        assert!(!sources.begin_read(6, true, 10_001), "the first is still under way");
        sources.accept(5, Vec::new());
        assert_eq!((sources.of(5), sources.of(6)), (None, None));
        assert!(sources.begin_read(6, true, 10_002));
        sources.accept(6, Vec::new());
        assert!(sources.of(6).is_some());
    }
}
