//! How many file bytes went through, and how fast.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Over how long a rate is taken.
const WINDOW: Duration = Duration::from_secs(3);

/// Counts bytes; shared between those who move them and those who show them.
#[derive(Debug, Default)]
pub struct Meter(AtomicU64);

impl Meter {
    /// Counts some more bytes.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Turns totals read now and then into bytes per second.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// Takes in a total and returns the rate over the last seconds, in bytes per second. A total
    /// that fell was begun anew, and so is the rate.
    pub fn sample(&mut self, now: Instant, total: u64) -> u64 {
        if self.0.back().is_some_and(|(_, before)| *before > total) {
            self.0.clear();
        }
        while self.0.len() > 1 && now.duration_since(self.0[0].0) > WINDOW {
            self.0.pop_front();
        }
        self.0.push_back((now, total));
        let (since, before) = self.0[0];
        let ms = u64::try_from(now.duration_since(since).as_millis()).unwrap_or(u64::MAX);
        (total - before).saturating_mul(1_000).checked_div(ms).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_taken_over_the_last_seconds() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut rate = Rate::default();
        assert_eq!(rate.sample(at(0), 0), 0);
        assert_eq!(rate.sample(at(1), 1_000), 1_000);
        assert_eq!(rate.sample(at(2), 4_000), 2_000);
        for s in 3..20 {
            rate.sample(at(s), 4_000);
        }
        assert_eq!(rate.sample(at(20), 4_000), 0);
    }

    #[test]
    fn a_total_that_begins_anew_begins_the_rate_anew() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut rate = Rate::default();
        rate.sample(at(0), 0);
        assert_eq!(rate.sample(at(1), 5_000), 5_000);
        assert_eq!(rate.sample(at(2), 100), 0);
        assert_eq!(rate.sample(at(3), 300), 200);
    }
}
