//! One client's conversation with the node: its commands carried out, its replies and, if it
//! watches, events and snapshots sent.
//!
//! Commands run beside each other, so a slow one holds up no other. A client that reads slowly
//! loses events and intermediate snapshots, never replies, and holds up nobody but itself.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use super::{
    announcing,
    client::ClientEnd,
    message::{Command, Event, Failure, FailureKind, Output, Reply, Request, Snapshot, Window},
    node::Node,
    peers,
};
use crate::domain::{Link, Manifest};

/// Commands of one client that run at the same time.
const PARALLEL: usize = 32;

/// Serves a client until it or the node is gone.
pub(super) async fn serve(node: Arc<Node>, end: ClientEnd) {
    let ClientEnd { mut requests, outputs } = end;
    let permits = Arc::new(Semaphore::new(PARALLEL));
    let mut watching = false;
    loop {
        let request = tokio::select! {
            () = node.stopped.cancelled() => return,
            request = requests.recv() => request,
        };
        let Some(Request { id, command }) = request else { return };
        if command == Command::Watch && !std::mem::replace(&mut watching, true) {
            tokio::spawn(push(node.clone(), outputs.clone()));
        }
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let (node, outputs) = (node.clone(), outputs.clone());
        tokio::spawn(async move {
            let result = carry_out(&node, command).await;
            // The client is gone: what it asked for is done all the same.
            let _ = outputs.send(Output::Reply { id, result }).await;
            drop(permit);
        });
    }
}

/// Sends what happens to a client that watches, beginning with what a latecomer should know.
async fn push(node: Arc<Node>, outputs: mpsc::Sender<Output>) {
    let mut events = node.events.subscribe();
    let mut snapshots = node.snapshot.clone();
    // The reply to the command tells how things are; only what changes after it is pushed.
    snapshots.mark_unchanged();
    for notice in node.notices.recent() {
        if outputs.send(Output::Event(Event::Notice(notice))).await.is_err() {
            return;
        }
    }
    loop {
        let output = tokio::select! {
            () = node.stopped.cancelled() => return,
            () = outputs.closed() => return,
            event = events.recv() => match event {
                Ok(event) => Output::Event(event),
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            },
            changed = snapshots.changed() => match changed {
                Ok(()) => Output::Snapshot(latest(&mut snapshots)),
                Err(_) => return,
            },
        };
        if outputs.send(output).await.is_err() {
            return;
        }
    }
}

fn latest(snapshots: &mut watch::Receiver<Arc<Snapshot>>) -> Box<Snapshot> {
    Box::new((**snapshots.borrow_and_update()).clone())
}

async fn carry_out(node: &Node, command: Command) -> Result<Reply, Failure> {
    match command {
        Command::Snapshot | Command::Watch => Ok(Reply::Snapshot(Box::new(node.glance.read()))),
        Command::Peers(window) => {
            let generation = node.host.state().borrow().generation;
            let rows = peers::connected(&node.host).await;
            Ok(Reply::Peers(window.page(rows.into_iter(), generation)))
        }
        Command::Routing => Ok(Reply::Routing(peers::routing(&node.host).await)),
        Command::Roots => Ok(Reply::Roots(node.indexing.roots())),
        Command::Shares(window) => Ok(Reply::Shares(node.indexing.rows(bounded(window)))),
        Command::Share { path, remember } => {
            node.indexing.share(path, remember).await.map(Reply::Shared)
        }
        Command::Unshare { path } => {
            let folder = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            let files = node.indexing.unshare(path).await?;
            for manifest in node.collections.forget_beneath(&folder) {
                node.announcer.remove(&manifest).await;
            }
            let records_until = peers::unix_now() + announcing::RECORD_TTL.as_secs();
            Ok(Reply::Unshared { files, records_until })
        }
        Command::Link { path, with_peers } => link(node, path, with_peers).await,
        Command::Search { query, timeout_ms, limit } => {
            let timeout = Duration::from_millis(timeout_ms);
            node.queries.start(&query, timeout, limit).map(|search| Reply::Search { search })
        }
        Command::Results { search, since, window } => {
            node.queries.results(search, since, window).map(Reply::Results)
        }
        Command::CloseSearch { search } => node.queries.close(search).map(|()| Reply::Done),
        Command::Get { link, destination, select } => {
            let transfer = node.transfers.get(link, destination, select);
            transfer.map(|transfer| Reply::Transfer { transfer })
        }
        Command::Stream { link, temporary } => node.streams.open(link, temporary).await,
        Command::Transfers(window) => Ok(Reply::Transfers(node.transfers.rows(window))),
        Command::Sources { transfer } => node.transfers.sources(transfer).map(Reply::Sources),
        Command::Pause { transfer } => node.transfers.pause(transfer).map(|()| Reply::Done),
        Command::Resume { transfer } => node.transfers.resume(transfer).map(|()| Reply::Done),
        Command::Cancel { transfer } => node.transfers.cancel(transfer).map(|()| Reply::Done),
        Command::Tune { transfer, change } => {
            node.transfers.tune(transfer, change).map(|()| Reply::Done)
        }
        Command::Limits => Ok(Reply::Limits(node.limits.read())),
        Command::SetLimits(change) => node.limits.change(change).map(Reply::Limits),
        Command::Invite => {
            peers::invite(&node.host, &node.config.network).map(|link| Reply::Invite { link })
        }
        Command::Join { link } => {
            let joined = peers::join(&node.host, &node.config.network, &link).await;
            joined.map(|peers| Reply::Joined { peers })
        }
    }
}

fn bounded(window: Window) -> Window {
    Window { limit: window.limit.min(Window::MAX), ..window }
}

/// The link of a shared file, or of the files that are shared beneath a folder.
async fn link(node: &Node, path: PathBuf, with_peers: bool) -> Result<Reply, Failure> {
    let shown = path.display().to_string();
    let manifest = if path.is_dir() {
        collection(node, path).await?
    } else if let Some(manifest) = node.indexing.find(&path) {
        manifest
    } else {
        return Err(match node.indexing.row(&path) {
            Some(_) => Failure::new(FailureKind::Error, format!("{shown} is not hashed yet"))
                .hint("wait for it: p2pfs-tui shares"),
            None => Failure::new(FailureKind::Error, format!("{shown} is not shared"))
                .hint(format!("share it first: p2pfs-tui share {shown}")),
        });
    };
    let mut link = Link::of(&manifest.content, &manifest.name);
    if with_peers {
        link.peers = node.host.shareable_addresses();
        link.peers.truncate(crate::domain::link::MAX_PEERS);
    }
    let short = link.short().unwrap_or_default();
    Ok(Reply::Link { link, short })
}

/// Makes one thing of a folder.
async fn collection(node: &Node, folder: PathBuf) -> Result<Manifest, Failure> {
    let (indexing, collections) = (node.indexing.clone(), node.collections.clone());
    let made = tokio::task::spawn_blocking(move || {
        let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
        let files = indexing.beneath(&folder);
        collections.make(&folder, files, peers::unix_now())
    });
    let made = made.await.map_err(|error| {
        Failure::new(FailureKind::Error, format!("the list of the folder was not made: {error}"))
    })?;
    let (manifest, is_new) = made?;
    if is_new {
        node.announcer.add(&manifest).await;
    }
    Ok(manifest)
}
