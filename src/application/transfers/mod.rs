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
pub use self::{
    offers::Offers,
    reader::{Reader, ReaderFile},
};
use self::{
    record::Record,
    transfer::{Transfer, Wish},
};
use super::{
    announcing::Announcer,
    catalog::Catalog,
    message::{
        Event, Failure, FailureKind, Page, QueuePlace, SourceRow, TransferId, TransferRow,
        TransferState, TransferTotals, Tuning, Window,
    },
    peers::unix_now,
    search::QueryService,
    seeding::Completed,
};
use crate::{
    domain::Link,
    network::{
        content::{limiter::Limiter, meter::Meter, providers::Providers, store::disk::Disk},
        dht::Dht,
        host::Host,
    },
};

/// Transfers that are listed; beyond that the oldest that is over is forgotten, and where none is
/// over nothing more is taken on.
const MAX_LISTED: usize = 1_000;

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

    /// Begins to fetch what a link names, or names the transfer that already does, which goes on if
    /// it stood still.
    ///
    /// # Errors
    /// When too much is listed that is not over, or it cannot be written down.
    pub fn get(
        &self,
        link: Link,
        destination: Option<PathBuf>,
        select: Vec<String>,
    ) -> Result<TransferId, Failure> {
        let same = |t: &Arc<Transfer>| t.is_for(&link, destination.as_deref(), &select);
        let known = self.inner.list().values().find(|t| !t.state().is_over() && same(t)).cloned();
        if let Some(known) = known {
            known.edit(|record| (record.paused, record.failed) = (false, None));
            self.go_on(&known);
            return Ok(known.id);
        }
        self.add(Record::new(link, destination, select, unix_now()), false)
    }

    /// Begins to fetch for a reader, or names the transfer that already does. A temporary one is
    /// its reader's alone, who deletes it when he has read it.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn stream(&self, link: Link, temporary: bool) -> Result<TransferId, Failure> {
        let same = |t: &Arc<Transfer>| {
            !t.record().temporary && t.is_for(&link, None, &[]) && t.can_be_read()
        };
        let list = self.inner.list();
        let known = list.values().find(|t| !temporary && same(t)).cloned();
        drop(list);
        if let Some(known) = known {
            if !known.state().is_over() {
                known.edit(|record| (record.paused, record.failed) = (false, None));
                known.read.store(true, Ordering::Relaxed);
                self.go_on(&known);
            }
            return Ok(known.id);
        }
        let mut record = Record::new(link, None, Vec::new(), unix_now());
        record.temporary = temporary;
        self.add(record, true)
    }

    /// A reader of a transfer of one file.
    ///
    /// # Errors
    /// When there is no such transfer.
    pub fn reader(&self, id: TransferId) -> Result<Reader, Failure> {
        Ok(Reader::new(self.find(id)?))
    }

    fn add(&self, mut record: Record, read: bool) -> Result<TransferId, Failure> {
        let inner = &self.inner;
        let id = inner.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut list = inner.list();
        if !make_room(&mut list) {
            let message = format!("{MAX_LISTED} transfers are listed, and none of them is over");
            return Err(Failure::new(FailureKind::Error, message)
                .hint("wait for one to end, or cancel one"));
        }
        record.order = queue::beyond(list.values().map(|other| other.record().order), false);
        let folder = record::folder(&inner.parts.data_dir, id);
        record.write(&folder).map_err(|error| destination::explain(&folder, &error))?;
        let transfer = Arc::new(Transfer::new(id, record, &inner.parts.download_dir));
        transfer.read.store(read, Ordering::Relaxed);
        list.insert(id, transfer.clone());
        drop(list);
        inner.changed(&transfer);
        inner.arrange();
        Ok(id)
    }

    /// Stops a transfer and keeps what is there.
    ///
    /// # Errors
    /// When there is no such transfer, or it is over.
    pub fn pause(&self, id: TransferId) -> Result<(), Failure> {
        let transfer = self.find_unfinished(id)?;
        transfer.edit(|record| record.paused = true);
        self.inner.save(&transfer);
        self.inner.stop(&transfer, Wish::Pause);
        self.inner.arrange();
        Ok(())
    }

    /// Goes on with a transfer that stood still.
    ///
    /// # Errors
    /// When there is no such transfer, or it is done.
    pub fn resume(&self, id: TransferId) -> Result<(), Failure> {
        let transfer = self.find(id)?;
        if matches!(transfer.state(), TransferState::Done | TransferState::Cancelled) {
            return Err(is_over(id));
        }
        transfer.edit(|record| (record.paused, record.failed) = (false, None));
        self.inner.save(&transfer);
        self.go_on(&transfer);
        Ok(())
    }

    fn go_on(&self, transfer: &Arc<Transfer>) {
        transfer.shown().attempts = 0;
        if !transfer.is_active() {
            self.inner.set_state(transfer, TransferState::Queued);
        }
        self.inner.arrange();
    }

    /// Stops a transfer; what it has written is deleted. A temporary one is deleted also when it is
    /// done.
    ///
    /// # Errors
    /// When there is no such transfer, or it is over.
    pub fn cancel(&self, id: TransferId) -> Result<(), Failure> {
        let transfer = self.find(id)?;
        let temporary = transfer.record().temporary;
        let can_be = match transfer.state() {
            TransferState::Done | TransferState::Cancelled => temporary,
            TransferState::Failed(_) => transfer.record().part.is_some() || temporary,
            _ => true,
        };
        if !can_be {
            return Err(is_over(id));
        }
        self.inner.stop(&transfer, Wish::Cancel);
        self.inner.arrange();
        Ok(())
    }

    /// Changes how a transfer runs.
    ///
    /// # Errors
    /// When there is no such transfer, or it is over.
    pub fn tune(&self, id: TransferId, change: Tuning) -> Result<(), Failure> {
        let transfer = self.find_unfinished(id)?;
        let orders: Vec<i64> = {
            let list = self.inner.list();
            list.values().filter(|t| t.id != id).map(|t| t.record().order).collect()
        };
        transfer.edit(|record| {
            record.priority = change.priority.unwrap_or(record.priority);
            record.limit = change.limit.map_or(record.limit, |rate| rate.0);
            if let Some(place) = change.place {
                record.order = queue::beyond(orders.into_iter(), place == QueuePlace::First);
            }
        });
        transfer.limiter.set(transfer.record().limit);
        self.inner.save(&transfer);
        self.inner.changed(&transfer);
        self.inner.arrange();
        Ok(())
    }

    /// Changes how many run, and what is left free.
    pub fn set_bounds(&self, bounds: Bounds) {
        self.inner.running.store(bounds.running, Ordering::Relaxed);
        self.inner.floor.store(bounds.floor, Ordering::Relaxed);
        self.inner.arrange();
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

    fn find(&self, id: TransferId) -> Result<Arc<Transfer>, Failure> {
        self.inner.list().get(&id).cloned().ok_or_else(|| {
            Failure::new(FailureKind::Error, format!("there is no transfer {id}"))
                .hint("see which there are: p2pfs-tui transfers")
        })
    }

    fn find_unfinished(&self, id: TransferId) -> Result<Arc<Transfer>, Failure> {
        let transfer = self.find(id)?;
        if transfer.state().is_over() { Err(is_over(id)) } else { Ok(transfer) }
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

fn is_over(id: TransferId) -> Failure {
    Failure::new(FailureKind::Error, format!("transfer {id} is over already"))
}

/// Forgets the oldest that is over where there are too many. `false` if there is none.
fn make_room(list: &mut BTreeMap<TransferId, Arc<Transfer>>) -> bool {
    if list.len() < MAX_LISTED {
        return true;
    }
    let over = list.values().find(|transfer| transfer.state().is_over()).map(|t| t.id);
    over.and_then(|id| list.remove(&id)).is_some()
}
