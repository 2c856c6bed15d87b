//! The upload limit of a node: all its uploads together stay under one rate.

use std::{num::NonZeroU32, sync::RwLock};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Bytes that may be sent at once after a pause.
const BURST: u32 = 256 << 10;
/// The largest piece that is waited for at once, in bytes; keeps slow limits smooth.
pub const PIECE: usize = 64 << 10;

/// Lets pieces of data pass at a rate that can change at any time.
#[derive(Debug)]
pub struct Limiter {
    inner: RwLock<Option<std::sync::Arc<DefaultDirectRateLimiter>>>,
}

impl Limiter {
    /// A limit in bytes per second; `None` lets everything pass.
    #[must_use]
    pub fn new(limit: Option<u64>) -> Self {
        Self { inner: RwLock::new(limit.map(build)) }
    }

    /// Waits until `bytes` may pass; at most [`PIECE`] count.
    pub async fn pass(&self, bytes: usize) {
        let inner = self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let wanted = u32::try_from(bytes.min(PIECE)).ok().and_then(NonZeroU32::new);
        if let (Some(limiter), Some(wanted)) = (inner, wanted) {
            // The burst is never smaller than a piece, so this can only wait.
            let _ = limiter.until_n_ready(wanted).await;
        }
    }
}

fn build(limit: u64) -> std::sync::Arc<DefaultDirectRateLimiter> {
    let rate = NonZeroU32::new(u32::try_from(limit).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
    let burst = NonZeroU32::new(BURST).unwrap_or(NonZeroU32::MIN);
    std::sync::Arc::new(RateLimiter::direct(Quota::per_second(rate).allow_burst(burst)))
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
