//! Whether files are on the move, so that announcing leaves the machine and the line to them.

use std::time::{Duration, Instant};

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes per second that count as traffic.
const BUSY: f64 = 1_048_576.0;
/// How long announcing waits between two keys meanwhile: it goes on, as files may always be on the
/// move, and a lookup across a real network takes longer than this anyway.
pub(super) const BREATH: Duration = Duration::from_millis(25);

/// Looks at how many file bytes were moved.
pub(super) struct Traffic {
    moved: Box<dyn Fn() -> u64 + Send + Sync>,
    seen: (Instant, u64),
    busy: bool,
}

impl Traffic {
    /// Looks at a number that grows with every byte.
    pub(super) fn new(moved: impl Fn() -> u64 + Send + Sync + 'static, now: Instant) -> Self {
        let seen = (now, moved());
        Self { moved: Box::new(moved), seen, busy: false }
    }

    /// Whether files are on the move.
    pub(super) fn is_busy(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.seen.0);
        if passed >= LOOK {
            let moved = (self.moved)();
            #[expect(clippy::cast_precision_loss, reason = "a rate, roughly")]
            let rate = moved.saturating_sub(self.seen.1) as f64 / passed.as_secs_f64();
            self.busy = rate >= BUSY;
            self.seen = (now, moved);
        }
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    #[test]
    fn files_are_on_the_move_while_their_bytes_are() {
        let bytes = Arc::new(AtomicU64::new(0));
        let (counted, start) = (bytes.clone(), Instant::now());
        let mut traffic = Traffic::new(move || counted.load(Ordering::Relaxed), start);
        let mut after = |ms, more| {
            bytes.fetch_add(more, Ordering::Relaxed);
            traffic.is_busy(start + Duration::from_millis(ms))
        };
        assert!(!after(10, 1 << 20), "it is not looked yet");
        assert!(after(100, 0));
        assert!(after(200, 200_000));
        assert!(!after(300, 50_000), "half a MiB a second is no traffic");
        assert!(!after(400, 0));
    }
}
