//! One transfer: what is known of it, what is shown of it, and what is wanted of it.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::watch;

use super::{queue::Entry, record::Record};
use crate::{
    application::message::{
        Failure, FailureKind, SourceRow, SourceState, TransferId, TransferRow, TransferState,
    },
    domain::{Link, Untrusted},
    network::content::{
        fetch::Progress, layout::SpanNo, limiter::Limiter, meter::Rate, schedule::PeerState,
        store::Store,
    },
};

/// What is wanted of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// That it runs.
    Run,
    /// That it waits for others.
    Queue,
    /// That it stands still until a person wants otherwise.
    Pause,
    /// That it ends and leaves nothing.
    Cancel,
    /// That it ends in good order, to go on when the node runs again.
    Leave,
}

/// One transfer.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    record: Mutex<Record>,
    pub(super) wish: watch::Sender<Wish>,
    /// Whether it has a task.
    pub(super) active: watch::Sender<bool>,
    /// Its task is over, and its state does not say yet how it ended: it is not to begin anew.
    pub(super) ending: AtomicBool,
    pub(super) progress: watch::Sender<Progress>,
    shown: Mutex<Shown>,
    /// Its files, while they are open.
    store: Mutex<Option<Arc<Store>>>,
    pub(super) limiter: Arc<Limiter>,
    /// A reader waits for it.
    pub(super) read: AtomicBool,
    /// Where the reader is.
    pub(super) reader: watch::Sender<Option<SpanNo>>,
    /// Bytes given to others in this run.
    pub(super) uploaded: AtomicU64,
    /// Grows when the state changes.
    pub(super) news: watch::Sender<u64>,
}

/// What is shown of a transfer besides its progress.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) state: TransferState,
    pub(super) name: String,
    pub(super) files: Option<u32>,
    /// How often it waited since anything came.
    pub(super) attempts: u32,
    rate: Rate,
    rate_now: u64,
}

impl Transfer {
    /// One that has just been asked for.
    pub(super) fn new(id: TransferId, mut record: Record, downloads: &Path) -> Self {
        if record.path.is_none() {
            let path = record.destination().unwrap_or(downloads).to_owned();
            record.path = Some(super::record::PathBytes(path));
        }
        let link = &record.link;
        let told = record.target.as_ref().map(|target| target.name.clone());
        let name = told.or_else(|| link.name.clone()).or_else(|| link.short());
        let name = name.unwrap_or_else(|| link.to_string());
        let shown = Shown {
            state: TransferState::Queued,
            name,
            files: None,
            attempts: 0,
            rate: Rate::default(),
            rate_now: 0,
        };
        Self {
            id,
            wish: watch::Sender::new(Wish::Run),
            active: watch::Sender::new(false),
            ending: AtomicBool::new(false),
            progress: watch::Sender::new(Progress::default()),
            shown: Mutex::new(shown),
            store: Mutex::default(),
            limiter: Arc::new(Limiter::new(record.limit)),
            read: AtomicBool::new(false),
            reader: watch::Sender::new(None),
            uploaded: AtomicU64::new(0),
            news: watch::Sender::new(0),
            record: Mutex::new(record),
        }
    }

    /// One from an earlier run.
    pub(super) fn remembered(
        id: TransferId,
        record: Record,
        downloads: &Path,
        resume: bool,
    ) -> Self {
        let state = match &record.failed {
            _ if record.paused || !resume => TransferState::Paused,
            Some(why) => TransferState::Failed(Failure::new(FailureKind::Error, why.clone())),
            None => TransferState::Queued,
        };
        let size = record.target.as_ref().map(|target| target.content.size);
        let transfer = Self::new(id, record, downloads);
        transfer.progress.send_modify(|progress| progress.size = size);
        transfer.shown().state = state;
        transfer
    }

    pub(super) fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is known; to be saved.
    pub(super) fn edit(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> TransferState {
        self.shown().state.clone()
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Option<Arc<Store>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_active(&self) -> bool {
        *self.active.borrow()
    }

    /// Waits until it has no task.
    pub(super) async fn ended(&self) {
        let _ = self.active.subscribe().wait_for(|active| !active).await;
    }

    /// Whether it is for the same content, at the same place, the same parts.
    pub(super) fn is_for(
        &self,
        link: &Link,
        destination: Option<&Path>,
        select: &[String],
    ) -> bool {
        let record = self.record();
        record.link.same_content(link)
            && record.destination() == destination
            && record.select == select
    }

    /// The link, with what has been found out since.
    pub(super) fn link_to_look_for(&self) -> Link {
        let record = self.record();
        let mut link = record.link;
        if let Some(target) = record.target {
            link.root = link.root.or(Some(target.content.root));
            link.sha1 = link.sha1.or(Some(target.content.sha1));
            link.size = link.size.or(Some(target.content.size));
        }
        link
    }

    /// Whether a reader finds one file here, now or later.
    pub(super) fn can_be_read(&self) -> bool {
        match self.state() {
            TransferState::Cancelled | TransferState::Failed(_) => false,
            TransferState::Done => self.record().path.is_some_and(|path| path.0.is_file()),
            _ => true,
        }
    }

    /// Whether it would run if there were room.
    pub(super) fn wants_to_run(&self) -> bool {
        let stops = matches!(*self.wish.borrow(), Wish::Pause | Wish::Cancel | Wish::Leave);
        self.may_begin() && !(stops && self.is_active())
    }

    /// Whether it is in a state that moves, which is not about to become another.
    pub(super) fn may_begin(&self) -> bool {
        let still = matches!(
            self.shown().state,
            TransferState::Paused
                | TransferState::Waiting { .. }
                | TransferState::Failed(_)
                | TransferState::Done
                | TransferState::Cancelled
        );
        !(still || self.ending.load(Ordering::Acquire))
    }

    pub(super) fn entry(&self) -> Entry {
        let record = self.record();
        let read = self.read.load(Ordering::Relaxed);
        Entry { id: self.id, priority: record.priority, order: record.order, read }
    }

    /// Takes the rate of what is under way; whether anything moved.
    pub(super) fn sample(&self, now: Instant) -> bool {
        let done = self.progress.borrow().done;
        let mut shown = self.shown();
        let over = shown.state.is_over();
        let rate = if over { 0 } else { shown.rate.sample(now, done) };
        let moved = rate > 0 || shown.rate_now != rate;
        shown.rate_now = rate;
        moved
    }

    pub(super) fn row(&self) -> TransferRow {
        let record = self.record();
        let shown = self.shown();
        let progress = self.progress.borrow();
        let fastest = progress.peers.iter().max_by_key(|(_, view)| view.rate).map(|(id, _)| *id);
        TransferRow {
            transfer: self.id,
            name: Untrusted::new(shown.name.clone()),
            sha1: record.link.sha1.or(record.target.as_ref().map(|target| target.content.sha1)),
            size: progress.size.or(record.link.size),
            done: progress.done,
            rate: shown.rate_now,
            sources: progress.sources,
            banned: u32::try_from(progress.banned.len()).unwrap_or(u32::MAX),
            talking: u32::try_from(progress.peers.len()).unwrap_or(u32::MAX),
            from: fastest.filter(|_| !shown.state.is_over()),
            files: shown.files,
            priority: record.priority,
            limit: record.limit,
            uploaded: record.uploaded + self.uploaded.load(Ordering::Relaxed),
            state: shown.state.clone(),
            path: record.path.map(|path| path.0).unwrap_or_default(),
            link: record.link,
        }
    }

    pub(super) fn sources(&self) -> Vec<SourceRow> {
        let progress = self.progress.borrow();
        let talking = progress.peers.iter().map(|(peer, view)| SourceRow {
            peer: *peer,
            rate: view.rate,
            rtt_ms: view.rtt.map(|rtt| u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX)),
            outstanding: view.outstanding,
            state: match view.state {
                PeerState::Serving => SourceState::Serving,
                PeerState::Waiting(ahead) => SourceState::Waiting(ahead),
                PeerState::Stalled => SourceState::Stalled,
            },
        });
        let banned = progress.banned.iter().map(|blame| SourceRow {
            peer: blame.peer,
            rate: 0,
            rtt_ms: None,
            outstanding: 0,
            state: SourceState::Banned { evidence: blame.evidence.clone() },
        });
        talking.chain(banned).collect()
    }
}
