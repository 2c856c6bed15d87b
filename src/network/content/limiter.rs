//! The upload limit of a node: all its uploads together stay under one rate.

use std::{
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Bytes that may be sent at once after a pause.
const BURST: u32 = 256 << 10;
/// The largest piece that is waited for at once, in bytes.
pub const PIECE: usize = 64 << 10;
/// The smallest, however low the limit is.
const SMALLEST_PIECE: u64 = 1 << 10;
/// A piece is what may be sent in this part of a second: with dozens of uploads each still moves
/// every few seconds, or those who fetch would take a low limit for silence.
const PIECES_PER_SECOND: u64 = 10;

/// Lets pieces of data pass at a rate that can change at any time.
#[derive(Debug)]
pub struct Limiter {
    inner: RwLock<Option<Rate>>,
}

/// A limit that is set.
#[derive(Debug, Clone)]
struct Rate {
    limiter: Arc<DefaultDirectRateLimiter>,
    piece: usize,
}

impl Limiter {
    /// A limit in bytes per second; `None` lets everything pass.
    #[must_use]
    pub fn new(limit: Option<u64>) -> Self {
        Self { inner: RwLock::new(limit.map(build)) }
    }

    /// Whether there is a limit.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.rate().is_some()
    }

    /// How many bytes to ask for at once, at most [`PIECE`].
    #[must_use]
    pub fn piece(&self) -> usize {
        self.rate().map_or(PIECE, |rate| rate.piece)
    }

    /// Waits until `bytes` may pass; at most [`PIECE`] count.
    pub async fn pass(&self, bytes: usize) {
        let wanted = u32::try_from(bytes.min(PIECE)).ok().and_then(NonZeroU32::new);
        if let (Some(rate), Some(wanted)) = (self.rate(), wanted) {
            // The burst is never smaller than a piece, so this can only wait.
            let _ = rate.limiter.until_n_ready(wanted).await;
        }
    }

    fn rate(&self) -> Option<Rate> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn build(limit: u64) -> Rate {
    let rate = NonZeroU32::new(u32::try_from(limit).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
    let burst = NonZeroU32::new(BURST).unwrap_or(NonZeroU32::MIN);
    let limiter = Arc::new(RateLimiter::direct(Quota::per_second(rate).allow_burst(burst)));
    let piece = (limit / PIECES_PER_SECOND).clamp(SMALLEST_PIECE, PIECE as u64);
    Rate { limiter, piece: usize::try_from(piece).unwrap_or(PIECE) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn more_than_the_burst_takes_its_time() {
        let limiter = Limiter::new(Some(1 << 20));
        let start = Instant::now();
        for _ in 0..8 {
            limiter.pass(PIECE).await;
        }
        // 512 KiB, of which the burst is free: a quarter of a second at 1 MiB/s.
        assert!(start.elapsed() >= Duration::from_millis(200));
    }

    #[test]
    fn pieces_are_small_where_the_limit_is_low() {
        let piece = |limit| Limiter::new(limit).piece();
        assert_eq!([piece(None), piece(Some(8 << 20))], [PIECE; 2]);
        assert_eq!([piece(Some(100_000)), piece(Some(1))], [10_000, 1 << 10]);
    }

    #[tokio::test]
    async fn no_limit_never_waits() {
        let limiter = Limiter::new(None);
        let all = async {
            for _ in 0..100_000 {
                limiter.pass(PIECE).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("no wait");
    }
}
