//! The transfers of a node: what is being fetched, what was, and what became of it.
//!
//! Owns the list and each transfer's course (`run`): find out what the content is, open or resume
//! its store, fetch it from everyone, check it, give it its name. What is needed to go on after any
//! end is in a folder of its own for each (`record`, and the store's files).
//!
//! Invariant: a transfer has a task exactly while its state is one that moves; what a person or the
//! queue wants of it is its *wish*, and the task ends when that is not to run.

mod contents;
mod course;
mod destination;
mod explain;
mod offers;
mod orders;
mod place;
mod queue;
mod reader;
pub mod record;
mod run;
mod sources;
mod target;
mod transfer;
mod variants;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::{broadcast, mpsc, watch};

pub(super) use self::offers::Whole;
use self::transfer::{Transfer, Wish};
pub use self::{
    offers::Offers,
    reader::{Reader, ReaderFile},
};
use super::{
    announcing::Announcer,
    catalog::Catalog,
    message::{
        Event, Failure, Page, SourceRow, TransferId, TransferRow, TransferState, TransferTotals,
        Window,
    },
    peers::unix_now,
    search::QueryService,
    seeding::Completed,
};
use crate::network::{
    content::{limiter::Limiter, meter::Meter, providers::Providers, store::disk::Disk},
    dht::Dht,
    host::Host,
};

/// The transfers of a node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transfers {
    inner: Arc<Inner>,
}

/// What transfers work with.
#[derive(Debug)]
pub struct Parts {
    /// To reach peers.
    pub host: Host,
    /// To find providers.
    pub dht: Dht,
    /// To talk to those who have a content.
    pub providers: Providers,
    /// Knows who was found to have what.
    pub queries: QueryService,
    /// What is here already.
    pub catalog: Catalog,
    /// Tells others what is here while it arrives; `None` where nothing is offered.
    pub announcer: Option<Announcer>,
    /// What others are served from while it arrives.
    pub offers: Offers,
    /// Where transfers are remembered.
    pub data_dir: PathBuf,
    /// Where files go that are not told where to go.
    pub download_dir: PathBuf,
    /// Where they are written.
    pub disk: Arc<dyn Disk>,
    /// Counts what arrives.
    pub meter: Arc<Meter>,
    /// What may arrive at most.
    pub limiter: Arc<Limiter>,
    /// Where it is told what is done.
    pub completed: mpsc::UnboundedSender<Completed>,
    /// Where progress is told.
    pub events: broadcast::Sender<Event>,
}

/// How many run, and what is left free.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Transfers that run at the same time.
    pub running: u32,
    /// Bytes that are left free on a disk.
    pub floor: u64,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    last_id: AtomicU64,
    running: AtomicU32,
    floor: AtomicU64,
    generation: watch::Sender<u64>,
    list: Mutex<BTreeMap<TransferId, Arc<Transfer>>>,
}

impl Transfers {
    /// The transfers that are remembered. They go on if `resume`; else they wait to be asked for
    /// again.
    ///
    /// Returns also the folders of those that cannot be read.
    #[must_use]
    pub fn open(parts: Parts, bounds: Bounds, resume: bool) -> (Self, Vec<PathBuf>) {
        let (records, damaged) = record::all(&parts.data_dir).unwrap_or_else(|error| {
            tracing::warn!(%error, "the transfers cannot be read");
            (Vec::new(), vec![record::home(&parts.data_dir)])
        });
        let last = records.iter().map(|(id, _)| *id).max().unwrap_or(0);
        let (kept, temporary): (Vec<_>, _) =
            records.into_iter().partition(|(_, record)| !record.temporary);
        for (id, _) in temporary {
            let _ = std::fs::remove_dir_all(record::folder(&parts.data_dir, id));
        }
        let list = kept.into_iter().map(|(id, record)| {
            (id, Arc::new(Transfer::remembered(id, record, &parts.download_dir, resume)))
        });
        let inner = Arc::new(Inner {
            last_id: AtomicU64::new(last),
            running: AtomicU32::new(bounds.running),
            floor: AtomicU64::new(bounds.floor),
            generation: watch::channel(0).0,
            list: Mutex::new(list.collect()),
            parts,
        });
        inner.arrange();
        (Self { inner }, damaged)
    }

    /// Transfers, newest first.
    #[must_use]
    pub fn rows(&self, window: Window) -> Page<TransferRow> {
        let transfers: Vec<_> = self.inner.list().values().rev().cloned().collect();
        let page = window.page(transfers.into_iter(), *self.inner.generation.borrow());
        Page {
            rows: page.rows.iter().map(|transfer| transfer.row()).collect(),
            offset: page.offset,
            total: page.total,
            generation: page.generation,
        }
    }

    /// Who brings a transfer.
    ///
    /// # Errors
    /// When there is no such transfer.
    pub fn sources(&self, id: TransferId) -> Result<Vec<SourceRow>, Failure> {
        Ok(self.find(id)?.sources())
    }

    /// How many there are in each state.
    #[must_use]
    pub fn totals(&self) -> TransferTotals {
        let mut totals = TransferTotals::default();
        for transfer in self.inner.list().values() {
            match transfer.state() {
                TransferState::Done => totals.done += 1,
                TransferState::Failed(_) => totals.failed += 1,
                TransferState::Cancelled => {}
                TransferState::Queued => totals.queued += 1,
                TransferState::Paused => totals.paused += 1,
                _ => totals.active += 1,
            }
        }
        totals
    }

    /// Grows when any transfer changes.
    #[must_use]
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.inner.generation.subscribe()
    }

    /// Takes the rates of what is under way, tells what moved, and lets go on what waited long
    /// enough; to be called about once a second.
    pub fn tick(&self, now: Instant) {
        let transfers: Vec<_> = self.inner.list().values().cloned().collect();
        let mut waited = false;
        for transfer in transfers {
            if transfer.sample(now) {
                self.inner.changed(&transfer);
            }
            if matches!(transfer.state(), TransferState::Waiting { retry_at, .. } if retry_at <= unix_now())
                && !transfer.is_active()
            {
                self.inner.set_state(&transfer, TransferState::Queued);
                waited = true;
            }
        }
        if waited {
            self.inner.arrange();
        }
    }

    /// Ends everything that is under way in good order, to go on another time.
    pub async fn stop(&self) {
        let transfers: Vec<_> = self.inner.list().values().cloned().collect();
        for transfer in &transfers {
            self.inner.stop(transfer, Wish::Leave);
        }
        for transfer in transfers {
            transfer.ended().await;
        }
    }
}

impl Inner {
    fn list(&self) -> MutexGuard<'_, BTreeMap<TransferId, Arc<Transfer>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those run that should, and has the others wait.
    fn arrange(self: &Arc<Self>) {
        let list = self.list();
        let wanting = list.values().filter(|t| t.wants_to_run());
        let chosen = queue::to_run(
            wanting.map(|t| t.entry()).collect(),
            self.running.load(Ordering::Relaxed),
        );
        let transfers: Vec<_> = list.values().cloned().collect();
        drop(list);
        for transfer in transfers {
            match (chosen.contains(&transfer.id), transfer.is_active()) {
                (true, false) => run::start(self, &transfer),
                (false, true) if transfer.wants_to_run() => self.stop(&transfer, Wish::Queue),
                _ => {}
            }
        }
    }

    /// Has the task of a transfer end, or does what it would have done at its end.
    fn stop(self: &Arc<Self>, transfer: &Arc<Transfer>, wish: Wish) {
        // What is to leave nothing stays so, whatever else is wished before its task has ended.
        let wish = if *transfer.wish.borrow() == Wish::Cancel { Wish::Cancel } else { wish };
        transfer.wish.send_replace(wish);
        if !transfer.is_active() {
            run::settle(self, transfer, wish);
        }
    }

    /// Tells everybody who watches.
    fn changed(&self, transfer: &Transfer) {
        self.generation.send_modify(|generation| *generation += 1);
        let _ = self.parts.events.send(Event::Transfer(transfer.row()));
    }

    fn set_state(&self, transfer: &Transfer, state: TransferState) {
        transfer.shown().state = state;
        transfer.news.send_modify(|news| *news += 1);
        self.changed(transfer);
    }

    /// Writes down what is known of a transfer.
    fn save(&self, transfer: &Transfer) {
        let folder = record::folder(&self.parts.data_dir, transfer.id);
        if let Err(error) = transfer.record().write(&folder) {
            tracing::warn!(?folder, %error, "a transfer cannot be written down");
        }
    }
}
