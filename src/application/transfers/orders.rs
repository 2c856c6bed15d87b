//! What a client can have done to transfers: begin, pause, go on, cancel, change how they run.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use super::{
    Bounds, Reader, Transfers, destination, queue,
    record::{self, Record},
    transfer::{Transfer, Wish},
};
use crate::{
    application::{
        message::{Failure, FailureKind, QueuePlace, TransferId, TransferState, Tuning},
        peers::unix_now,
    },
    domain::Link,
};

/// Transfers that are listed; beyond that the oldest that is over is forgotten, and where none is
/// over nothing more is taken on.
const MAX_LISTED: usize = 1_000;

impl Transfers {
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

    /// Begins to fetch for a reader, or names the transfer that already does; tells whether it has
    /// begun. A temporary one is its reader's alone, who deletes it when he has read it.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn stream(&self, link: Link, temporary: bool) -> Result<(TransferId, bool), Failure> {
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
            return Ok((known.id, false));
        }
        let mut record = Record::new(link, None, Vec::new(), unix_now());
        record.temporary = temporary;
        Ok((self.add(record, true)?, true))
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

    /// A transfer by its number.
    pub(super) fn find(&self, id: TransferId) -> Result<Arc<Transfer>, Failure> {
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
