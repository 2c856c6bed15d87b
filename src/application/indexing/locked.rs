//! The library behind its lock, and the signals that it changed.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Change,
    library::{Job, Library},
};

/// The one library of a service. Held for moments only, so async code may lock it too.
#[derive(Debug)]
pub(super) struct LockedLibrary {
    library: Mutex<Library>,
    /// Workers wait here for files to hash.
    jobs: Condvar,
    /// How many do. Changed under the lock only.
    idle: AtomicUsize,
    /// The teller waits here for changes to tell.
    changes: Notify,
    generation: watch::Sender<u64>,
    stop: CancellationToken,
}

impl LockedLibrary {
    pub(super) fn new(library: Library) -> Self {
        Self {
            library: Mutex::new(library),
            jobs: Condvar::new(),
            idle: AtomicUsize::new(0),
            changes: Notify::new(),
            generation: watch::Sender::new(0),
            stop: CancellationToken::new(),
        }
    }

    /// Reads or changes the library, and wakes whoever has to do with what changed.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Library) -> T) -> T {
        let mut library = self.lock();
        let out = act(&mut library);
        self.signal(&library);
        out
    }

    /// The next files to hash, or `None` when the service stops. Blocks the thread.
    pub(super) fn wait_for_jobs(&self) -> Option<Vec<Job>> {
        let mut library = self.lock();
        while !self.is_stopping() {
            let jobs = library.next_jobs();
            if !jobs.is_empty() {
                self.signal(&library);
                return Some(jobs);
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
            library = self.jobs.wait(library).unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
        None
    }

    /// The next changes to tell, at most so many, or `None` when the service stops.
    pub(super) async fn wait_for_changes(&self, most: usize) -> Option<Vec<Change>> {
        loop {
            // Nothing is lost between the look and the wait: a signal without a waiter is kept.
            let changes = self.next_changes(most);
            if !changes.is_empty() {
                return Some(changes);
            }
            self.stop.run_until_cancelled(self.changes.notified()).await?;
        }
    }

    fn next_changes(&self, most: usize) -> Vec<Change> {
        let mut library = self.lock();
        std::iter::from_fn(|| library.next_change()).take(most).collect()
    }

    /// The library's generation, for whoever wants to know when it changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Ends every wait, now and later.
    pub(super) fn stop(&self) {
        self.stop.cancel();
        // Under the lock, so that no worker is between its look and its wait.
        let _library = self.lock();
        self.jobs.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Ends when the service stops.
    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    fn signal(&self, library: &Library) {
        // One is enough: it wakes the next if it leaves something.
        if library.has_job() && self.idle.load(Ordering::Relaxed) > 0 {
            self.jobs.notify_one();
        }
        if library.has_change() {
            self.changes.notify_one();
        }
        let now = library.generation();
        self.generation.send_if_modified(|seen| std::mem::replace(seen, now) != now);
    }

    fn lock(&self) -> MutexGuard<'_, Library> {
        self.library.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
