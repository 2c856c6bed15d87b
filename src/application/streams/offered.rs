//! [`Offered`]: what is offered, by the secret of its URL, and who reads it.
//!
//! Invariant: one source has one URL for as long as it is offered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use data_encoding::HEXLOWER;
use tokio::{sync::watch, time::sleep};

use super::source::Source;

/// URLs that are kept, as many as transfers are listed: beyond that the oldest leads nowhere.
const MAX_URLS: usize = 1_000;
/// A temporary transfer that nobody has read for this long is given up. Long, as a reader may have
/// to wait for sources, or comes back after a break.
const ABANDONED: Duration = Duration::from_secs(600);

/// Everything that is offered.
#[derive(Debug)]
pub(super) struct Offered<S = Source> {
    urls: Mutex<Urls<S>>,
}

#[derive(Debug)]
struct Urls<S> {
    by_token: HashMap<String, Entry<S>>,
    last: u64,
}

/// A source and its URL. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Entry<S = Source> {
    /// The secret of the URL, in hexadecimal.
    pub(super) token: String,
    pub(super) source: S,
    readers: Arc<watch::Sender<usize>>,
    number: u64,
}

impl<S> Default for Offered<S> {
    fn default() -> Self {
        Self { urls: Mutex::new(Urls { by_token: HashMap::new(), last: 0 }) }
    }
}

impl<S: Clone + PartialEq> Offered<S> {
    /// Offers a source, or names the URL that it has already.
    pub(super) fn add(&self, source: S) -> Entry<S> {
        let mut urls = self.lock();
        if let Some(known) = urls.by_token.values().find(|entry| entry.source == source) {
            return known.clone();
        }
        if urls.by_token.len() >= MAX_URLS {
            let oldest = urls.by_token.values().min_by_key(|entry| entry.number);
            if let Some(token) = oldest.map(|entry| entry.token.clone()) {
                urls.by_token.remove(&token);
            }
        }
        urls.last += 1;
        let entry = Entry {
            token: HEXLOWER.encode(&rand::random::<[u8; 16]>()),
            source,
            readers: Arc::new(watch::Sender::new(0)),
            number: urls.last,
        };
        urls.by_token.insert(entry.token.clone(), entry.clone());
        entry
    }

    /// What a secret stands for.
    pub(super) fn find(&self, token: &str) -> Option<Entry<S>> {
        self.lock().by_token.get(token).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Urls<S>> {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Entry<S> {
    /// Counts a reader until it is dropped.
    pub(super) fn reading(&self) -> Reading {
        self.readers.send_modify(|readers| *readers += 1);
        Reading(self.readers.clone())
    }

    /// Ends when nobody has read it for long.
    pub(super) fn abandoned(&self) -> impl Future<Output = ()> + Send + use<S> {
        let mut readers = self.readers.subscribe();
        async move {
            loop {
                if readers.wait_for(|readers| *readers == 0).await.is_err() {
                    return;
                }
                tokio::select! {
                    () = sleep(ABANDONED) => return,
                    _ = readers.wait_for(|readers| *readers > 0) => {}
                }
            }
        }
    }
}

/// A reader.
#[derive(Debug)]
pub(super) struct Reading(Arc<watch::Sender<usize>>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.send_modify(|readers| *readers -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn a_source_has_one_url_and_the_oldest_goes_when_there_are_too_many() {
        let offered = Offered::default();
        let first = offered.add(0);
        assert_eq!(first.token.len(), 32);
        assert_eq!(offered.add(0).token, first.token);
        for n in 1..MAX_URLS {
            assert_ne!(offered.add(n).token, first.token);
        }
        assert!(offered.find(&first.token).is_some());
        let last = offered.add(MAX_URLS);
        assert!(offered.find(&first.token).is_none());
        assert!(offered.find(&last.token).is_some());
        assert_eq!(offered.lock().by_token.len(), MAX_URLS);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_is_not_abandoned() {
        let entry = Offered::default().add(7);
        let start = Instant::now();
        let reading = [entry.reading(), entry.reading()];
        let abandoned = tokio::spawn(entry.abandoned());
        sleep(ABANDONED * 3).await;
        assert!(!abandoned.is_finished());
        drop(reading);
        abandoned.await.expect("it ends");
        assert_eq!(start.elapsed(), ABANDONED * 4);
    }
}
