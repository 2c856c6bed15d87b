//! [`Limiter`]: what goes through it together stays under a rate, which may change at any time.
//!
//! Whoever has bytes to move asks for pieces of them, one after the other. Pieces pass in the order
//! in which they were asked for, so those who share a limit share it evenly. A piece passes as soon
//! as those before it are paid for: it goes into debt, and the next one waits until that is paid.
//!
//! Invariant: over any time, no more passes than the rate allows, but for one piece and what
//! `CREDIT` is worth.

use std::time::{Duration, Instant};

use tokio::{
    sync::{Mutex, watch},
    time,
};

/// How much of an unused limit may be used afterwards. Timers are late by milliseconds, and what
/// was missed by that must not be lost; more would show as a rate above the limit.
const CREDIT: Duration = Duration::from_millis(25);
/// The largest piece that is asked for at once under a limit, in bytes.
pub const PIECE: usize = 64 << 10;
/// The smallest, however low the limit is.
const SMALLEST_PIECE: u64 = 1 << 10;
/// A piece is what may pass in this part of a second: with dozens who share a limit each still moves
/// every few seconds, or those who fetch would take a low limit for silence.
const PIECES_PER_SECOND: u64 = 10;

/// Lets pieces of data pass at a rate that can change at any time.
#[derive(Debug)]
pub struct Limiter {
    rate: watch::Sender<Option<u64>>,
    /// Held by the one whose turn it is, while he waits; the others queue for it.
    turn: Mutex<Bucket>,
}

impl Limiter {
    /// A limit in bytes per second; `None` lets everything pass.
    #[must_use]
    pub fn new(limit: Option<u64>) -> Self {
        let bucket = Bucket { rate: None, balance: 0.0, at: now() };
        Self { rate: watch::Sender::new(limit), turn: Mutex::new(bucket) }
    }

    /// Sets the limit, in bytes per second. Whoever waits waits as long as the new one says.
    pub fn set(&self, limit: Option<u64>) {
        self.rate.send_if_modified(|rate| std::mem::replace(rate, limit) != limit);
    }

    /// The limit as it is now, in bytes per second.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        *self.rate.borrow()
    }

    /// How many bytes to ask for at once: at most [`PIECE`] under a limit, else any number.
    #[must_use]
    pub fn piece(&self) -> usize {
        let piece = |limit: u64| (limit / PIECES_PER_SECOND).clamp(SMALLEST_PIECE, PIECE as u64);
        let piece = self.limit().map(piece);
        piece.and_then(|piece| usize::try_from(piece).ok()).unwrap_or(usize::MAX)
    }

    /// Waits until so many bytes may pass. Who stops waiting has used nothing.
    pub async fn pass(&self, bytes: usize) {
        if bytes == 0 || self.limit().is_none() {
            return;
        }
        let mut bucket = self.turn.lock().await;
        let mut rate = self.rate.subscribe();
        loop {
            let limit = *rate.borrow_and_update();
            let Err(wait) = bucket.take(bytes, limit, now()) else { return };
            tokio::select! {
                () = time::sleep(wait) => {}
                _ = rate.changed() => {}
            }
        }
    }
}

/// The clock of the runtime, which tests may turn.
fn now() -> Instant {
    time::Instant::now().into_std()
}

/// What may pass, as a balance that time fills and pieces empty.
#[derive(Debug)]
struct Bucket {
    /// The rate under which the balance was reached, in bytes per second.
    rate: Option<u64>,
    /// Bytes; below zero, they are owed.
    balance: f64,
    at: Instant,
}

impl Bucket {
    /// Takes bytes, or says how long to wait.
    fn take(&mut self, bytes: usize, limit: Option<u64>, now: Instant) -> Result<(), Duration> {
        self.settle(limit, now);
        // A limit of nothing would never end a wait.
        let Some(limit) = limit.map(|limit| limit.max(1) as f64) else { return Ok(()) };
        if self.balance < 0.0 {
            return Err(Duration::try_from_secs_f64(-self.balance / limit).unwrap_or(Duration::MAX));
        }
        self.balance -= bytes as f64;
        Ok(())
    }

    fn settle(&mut self, limit: Option<u64>, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let filled = self.rate.map_or(0.0, |rate| self.balance + rate.max(1) as f64 * passed);
        let most = limit.map_or(0.0, |limit| limit as f64 * CREDIT.as_secs_f64());
        (self.rate, self.balance, self.at) = (limit, filled.min(most), now);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    const MIB: u64 = 1 << 20;

    /// So many that send all the time through the same limiters; what each has sent.
    fn senders(count: usize, limiters: Vec<Arc<Limiter>>) -> Vec<Arc<AtomicU64>> {
        let one = |_| {
            let (sent, limiters) = (Arc::new(AtomicU64::new(0)), limiters.clone());
            let counted = sent.clone();
            tokio::spawn(async move {
                loop {
                    let pieces = limiters.iter().map(|limiter| limiter.piece());
                    let piece = pieces.min().unwrap_or(PIECE);
                    for limiter in &limiters {
                        limiter.pass(piece).await;
                    }
                    counted.fetch_add(piece as u64, Ordering::Relaxed);
                }
            });
            sent
        };
        (0..count).map(one).collect()
    }

    fn total(senders: &[Arc<AtomicU64>]) -> u64 {
        senders.iter().map(|sent| sent.load(Ordering::Relaxed)).sum()
    }

    /// Within two percent.
    fn assert_near(bytes: u64, expected: u64) {
        assert!(bytes.abs_diff(expected) * 50 <= expected, "{bytes} where {expected} are expected");
    }

    #[tokio::test(start_paused = true)]
    async fn many_together_keep_the_limit_and_share_it_evenly() {
        let limiter = Arc::new(Limiter::new(Some(10 * MIB)));
        let senders = senders(4, vec![limiter]);
        time::sleep(Duration::from_secs(2)).await;
        assert_near(total(&senders), 20 * MIB);
        let each: Vec<_> = senders.iter().map(|sent| sent.load(Ordering::Relaxed)).collect();
        let (least, most) = (each.iter().min().expect("four"), each.iter().max().expect("four"));
        assert!(most - least <= 2 * PIECE as u64, "{each:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_in_a_row_the_lower_holds() {
        let (all, one) = (Limiter::new(Some(10 * MIB)), Limiter::new(Some(MIB)));
        let (all, one) = (Arc::new(all), Arc::new(one));
        let slow = senders(1, vec![all.clone(), one]);
        let fast = senders(1, vec![all]);
        time::sleep(Duration::from_secs(4)).await;
        assert_near(total(&slow), 4 * MIB);
        assert_near(total(&slow) + total(&fast), 40 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_notices_a_change_at_once() {
        let limiter = Arc::new(Limiter::new(Some(1)));
        let senders = senders(3, vec![limiter.clone()]);
        time::sleep(Duration::from_secs(60)).await;
        assert_eq!(total(&senders), SMALLEST_PIECE, "the next would take a quarter of an hour");
        limiter.set(Some(MIB));
        time::sleep(Duration::from_secs(2)).await;
        assert_near(total(&senders), 2 * MIB);
        let before = total(&senders);
        limiter.set(Some(100 * MIB));
        time::sleep(Duration::from_secs(2)).await;
        assert_near(total(&senders) - before, 200 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn lifting_the_limit_ends_every_wait() {
        let limiter = Arc::new(Limiter::new(Some(1)));
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move { limiter.pass(PIECE).await })
            })
            .collect();
        time::sleep(Duration::from_secs(5)).await;
        assert_eq!(waiting.iter().filter(|task| task.is_finished()).count(), 1);
        let lifted = time::Instant::now();
        limiter.set(None);
        for task in waiting {
            task.await.expect("passes");
        }
        assert_eq!(lifted.elapsed(), Duration::ZERO);
        assert_eq!((limiter.limit(), limiter.piece()), (None, usize::MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_has_used_nothing() {
        let limiter = Limiter::new(Some(MIB));
        let start = time::Instant::now();
        let second = MIB as usize;
        limiter.pass(second).await;
        for _ in 0..50 {
            let given_up = time::timeout(Duration::from_millis(10), limiter.pass(second)).await;
            assert!(given_up.is_err(), "the first is not paid for");
        }
        limiter.pass(second).await;
        assert_eq!(start.elapsed().as_secs_f64().round(), 1.0, "after the first");
        limiter.pass(second).await;
        assert_eq!(start.elapsed().as_secs_f64().round(), 2.0, "after one more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_made_up_for() {
        let limiter = Arc::new(Limiter::new(Some(10 * MIB)));
        limiter.pass(PIECE).await;
        time::sleep(Duration::from_secs(3_600)).await;
        let senders = senders(1, vec![limiter]);
        time::sleep(Duration::from_secs(2)).await;
        assert_near(total(&senders), 20 * MIB);
    }

    #[test]
    fn pieces_are_small_where_the_limit_is_low() {
        let piece = |limit| Limiter::new(Some(limit)).piece();
        assert_eq!([piece(8 << 20), piece(100_000), piece(1)], [PIECE, 10_000, 1 << 10]);
    }
}
