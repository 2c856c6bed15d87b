//! `share PATH…`: offer files and folders, and wait until others can find them; or only tell what
//! that would publish.

mod dry_run;

use std::path::{Path, PathBuf};

use super::{
    Context,
    exit::{Outcome, Stop, unexpected},
    format, node,
    output::Progress,
};
use crate::{
    application::{
        client::Client,
        message::{
            Command, Failure, FailureKind, Reply, RootRow, ShareRow, ShareState, ShareTotals,
            Snapshot,
        },
    },
    domain::units,
};

/// Failed files that are named; of the rest only the number is told.
const NAMED: usize = 20;

/// Share files or folders, now and after every restart
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to share
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Return at once; hashing and announcing go on in the node
    #[arg(long)]
    no_wait: bool,
    /// Tell what would be published, and change nothing; needs no node
    #[arg(long, conflicts_with = "no_wait")]
    dry_run: bool,
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    if args.dry_run {
        return dry_run::run(args.paths, cx).await;
    }
    let mut client = node::required(cx).await?;
    let mut shared = Vec::new();
    let mut failed = None;
    for path in &args.paths {
        match share(&mut client, path).await {
            Ok(root) => {
                tell_root(&root, "shared", "sharing", cx)?;
                shared.push(root);
            }
            Err(failure) => {
                cx.out.failure(&failure);
                failed.get_or_insert(failure.kind);
            }
        }
    }
    if !args.no_wait && !shared.is_empty() {
        wait(&mut client, cx).await?;
        let broken = broken_files(&mut client, &shared).await?;
        name(&broken, cx);
        // A folder is shared without some of its files; a file is shared or is not.
        if broken.iter().any(|file| shared.iter().any(|root| root.path == file.path)) {
            failed.get_or_insert(FailureKind::Error);
        }
    }
    failed.map_or(Ok(()), |kind| Err(Stop::Told(kind)))
}

async fn share(client: &mut Client, path: &Path) -> Result<RootRow, Failure> {
    let path = format::absolute(path)?;
    match client.call(Command::Share { path, remember: true }).await? {
        Reply::Shared(root) => Ok(root),
        _ => Err(unexpected("Share")),
    }
}

/// Tells of a path: what is done, or would be. `kind` is its name in JSON.
fn tell_root(root: &RootRow, kind: &str, what: &str, cx: &Context) -> Outcome {
    if cx.out.json {
        return cx.out.row(kind, root);
    }
    let (files, size) = (format::count(root.files, "file"), units::bytes(root.bytes));
    cx.out.line(format_args!("{what} {} ({files}, {size})", format::path(&root.path)))
}

/// Waits until everything is hashed and announced.
async fn wait(client: &mut Client, cx: &Context) -> Outcome {
    let mut progress = cx.out.progress();
    let is_over = |snapshot: &Snapshot| is_waiting_for_nothing(snapshot, &mut progress, cx);
    node::wait_for(client, format::MAX_TIME, cx.out, is_over).await?;
    Ok(())
}

fn is_waiting_for_nothing(snapshot: &Snapshot, progress: &mut Progress, cx: &Context) -> bool {
    let ShareTotals { to_hash, bytes_to_hash, keys, keys_announced, .. } = snapshot.shares;
    if to_hash > 0 {
        let left = units::bytes(bytes_to_hash);
        progress.show("hashing", &format!("{} to go ({left})", format::count(to_hash, "file")));
        return false;
    }
    if keys_announced >= keys {
        return true;
    }
    if snapshot.peers == 0 {
        progress.clear();
        cx.out.note("no peer is connected yet: it is announced as soon as one is");
        return true;
    }
    progress.show("announcing", &format!("{keys_announced} of {keys} keys"));
    false
}

/// Files under what was shared just now that cannot be.
async fn broken_files(client: &mut Client, shared: &[RootRow]) -> Result<Vec<ShareRow>, Failure> {
    let mut files = format::all_rows(client, Command::Shares, |reply| match reply {
        Reply::Shares(page) => Some(page),
        _ => None,
    })
    .await?;
    files.retain(|file| {
        matches!(file.state, ShareState::Failed { .. })
            && shared.iter().any(|root| root.path == file.root)
    });
    Ok(files)
}

fn name(broken: &[ShareRow], cx: &Context) {
    for file in broken.iter().take(NAMED) {
        if let ShareState::Failed { reason } = &file.state {
            let path = format::path(&file.path);
            let message = format!("{path} is not shared: {reason}");
            cx.out.failure(&Failure::new(FailureKind::Error, message));
        }
    }
    if broken.len() > NAMED {
        cx.out.note(format_args!("and {} more", broken.len() - NAMED));
    }
}
