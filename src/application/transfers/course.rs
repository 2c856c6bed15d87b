//! The course of a transfer up to the moment when everything is here and right, and lacks only its
//! name. It can be broken off at any point.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, task::spawn_blocking, time::interval};

use super::{
    Inner,
    contents::{self, Contents},
    destination, explain,
    offers::{Offer, Offered, Part},
    place,
    record::{self, PathBytes},
    run,
    sources::{self, Found},
    target::{self, Target},
    transfer::Transfer,
};
use crate::{
    application::message::{Failure, FailureKind, TransferState},
    domain::{Manifest, units},
    network::content::{
        fetch::{Fetch, Progress},
        store::{Recovered, Store},
    },
};

/// Bytes that may be wasted on contents that have the SHA-1 that is asked for only by somebody's
/// word: further ones are not tried beyond that.
const MAX_WASTE: u64 = 1 << 30;
/// How often it is looked whether the disk has room.
const LOOK_AT_DISK: Duration = Duration::from_secs(2);

/// Fetches what a transfer is for into its store, and verifies it.
pub(super) async fn run(inner: &Arc<Inner>, transfer: &Arc<Transfer>) -> Result<(), Failure> {
    if got_its_name(transfer) {
        return Ok(());
    }
    let hungry = Arc::new(Notify::new());
    inner.set_state(transfer, TransferState::FindingSources);
    let found = sources::find(inner.clone(), transfer.clone(), hungry.clone());
    if let Some(manifest) = transfer.record().target {
        let target = Target { manifest, proven: true };
        return fetch(inner, transfer, target, (&found, hungry)).await;
    }
    let (mut last, mut wasted) = (None, 0_u64);
    for target in target::resolve(inner, transfer, (&found, &hungry)).await? {
        let size = target.manifest.content.size;
        if last.is_some() {
            // Whoever made up the one before may have sent it wrong, not at all, or larger than the
            // disk.
            let store = transfer.store().take();
            if let Some(store) = store {
                // Or what still waits to be written would bring back what is deleted here.
                let _ = store.close().await;
            }
            run::discard(inner, transfer);
            if wasted.saturating_add(size) > MAX_WASTE {
                break;
            }
        }
        match fetch(inner, transfer, target, (&found, hungry.clone())).await {
            Ok(()) => return Ok(()),
            Err(failure) => last = Some(failure),
        }
        wasted = wasted.saturating_add(size);
    }
    Err(last.unwrap_or_else(|| explain::nobody(inner, 0)))
}

/// Whether a crash came between the moment when it got its name and the one when that was noted.
fn got_its_name(transfer: &Transfer) -> bool {
    let record = transfer.record();
    let (Some(PathBytes(part)), Some(PathBytes(path))) = (record.part, record.finishing) else {
        return false;
    };
    let whole = path.metadata().is_ok_and(|metadata| {
        let size = record.target.map(|target| target.content.size);
        metadata.is_dir() || Some(metadata.len()) == size
    });
    let there = !part.exists() && whole;
    if there {
        transfer.edit(|record| (record.path, record.part) = (Some(PathBytes(path)), None));
    }
    there
}

async fn fetch(
    inner: &Arc<Inner>,
    transfer: &Arc<Transfer>,
    target: Target,
    (found, hungry): (&Found, Arc<Notify>),
) -> Result<(), Failure> {
    if !target.proven {
        target::prove(inner, transfer, &target, (found, &hungry)).await?;
    }
    let path = settle_place(inner, transfer, &target.manifest).await?;
    let contents = contents::find(inner, transfer, &target.manifest, (found, &hungry)).await?;
    room(inner, &path)?;
    let (store, recovered) = open(inner, transfer, &contents).await?;
    *transfer.store() = Some(store.clone());
    inner.set_state(transfer, TransferState::Fetching);

    let offered = offer(inner, transfer, &store, (&target.manifest, &contents));
    let announced = super::offers::announce(inner, &store, target.manifest.content);
    let fetch = Fetch {
        providers: inner.parts.providers.clone(),
        followed: contents.followed,
        store: store.clone(),
        here: recovered.here,
        unwanted: contents.unwanted_spans(),
        reader: transfer.reader.subscribe(),
        limits: vec![inner.parts.limiter.clone(), transfer.limiter.clone()],
        meter: inner.parts.meter.clone(),
        progress: transfer.progress.clone(),
        hungry,
    };
    tokio::select! {
        fetched = fetch.run(found.subscribe()) => {
            let begun = transfer.progress.borrow().done > 0;
            fetched.map_err(|error| explain::fetch(inner, &path, error, begun))?;
        }
        failure = no_room(inner, &path) => return Err(failure),
        () = announced => {}
    }
    drop(offered);
    inner.set_state(transfer, TransferState::Finishing);
    let digests = store.complete().await.map_err(|f| destination::explain(&path, &f.0))?;
    let expected = transfer.record().link.sha1.filter(|_| contents.list.is_none());
    match (expected, digests.first()) {
        (Some(expected), Some(got)) if expected != *got => {
            Err(explain::wrong_sha1("the file", expected, *got))
        }
        _ => Ok(()),
    }
}

/// Decides where it goes, takes a name for it meanwhile, and writes both down.
async fn settle_place(
    inner: &Inner,
    transfer: &Transfer,
    manifest: &Manifest,
) -> Result<PathBuf, Failure> {
    let record = transfer.record();
    transfer.shown().name.clone_from(&manifest.name);
    if let (Some(PathBytes(path)), Some(PathBytes(part))) =
        (record.path.clone(), record.part.clone())
        && part.exists()
    {
        return Ok(path);
    }
    let home = record::folder(&inner.parts.data_dir, transfer.id);
    let wanted = if record.temporary {
        Some(home.clone())
    } else {
        record.destination().map(Path::to_owned)
    };
    let (downloads, name) = (inner.parts.download_dir.clone(), manifest.name.clone());
    let collection = contents::is_collection(manifest);
    let chosen = spawn_blocking(move || {
        let path = destination::choose(wanted.as_deref(), &downloads, &name)?;
        let part = place::claim(&path, collection);
        let part = part.map_err(|error| destination::explain(&path, &error))?;
        Ok::<_, Failure>((path, part))
    });
    let (path, part) = chosen.await.map_err(|_| explain::broken())??;
    transfer.edit(|record| {
        record.target = Some(manifest.clone());
        record.path = Some(PathBytes(path.clone()));
        record.part = Some(PathBytes(part));
    });
    let written = transfer.record().write(&home);
    written.map_err(|error| destination::explain(&home, &error))?;
    Ok(path)
}

async fn open(
    inner: &Arc<Inner>,
    transfer: &Arc<Transfer>,
    contents: &Contents,
) -> Result<(Arc<Store>, Recovered), Failure> {
    let home = record::folder(&inner.parts.data_dir, transfer.id);
    let part = transfer.record().part.ok_or_else(explain::broken)?.0;
    let plan = contents.plan(&part, &home);
    let (disk, inner, transfer) = (inner.parts.disk.clone(), inner.clone(), transfer.clone());
    let opened = spawn_blocking(move || {
        let mut told = 0;
        Store::open(disk, plan, &mut |verified| {
            // Coarse, so that checking a large file is no flood of news.
            if verified - told >= 64 << 20 || told == 0 {
                told = verified;
                inner.set_state(&transfer, TransferState::Checking { verified });
            }
        })
        .map_err(|error| destination::explain(&part, &error))
    });
    let (store, recovered) = opened.await.map_err(|_| explain::broken())??;
    Ok((Arc::new(store), recovered))
}

/// Has others served from what is here.
fn offer(
    inner: &Inner,
    transfer: &Arc<Transfer>,
    store: &Arc<Store>,
    (manifest, contents): (&Manifest, &Contents),
) -> Option<Offered> {
    inner.parts.announcer.as_ref()?;
    let last = transfer.last_block().clone();
    let part = |file: usize, manifest: Option<Manifest>| {
        let (transfer, store) = (transfer.clone(), store.clone());
        let last = manifest.as_ref().and_then(|_| last.clone());
        Offer::File(Part { transfer, store, file, manifest, last })
    };
    let Some(list) = &contents.list else {
        let root = manifest.content.root;
        let offer = [(root, part(0, Some(manifest.clone())))];
        return Some(inner.parts.offers.add(transfer.id, offer));
    };
    let files = contents.layout.files().iter().enumerate();
    let files = files.map(|(file, placed)| (placed.root, part(file, None)));
    let itself = [
        (manifest.content.root, Offer::List(manifest.clone(), list.clone())),
        (contents.followed, Offer::Files(store.held().clone())),
    ];
    Some(inner.parts.offers.add(transfer.id, files.chain(itself)))
}

/// Sees that a disk has more room than is to be left free.
fn room(inner: &Inner, path: &Path) -> Result<(), Failure> {
    let floor = inner.floor.load(std::sync::atomic::Ordering::Relaxed);
    let folder = path.parent().unwrap_or(Path::new("/"));
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= floor {
        return Ok(());
    }
    let message = format!(
        "only {} are left free at {}, and {} are to stay free",
        units::bytes(free),
        folder.display(),
        units::bytes(floor)
    );
    Err(Failure::new(FailureKind::DiskFull, message).hint(
        "make room, and it goes on by itself; or lower the floor: p2pfs-tui limits --floor SIZE",
    ))
}

/// Ends when a disk has no more room than is to be left free.
async fn no_room(inner: &Inner, path: &Path) -> Failure {
    let mut looks = interval(LOOK_AT_DISK);
    loop {
        looks.tick().await;
        if let Err(failure) = room(inner, path) {
            return failure;
        }
    }
}

/// How far a list is fetched is not shown: only what it lists counts.
pub(super) fn unseen() -> tokio::sync::watch::Sender<Progress> {
    tokio::sync::watch::Sender::new(Progress::default())
}
