//! The SHA-1 half: buffers in, in order, one hash out; on this thread or on a helper's.
//!
//! It begins on the thread that reads, and moves to a helper as soon as fewer threads hash than
//! there are cores. So one large file has two cores, and many files share all of them without
//! more threads than that.

use std::{
    io,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, Builder, Scope, ScopedJoinHandle},
};

use sha1::{Digest, Sha1};

use crate::domain::Sha1Hash;

/// Buffers of a file that has a helper: one is read into, one is hashed, the others even out.
pub(super) const BUFFERS: usize = 4;

/// Threads of this process that hash at this moment.
static BUSY: AtomicUsize = AtomicUsize::new(0);
/// Asked once: the answer is read from files each time.
static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// Counts a thread among those that hash, for as long as it lives.
#[derive(Debug)]
pub(super) struct Busy(());

impl Busy {
    /// This thread hashes, whatever others do.
    pub(super) fn enter() -> Self {
        BUSY.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// A helper's place, if a core is idle.
    fn if_idle() -> Option<Self> {
        let one_more = |busy| (busy < *CORES).then_some(busy + 1);
        BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Self(()))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The SHA-1 of a file that is being read.
pub(super) struct Lane<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    side: Side<'scope>,
    /// Buffers made so far.
    made: usize,
}

enum Side<'scope> {
    /// On this thread, with the buffer that is used over and over.
    Here { sha1: Sha1, spare: Option<Vec<u8>> },
    /// On a helper's.
    There {
        full: Sender<Vec<u8>>,
        empty: Receiver<Vec<u8>>,
        helper: ScopedJoinHandle<'scope, Sha1>,
    },
}

impl<'scope, 'env> Lane<'scope, 'env> {
    /// Nothing is hashed yet. A helper ends with the scope.
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self { scope, side: Side::Here { sha1: Sha1::new(), spare: None }, made: 0 }
    }

    /// A buffer to read into. Waits for one where all are on their way.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        let used = match &mut self.side {
            Side::Here { spare, .. } => spare.take(),
            Side::There { empty, .. } if self.made < BUFFERS => empty.try_recv().ok(),
            // Only a helper that panicked gives none back; `finish` tells.
            Side::There { empty, .. } => empty.recv().ok(),
        };
        used.unwrap_or_else(|| {
            self.made += 1;
            Vec::new()
        })
    }

    /// Hashes what comes next in the file, or has it hashed.
    pub(super) fn push(&mut self, data: Vec<u8>) {
        self.hire();
        match &mut self.side {
            Side::Here { sha1, spare } => {
                sha1.update(&data);
                *spare = Some(data);
            }
            // Only a helper that panicked takes nothing; `finish` tells.
            Side::There { full, .. } => drop(full.send(data)),
        }
    }

    /// Hands the hash over to a helper if a core is idle.
    fn hire(&mut self) {
        let Side::Here { sha1, .. } = &self.side else { return };
        let Some(busy) = Busy::if_idle() else { return };
        let (full, work) = channel::<Vec<u8>>();
        let (done, empty) = channel();
        let mut sha1 = sha1.clone();
        let help = move || {
            for data in work {
                sha1.update(&data);
                // The reader needs no buffer any more once it has read everything.
                let _ = done.send(data);
            }
            drop(busy);
            sha1
        };
        // Where no thread can be had, this one goes on alone.
        if let Ok(helper) = Builder::new().name("sha1".to_owned()).spawn_scoped(self.scope, help) {
            self.side = Side::There { full, empty, helper };
        }
    }

    /// The hash of everything.
    ///
    /// # Errors
    /// When the helper panicked.
    pub(super) fn finish(self) -> io::Result<Sha1Hash> {
        let sha1 = match self.side {
            Side::Here { sha1, .. } => sha1,
            Side::There { full, helper, .. } => {
                drop(full);
                helper.join().map_err(|_| io::Error::other("a hashing thread panicked"))?
            }
        };
        Ok(Sha1Hash::from_bytes(sha1.finalize().into()))
    }
}
