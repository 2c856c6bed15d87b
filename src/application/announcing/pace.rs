//! How many announcements run at the same time: as many as do not get in each other's way.
//!
//! The time a lookup takes on a quiet network is compared with what it takes now. Where lookups
//! take several times as long, they wait for each other, or for the machine, and so do a person's
//! searches: fewer run then. Waiting for far or dead peers looks the same in both times and slows
//! nothing down.

use std::time::Duration;

/// The fewest and the most at the same time.
const BOUNDS: (f64, f64) = (2.0, 32.0);
/// Lookups that take this many times the best one are too many at once.
const CROWDED: f64 = 5.0;
/// The best time fades by this factor with every lookup: networks change.
const FADE: f64 = 1.005;
/// The weight of the newest lookup in the average.
const NEWEST: f64 = 0.1;
/// What is not worth telling apart, in seconds.
const QUICK: f64 = 0.02;

/// A window that opens and closes with the time that lookups take.
#[derive(Debug)]
pub(super) struct Pace {
    window: f64,
    /// Seconds that a lookup takes at best, and on the average of late.
    times: Option<(f64, f64)>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { window: 4.0, times: None }
    }
}

impl Pace {
    /// How many may run now.
    pub(super) fn window(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2 to 32")]
        let window = self.window as usize;
        window
    }

    /// Takes in how long a lookup took.
    pub(super) fn took(&mut self, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64().max(QUICK);
        let (best, average) = self.times.unwrap_or((seconds, seconds));
        let best = (best * FADE).min(seconds);
        let average = average + (seconds - average) * NEWEST;
        self.times = Some((best, average));
        let step = if average > best * CROWDED { -0.5 } else { 1.0 / self.window };
        self.window = (self.window + step).clamp(BOUNDS.0, BOUNDS.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pace: &mut Pace, lookups: u32, ms: u64) -> usize {
        for _ in 0..lookups {
            pace.took(Duration::from_millis(ms));
        }
        pace.window()
    }

    #[test]
    fn a_steady_network_is_used_to_the_full_however_far_it_is() {
        for ms in [1, 50, 2_000] {
            assert_eq!(after(&mut Pace::default(), 1_000, ms), 32, "{ms} ms");
        }
    }

    #[test]
    fn where_lookups_wait_for_each_other_fewer_run() {
        let mut pace = Pace::default();
        after(&mut pace, 200, 30);
        assert_eq!(after(&mut pace, 100, 900), 2);
        assert!(after(&mut pace, 200, 40) > 8, "and more again when there is room");
    }
}
