//! How fast a peer is, and how far away.
//!
//! The rate is taken only while the peer has something to send, so that an idle peer does not look
//! slow. The round trip is what a request took that found nothing before it; one that queued behind
//! others can only show that the way is shorter than thought, never that it is longer, or
//! every queue would justify a longer one.

use std::time::{Duration, Instant};

/// The rate is looked at no more often: shorter pieces measure bursts.
const SAMPLE: Duration = Duration::from_millis(50);
/// A piece shorter than this says nothing about a peer that was measured before.
const SHORT: Duration = Duration::from_millis(10);
/// Even a first look needs this much.
const SHORTEST: Duration = Duration::from_micros(200);
/// Taken for the round trip while none is known.
const UNKNOWN_RTT: Duration = Duration::from_millis(100);
/// Taken for the rate while none is known, in bytes per second.
const UNKNOWN_RATE: f64 = 256.0 * 1024.0;
/// No rate is taken for less, so that no time becomes endless; in bytes per second.
const LEAST_RATE: f64 = 64.0;

/// What was measured of a peer.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    /// Bytes per second.
    rate: Option<f64>,
    rtt: Option<Duration>,
    /// Since when the bytes are counted; nothing while the peer has nothing to send.
    since: Option<Instant>,
    bytes: u64,
}

impl Estimate {
    /// Bytes per second, when measured.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// The smoothed round trip, when measured.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Seconds until so many bytes are here, if asked for now and sent at once.
    pub(super) fn time_for(&self, bytes: u64) -> f64 {
        self.rtt.unwrap_or(UNKNOWN_RTT).as_secs_f64() + self.time_to_send(bytes)
    }

    /// Seconds that so many bytes take at its rate.
    pub(super) fn time_to_send(&self, bytes: u64) -> f64 {
        bytes as f64 / self.rate.unwrap_or(UNKNOWN_RATE)
    }

    /// An answer began so long after it was asked for. `alone`: nothing was asked before it.
    pub(super) fn began(&mut self, after: Duration, alone: bool, now: Instant) {
        self.since.get_or_insert(now);
        self.rtt = Some(match self.rtt {
            None => after,
            Some(rtt) if alone => (rtt * 7 + after) / 8,
            Some(rtt) => rtt.min(after),
        });
    }

    /// Bytes came.
    pub(super) fn received(&mut self, bytes: u64, now: Instant) {
        let Some(since) = self.since else {
            // When these set out is not known.
            self.since = Some(now);
            return;
        };
        self.bytes += bytes;
        let enough = self.rtt.map_or(SAMPLE, |rtt| SAMPLE.max(rtt / 2));
        if now.saturating_duration_since(since) >= enough {
            self.sample(since, now, 1.0);
            self.since = Some(now);
        }
    }

    /// The peer has sent all it was asked for.
    pub(super) fn idle(&mut self, now: Instant) {
        let Some(since) = self.since.take() else { return };
        let took = now.saturating_duration_since(since);
        if took >= SHORT {
            self.sample(since, now, 0.5);
        } else if took >= SHORTEST && self.rate.is_none() {
            self.sample(since, now, 1.0);
        }
        self.bytes = 0;
    }

    /// The peer stalled: what was measured holds no longer.
    pub(super) fn forget_rate(&mut self) {
        (self.rate, self.since, self.bytes) = (None, None, 0);
    }

    fn sample(&mut self, since: Instant, now: Instant, weight: f64) {
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        let sample = (self.bytes as f64 / seconds).max(LEAST_RATE);
        self.bytes = 0;
        self.rate = Some(match self.rate {
            None => sample,
            // Up fast, or the pipe stays half empty; down slowly, for a pause is not a slow peer.
            Some(rate) if sample > rate => rate + (sample - rate) * 0.5 * weight,
            Some(rate) => rate + (sample - rate) * 0.25 * weight,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_rate_is_taken_while_something_is_sent() {
        let start = Instant::now();
        let mut estimate = Estimate::default();
        estimate.began(ms(20), true, start);
        for n in 1..=100 {
            estimate.received(10_000, start + ms(10) * n);
        }
        let rate = estimate.rate().expect("a rate");
        assert!((990_000.0..1_010_000.0).contains(&rate), "{rate}");
        estimate.idle(start + ms(1_000));
        // A long pause without anything to send changes nothing.
        estimate.began(ms(20), true, start + ms(60_000));
        for n in 1..=100 {
            estimate.received(10_000, start + ms(60_000) + ms(10) * n);
        }
        let rate = estimate.rate().expect("a rate");
        assert!((990_000.0..1_010_000.0).contains(&rate), "{rate}");
    }

    #[test]
    fn one_block_is_enough_for_a_first_look() {
        let start = Instant::now();
        let mut estimate = Estimate::default();
        estimate.began(ms(5), true, start);
        estimate.received(16_384, start + ms(2));
        estimate.idle(start + ms(2));
        assert_eq!(estimate.rate().map(f64::round), Some(8_192_000.0));
        estimate.began(ms(5), true, start + ms(10));
        estimate.received(16_384, start + ms(11));
        estimate.idle(start + ms(11));
        assert_eq!(estimate.rate().map(f64::round), Some(8_192_000.0), "too short to correct it");
    }

    #[test]
    fn a_queue_never_lengthens_the_round_trip() {
        let start = Instant::now();
        let mut estimate = Estimate::default();
        estimate.began(ms(80), true, start);
        estimate.began(ms(900), false, start);
        assert_eq!(estimate.rtt(), Some(ms(80)));
        estimate.began(ms(40), false, start);
        assert_eq!(estimate.rtt(), Some(ms(40)));
        estimate.began(ms(120), true, start);
        assert_eq!(estimate.rtt(), Some(ms(50)));
    }

    #[test]
    fn nothing_takes_for_ever() {
        let start = Instant::now();
        let mut estimate = Estimate::default();
        estimate.began(ms(1), true, start);
        estimate.received(0, start + ms(500_000));
        assert!(estimate.time_for(1 << 20).is_finite());
    }
}
