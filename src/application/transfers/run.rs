//! The life of one transfer's task: it runs its course, ends as somebody wishes, and leaves things
//! in order whichever way it ends.

use std::sync::{Arc, atomic::Ordering};

use tokio::task::spawn_blocking;

use super::{
    Inner, course, destination, explain, place,
    record::{self, PathBytes},
    transfer::{Transfer, Wish},
};
use crate::{
    application::{
        message::{Event, Failure, FailureKind, Notice, NoticeLevel, TransferState},
        peers::unix_now,
        seeding::Completed,
    },
    domain::Untrusted,
};

/// After how many seconds a transfer without sources tries again at first; then twice that.
const RETRY: u64 = 15;
/// But at least so often, in seconds.
const RETRY_AT_LEAST: u64 = 600;
/// After how many seconds a transfer without room on the disk looks again.
const RETRY_ROOM: u64 = 10;

/// Has a transfer run.
pub(super) fn start(inner: &Arc<Inner>, transfer: &Arc<Transfer>) {
    // Looked at under the lock of `active`: whoever calls may know an older state.
    let begins = |active: &mut bool| {
        let begins = !*active && transfer.may_begin();
        *active |= begins;
        begins
    };
    if transfer.active.send_if_modified(begins) {
        transfer.wish.send_replace(Wish::Run);
        // Whoever has it is found anew, and would count twice.
        transfer.progress.send_modify(|progress| progress.sources = 0);
        tokio::spawn(run(inner.clone(), transfer.clone()));
    }
}

async fn run(inner: Arc<Inner>, transfer: Arc<Transfer>) {
    let mut wish = transfer.wish.subscribe();
    let fetched = tokio::select! {
        fetched = course::run(&inner, &transfer) => Some(fetched),
        _ = wish.wait_for(|wish| *wish != Wish::Run) => None,
    };
    let ended = match fetched {
        Some(Ok(())) => Some(finish(&inner, &transfer).await),
        Some(Err(failure)) => Some(Err(failure)),
        None => None,
    };
    let store = transfer.store().take();
    if let Some(store) = store
        && let Err(error) = store.close().await
    {
        tracing::debug!(%error, "a transfer did not end in good order");
    }
    transfer.progress.send_modify(|progress| progress.peers.clear());
    transfer.ending.store(true, Ordering::Release);
    transfer.active.send_replace(false);
    let wish = *transfer.wish.borrow();
    match ended {
        // What got its name before it was cancelled is there; unless it was for a reader only.
        Some(Ok(())) if wish != Wish::Cancel || !transfer.record().temporary => {
            done(&inner, &transfer);
        }
        Some(Err(failure)) if wish == Wish::Run => failed(&inner, &transfer, failure),
        _ => settle(&inner, &transfer, wish),
    }
    transfer.ending.store(false, Ordering::Release);
    inner.arrange();
}

/// Does what is wished of a transfer that has no task.
pub(super) fn settle(inner: &Inner, transfer: &Transfer, wish: Wish) {
    let given = transfer.uploaded.swap(0, Ordering::Relaxed);
    transfer.edit(|record| record.uploaded += given);
    let state = match wish {
        Wish::Run | Wish::Queue => TransferState::Queued,
        Wish::Pause => TransferState::Paused,
        Wish::Leave => {
            // What is over and left nothing is not written down again: it would begin anew.
            if !transfer.state().is_over() || transfer.record().failed.is_some() {
                inner.save(transfer);
            }
            return;
        }
        Wish::Cancel => {
            forget(inner, transfer);
            if transfer.record().temporary {
                inner.list().remove(&transfer.id);
            }
            TransferState::Cancelled
        }
    };
    if wish != Wish::Cancel {
        inner.save(transfer);
    }
    inner.set_state(transfer, state);
}

/// Gives what is complete and right its name. Not to be interrupted: it is there or it is not.
async fn finish(inner: &Arc<Inner>, transfer: &Arc<Transfer>) -> Result<(), Failure> {
    let record = transfer.record();
    let (Some(PathBytes(part)), Some(PathBytes(path))) = (record.part, record.path) else {
        return Ok(());
    };
    // Readers and peers let go of it; what they have open they can still read.
    transfer.store().take();
    let (disk, folder) =
        (inner.parts.disk.clone(), record::folder(&inner.parts.data_dir, transfer.id));
    let (noting, wanted) = (transfer.clone(), path.clone());
    let published = spawn_blocking(move || {
        place::publish(&*disk, &part, &wanted, &mut |name| {
            noting.edit(|record| record.finishing = Some(PathBytes(name.to_owned())));
            noting.record().write(&folder)
        })
    });
    let published = published.await.map_err(|_| explain::broken())?;
    let path = published.map_err(|error| destination::explain(&path, &error))?;
    transfer.edit(|record| (record.path, record.part) = (Some(PathBytes(path)), None));
    Ok(())
}

fn done(inner: &Inner, transfer: &Transfer) {
    if !transfer.record().temporary {
        remove_folder(inner, transfer);
    }
    inner.set_state(transfer, TransferState::Done);
    let row = transfer.row();
    // Its reader has it, and nobody else is to look for it.
    if transfer.record().temporary {
        return;
    }
    let (path, size, given) = (row.path.clone(), row.done, row.uploaded);
    let _ = inner.parts.completed.send(Completed { path, size, given });
    tell(
        inner,
        Notice {
            level: NoticeLevel::Info,
            text: Untrusted::new(format!("{} is here and verified", row.name.raw())),
            hint: Some(format!("it is in {}", row.path.display())),
        },
    );
}

/// A transfer that cannot go on waits where time may help, and else ends.
fn failed(inner: &Inner, transfer: &Transfer, failure: Failure) {
    let begun = transfer.progress.borrow().done > 0;
    let attempts = {
        let mut shown = transfer.shown();
        shown.attempts += 1;
        shown.attempts
    };
    let wait = match failure.kind {
        FailureKind::DiskFull if transfer.record().target.is_some() => Some(RETRY_ROOM),
        FailureKind::NotFound | FailureKind::NoPeers | FailureKind::TimedOut if begun => {
            Some((RETRY << attempts.min(8).saturating_sub(1)).min(RETRY_AT_LEAST))
        }
        _ => None,
    };
    let level = if wait.is_some() { NoticeLevel::Warning } else { NoticeLevel::Error };
    let notice = Notice {
        level,
        text: Untrusted::new(format!("{}: {}", transfer.row().name.raw(), failure.message)),
        hint: failure.hint.clone(),
    };
    let state = match wait {
        Some(seconds) => TransferState::Waiting { why: failure, retry_at: unix_now() + seconds },
        None => {
            // What cannot be right, or never began, leaves nothing behind.
            if failure.kind == FailureKind::Verification || !begun {
                forget(inner, transfer);
            } else {
                transfer.edit(|record| record.failed = Some(failure.message.clone()));
            }
            TransferState::Failed(failure)
        }
    };
    if transfer.record().part.is_some() || wait.is_some() {
        inner.save(transfer);
    }
    inner.set_state(transfer, state);
    // Whoever waits and waits has been told the first time.
    if wait.is_none() || attempts == 1 {
        tell(inner, notice);
    }
}

/// Deletes what is unfinished, and what was known of it.
fn forget(inner: &Inner, transfer: &Transfer) {
    discard(inner, transfer);
    remove_folder(inner, transfer);
}

/// Deletes what was fetched, to begin anew.
pub(super) fn discard(inner: &Inner, transfer: &Transfer) {
    if let Some(PathBytes(part)) = transfer.record().part {
        place::discard(&part);
    }
    transfer.edit(|record| (record.part, record.target, record.finishing) = (None, None, None));
    transfer.progress.send_modify(|progress| (progress.done, progress.size) = (0, None));
    remove_folder(inner, transfer);
}

fn remove_folder(inner: &Inner, transfer: &Transfer) {
    if let Err(error) = record::forget(&inner.parts.data_dir, transfer.id) {
        let id = transfer.id;
        tracing::warn!(id, %error, "what was known of a transfer cannot be deleted");
    }
}

fn tell(inner: &Inner, notice: Notice) {
    let _ = inner.parts.events.send(Event::Notice(notice));
}
