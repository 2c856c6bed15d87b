//! The transfers of a node: what is being fetched, what was, and what became of it.
//!
//! Owns the list and each transfer's course (`run`): find sources, find out what the content
//! is, fetch it, check it, give it its name. A transfer ends in exactly one of three ways: done,
//! failed with a reason and the next step, or cancelled.

mod destination;
mod run;
mod sources;
mod variants;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{
    catalog::Catalog,
    message::{
        Event, Failure, FailureKind, Page, TransferId, TransferRow, TransferState, TransferTotals,
        Window,
    },
    search::QueryService,
};
use crate::{
    domain::{Link, Untrusted},
    network::{
        content::{
            fetch::Progress,
            meter::{Meter, Rate},
            providers::Providers,
        },
        dht::Dht,
        host::Host,
    },
};

/// Transfers that are listed; beyond that the oldest that is over is forgotten.
const MAX_LISTED: usize = 1_000;
/// Transfers that may be under way at the same time.
const MAX_ACTIVE: usize = 64;

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
    /// Where files go that are not told where to go.
    pub download_dir: PathBuf,
    /// Counts what arrives.
    pub meter: Arc<Meter>,
    /// Where progress is told.
    pub events: broadcast::Sender<Event>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    last_id: AtomicU64,
    generation: watch::Sender<u64>,
    list: Mutex<BTreeMap<TransferId, Arc<Transfer>>>,
}

/// One transfer.
#[derive(Debug)]
struct Transfer {
    id: TransferId,
    link: Link,
    destination: Option<PathBuf>,
    cancel: CancellationToken,
    progress: watch::Sender<Progress>,
    state: Mutex<Shown>,
}

/// What is shown of a transfer besides its progress.
#[derive(Debug)]
struct Shown {
    state: TransferState,
    name: String,
    path: PathBuf,
    rate: Rate,
    rate_now: u64,
}

impl Transfers {
    /// No transfers yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (generation, _) = watch::channel(0);
        let (last_id, list) = (AtomicU64::new(0), Mutex::default());
        Self { inner: Arc::new(Inner { parts, last_id, generation, list }) }
    }

    /// Begins to fetch what a link names, or names the transfer that already does.
    ///
    /// # Errors
    /// When too much is under way.
    pub fn get(&self, link: Link, destination: Option<PathBuf>) -> Result<TransferId, Failure> {
        let mut list = self.inner.list();
        let active = || list.values().filter(|transfer| !transfer.shown().state.is_over());
        let same = |t: &&Arc<Transfer>| t.link.same_content(&link) && t.destination == destination;
        if let Some(running) = active().find(same) {
            return Ok(running.id);
        }
        if active().count() >= MAX_ACTIVE {
            let message = format!("{MAX_ACTIVE} transfers are under way already");
            return Err(Failure::new(FailureKind::Error, message)
                .hint("wait for one to end, or cancel one"));
        }
        let id = self.inner.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let name = link.name.clone().or_else(|| link.short()).unwrap_or_else(|| link.to_string());
        let path = destination.clone().unwrap_or_else(|| self.inner.parts.download_dir.clone());
        let transfer = Arc::new(Transfer {
            id,
            link,
            destination,
            cancel: CancellationToken::new(),
            progress: watch::channel(Progress::default()).0,
            state: Mutex::new(Shown {
                state: TransferState::FindingSources,
                name,
                path,
                rate: Rate::default(),
                rate_now: 0,
            }),
        });
        list.insert(id, transfer.clone());
        forget_oldest(&mut list);
        drop(list);
        self.inner.changed(&transfer);
        tokio::spawn(run::run(self.inner.clone(), transfer));
        Ok(id)
    }

    /// Stops a transfer; what it has written is deleted.
    ///
    /// # Errors
    /// When there is no such transfer, or it is over.
    pub fn cancel(&self, id: TransferId) -> Result<(), Failure> {
        let transfer = self.inner.list().get(&id).cloned();
        let unknown = || {
            Failure::new(FailureKind::Error, format!("there is no transfer {id}"))
                .hint("see which there are: p2pfs-tui transfers")
        };
        let transfer = transfer.ok_or_else(unknown)?;
        if transfer.shown().state.is_over() {
            let message = format!("transfer {id} is over already");
            return Err(Failure::new(FailureKind::Error, message));
        }
        transfer.cancel.cancel();
        Ok(())
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

    /// How many there are in each state.
    #[must_use]
    pub fn totals(&self) -> TransferTotals {
        let mut totals = TransferTotals::default();
        for transfer in self.inner.list().values() {
            match transfer.shown().state {
                TransferState::Done => totals.done += 1,
                TransferState::Failed(_) => totals.failed += 1,
                TransferState::Cancelled => {}
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

    /// Takes the rates of what is under way and tells what moved; to be called about once a
    /// second.
    pub fn tick(&self, now: Instant) {
        let transfers: Vec<_> = self.inner.list().values().cloned().collect();
        for transfer in transfers {
            let done = transfer.progress.borrow().done;
            let mut shown = transfer.shown();
            let over = shown.state.is_over();
            let rate = if over { 0 } else { shown.rate.sample(now, done) };
            let moved = rate > 0 || shown.rate_now != rate;
            shown.rate_now = rate;
            drop(shown);
            if moved {
                self.inner.changed(&transfer);
            }
        }
    }

    /// Ends everything that is under way.
    pub fn stop(&self) {
        for transfer in self.inner.list().values() {
            transfer.cancel.cancel();
        }
    }
}

impl Inner {
    fn list(&self) -> MutexGuard<'_, BTreeMap<TransferId, Arc<Transfer>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who watches.
    fn changed(&self, transfer: &Transfer) {
        self.generation.send_modify(|generation| *generation += 1);
        let _ = self.parts.events.send(Event::Transfer(transfer.row()));
    }

    fn set_state(&self, transfer: &Transfer, state: TransferState) {
        transfer.shown().state = state;
        self.changed(transfer);
    }
}

impl Transfer {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self) -> TransferRow {
        let shown = self.shown();
        let progress = self.progress.borrow();
        TransferRow {
            transfer: self.id,
            name: Untrusted::new(shown.name.clone()),
            sha1: self.link.sha1,
            size: progress.size.or(self.link.size),
            done: progress.done,
            rate: shown.rate_now,
            sources: progress.sources,
            banned: u32::try_from(progress.banned.len()).unwrap_or(u32::MAX),
            from: progress.from.filter(|_| !shown.state.is_over()),
            state: shown.state.clone(),
            path: shown.path.clone(),
            link: self.link.clone(),
        }
    }
}

fn forget_oldest(list: &mut BTreeMap<TransferId, Arc<Transfer>>) {
    if list.len() > MAX_LISTED {
        let over = list.values().find(|transfer| transfer.shown().state.is_over()).map(|t| t.id);
        over.and_then(|id| list.remove(&id));
    }
}
