//! The course of one transfer.

use std::{path::PathBuf, sync::Arc};

use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    Inner, Transfer, destination, sources,
    variants::{self, Variant},
};
use crate::{
    application::message::{Event, Failure, FailureKind, Notice, NoticeLevel, TransferState},
    domain::{Root, Sha1Hash, Source, Untrusted},
    network::content::{
        fetch::{Fetch, FetchError, Progress},
        part::PartFile,
    },
};

/// Sources that may wait for the fetch.
const QUEUE: usize = 64;

/// What is to be fetched, once it is known what that is.
struct Target {
    root: Root,
    size: Option<u64>,
    /// What the SHA-1 must turn out to be.
    sha1: Option<Sha1Hash>,
    name: Option<String>,
    /// Who has it, as far as known.
    sources: Vec<Source>,
}

/// Runs a transfer to its end, which is always told.
pub(super) async fn run(inner: Arc<Inner>, transfer: Arc<Transfer>) {
    let fetched = tokio::select! {
        () = transfer.cancel.cancelled() => None,
        result = course(&inner, &transfer) => Some(result),
    };
    let result = match fetched {
        Some(Ok((part, path))) => Some(finish(&inner, &transfer, part, path).await),
        Some(Err(failure)) => Some(Err(failure)),
        None => None,
    };
    let end = match result {
        Some(Ok(())) => TransferState::Done,
        Some(Err(failure)) => TransferState::Failed(failure),
        None => TransferState::Cancelled,
    };
    let row = transfer.row();
    let notice = match &end {
        TransferState::Done => Some(Notice {
            level: NoticeLevel::Info,
            text: Untrusted::new(format!("{} is here and verified", row.name.raw())),
            hint: Some(format!("it is in {}", row.path.display())),
        }),
        TransferState::Failed(failure) => Some(Notice {
            level: NoticeLevel::Error,
            text: Untrusted::new(format!("{}: {}", row.name.raw(), failure.message)),
            hint: failure.hint.clone(),
        }),
        _ => None,
    };
    inner.set_state(&transfer, end);
    if let Some(notice) = notice {
        let _ = inner.parts.events.send(Event::Notice(notice));
    }
}

/// Fetches the content; what comes of it is complete and right, and lacks only its name.
async fn course(
    inner: &Arc<Inner>,
    transfer: &Arc<Transfer>,
) -> Result<(PartFile, PathBuf), Failure> {
    let mut found = sources::find(inner.clone(), transfer.clone());
    let link = &transfer.link;
    let mut targets = Vec::new();
    if let (Some(root), Some(name)) = (link.root, &link.name) {
        targets.push(Target {
            root,
            size: link.size,
            sha1: link.sha1,
            name: Some(name.clone()),
            sources: Vec::new(),
        });
    } else {
        inner.set_state(transfer, TransferState::Describing);
        let (variants, seen) = variants::describe(inner, transfer, &mut found).await;
        if variants.is_empty() {
            return Err(nobody(inner, seen.len()));
        }
        targets.extend(variants.into_iter().map(|variant| target(variant, transfer, &seen)));
    }
    let mut last = None;
    for target in targets {
        // Only the first can hope for sources that are still being looked for.
        let more = std::mem::replace(&mut found, mpsc::channel(1).1);
        // Whoever made up this one may send it wrong, not at all, or larger than the disk.
        match fetch(inner, transfer, target, more).await {
            Ok(fetched) => return Ok(fetched),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| nobody(inner, 0)))
}

fn target(variant: Variant, transfer: &Transfer, seen: &[Source]) -> Target {
    let Variant { manifest, sources } = variant;
    let by_root = transfer.link.root.is_some();
    Target {
        root: manifest.content.root,
        // A size in the link is as good as a manifest's: both are proven before they count.
        size: transfer.link.size.or((!by_root).then_some(manifest.content.size)),
        sha1: transfer.link.sha1.or(Some(manifest.content.sha1)),
        name: transfer.link.name.clone().or(Some(manifest.name)),
        sources: if by_root { seen.to_vec() } else { sources },
    }
}

async fn fetch(
    inner: &Arc<Inner>,
    transfer: &Transfer,
    target: Target,
    more: mpsc::Receiver<Source>,
) -> Result<(PartFile, PathBuf), Failure> {
    let parts = &inner.parts;
    let name = target.name.unwrap_or_else(|| target.root.to_string());
    let path = place(inner, transfer, name).await?;
    let part = {
        let path = path.clone();
        spawn_blocking(move || PartFile::create(&path).map_err(|e| destination::explain(&path, &e)))
            .await
            .map_err(|_| broken())??
    };
    inner.set_state(transfer, TransferState::Fetching);
    transfer.progress.send_replace(Progress::default());
    let fetch = Fetch {
        providers: parts.providers.clone(),
        root: target.root,
        size: target.size,
        meter: parts.meter.clone(),
        progress: transfer.progress.clone(),
    };
    let sources = feed(target.sources, more);
    let part = fetch.run(part, sources).await.map_err(|error| explain(inner, &path, error))?;
    match target.sha1.filter(|expected| *expected != part.sha1()) {
        Some(expected) => Err(wrong_sha1(expected, part.sha1())),
        None => Ok((part, path)),
    }
}

/// Gives a file that is complete and right its name. Not to be cancelled: it is there or it is not.
async fn finish(
    inner: &Inner,
    transfer: &Transfer,
    part: PartFile,
    path: PathBuf,
) -> Result<(), Failure> {
    inner.set_state(transfer, TransferState::Finishing);
    let wanted = path.clone();
    let job = spawn_blocking(move || part.finish(&wanted));
    let done = job.await.map_err(|_| broken())?;
    transfer.shown().path = done.map_err(|error| destination::explain(&path, &error))?;
    Ok(())
}

/// Decides where the file goes and shows it.
async fn place(inner: &Inner, transfer: &Transfer, name: String) -> Result<PathBuf, Failure> {
    let (wanted, downloads) = (transfer.destination.clone(), inner.parts.download_dir.clone());
    let called = name.clone();
    let path = spawn_blocking(move || destination::choose(wanted.as_deref(), &downloads, &called))
        .await
        .map_err(|_| broken())??;
    let mut shown = transfer.shown();
    shown.name = name;
    shown.path = path.clone();
    Ok(path)
}

/// Sources that are known first, then those that are still found.
fn feed(known: Vec<Source>, mut more: mpsc::Receiver<Source>) -> mpsc::Receiver<Source> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        for source in known {
            if sender.send(source).await.is_err() {
                return;
            }
        }
        loop {
            let source = tokio::select! {
                source = more.recv() => source,
                () = sender.closed() => None,
            };
            let Some(source) = source else { return };
            if sender.send(source).await.is_err() {
                return;
            }
        }
    });
    receiver
}

fn explain(inner: &Inner, path: &std::path::Path, error: FetchError) -> Failure {
    match error {
        FetchError::NoSources => nobody(inner, 0),
        FetchError::SourcesFailed(reason) => {
            Failure::new(FailureKind::NotFound, format!("no source is left: {reason}"))
                .hint("its owners may be away: try again later")
        }
        FetchError::SourcesLied(evidence) => Failure::new(
            FailureKind::Verification,
            format!("every source sent something else: {evidence}"),
        )
        .hint("nothing was saved; search again for another source"),
        FetchError::OtherSize(size) => Failure::new(
            FailureKind::Verification,
            format!("those who have it say it has {size} bytes, and the link says otherwise"),
        )
        .hint("the link is wrong: get it again from who gave it to you, or search by name"),
        FetchError::Disk(error) => destination::explain(path, &error),
    }
}

fn nobody(inner: &Inner, failed: usize) -> Failure {
    if inner.parts.host.state().borrow().peers == 0 {
        return Failure::new(FailureKind::NoPeers, "no peer is connected")
            .hint("give one to start from: --bootstrap /ip4/…/tcp/…/p2p/…, or join an invitation");
    }
    let message = match failed {
        0 => "nobody announces this content".to_owned(),
        1 => "the one peer that announced this content is away or has it no more".to_owned(),
        n => format!("all {n} peers that announced this content are away or have it no more"),
    };
    Failure::new(FailureKind::NotFound, message)
        .hint("its owners may be away: try again later, or search for it by name")
}

fn wrong_sha1(expected: Sha1Hash, got: Sha1Hash) -> Failure {
    let message = format!(
        "the file matches its BLAKE3 root but its SHA-1 is {got} where {expected} was promised"
    );
    Failure::new(FailureKind::Verification, message)
        .hint("nothing was saved; whoever made this link or announcement is wrong")
}

fn broken() -> Failure {
    Failure::new(FailureKind::Error, "the work on this file was interrupted")
}
