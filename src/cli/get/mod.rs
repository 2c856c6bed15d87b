//! `get LINK`: one file, verified.

mod patience;

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval};

use self::patience::Patience;
use super::{
    Context,
    exit::{Outcome, io_failure, unexpected},
    format,
    node::{self, Node},
    output::{Progress, cannot_write},
    scratch, signals, transfers,
};
use crate::{
    application::{
        client::{Client, node_gone},
        message::{
            Command, Event, Failure, FailureKind, Output, Reply, TransferId, TransferRow,
            TransferState, Window,
        },
    },
    domain::{Link, link::BadLink, units},
};

/// How often the state is read, whether or not an event came.
const LOOK: Duration = Duration::from_secs(1);
/// Transfers looked through for ours: the newest come first.
const RECENT: u32 = 200;
/// Bytes copied to stdout at a time.
const COPY: usize = 256 * 1024;

/// Fetch a file
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// magnet:?…, p2pfs:…, or the 40 digits of a SHA-1
    #[arg(value_name = "LINK|SHA1", value_parser = link)]
    link: Link,
    /// Where to put it: a file, an existing folder, or - for stdout
    #[arg(short, long, value_name = "PATH|-")]
    output: Option<PathBuf>,
    /// Give up when it is not there after this many seconds
    #[arg(long, value_name = "S", value_parser = super::format::seconds, allow_negative_numbers = true)]
    timeout: Option<Duration>,
}

fn link(text: &str) -> Result<Link, BadLink> {
    text.parse()
}

/// Where the file goes.
enum Target {
    /// The node puts it there; its download folder where nothing is said.
    Place(Option<PathBuf>),
    /// Into a private folder first, and from there to stdout once it is verified.
    Stdout(TempDir),
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && io::stdout().is_terminal() {
        let failure = Failure::new(FailureKind::Usage, "a terminal is no place for a file");
        return Err(failure.hint("send it somewhere: p2pfs-tui get … -o - > FILE").into());
    }
    let interrupted = signals::interrupted();
    tokio::pin!(interrupted);
    let mut node = tokio::select! {
        node = node::running_or_own(cx) => node?,
        why = &mut interrupted => return Err(why.into()),
    };
    let outcome = async {
        let target = target(args.output.as_deref(), to_stdout, cx)?;
        fetch(&args, &target, &mut node, interrupted, cx).await
    };
    let outcome = outcome.await;
    node.leave().await;
    outcome
}

fn target(output: Option<&Path>, to_stdout: bool, cx: &Context) -> Result<Target, Failure> {
    if to_stdout {
        return Ok(Target::Stdout(scratch::make(&cx.settings.paths.data_dir)?));
    }
    Ok(Target::Place(output.map(format::absolute).transpose()?))
}

async fn fetch(
    args: &Args,
    target: &Target,
    node: &mut Node,
    mut interrupted: impl Future<Output = Failure> + Unpin,
    cx: &Context,
) -> Outcome {
    let mut progress = cx.out.progress();
    tokio::select! {
        joined = node::joined(&mut node.client, cx) => joined?,
        why = &mut interrupted => return Err(why.into()),
    }
    let destination = match target {
        Target::Place(place) => place.clone(),
        Target::Stdout(folder) => Some(folder.path().to_owned()),
    };
    let command = Command::Get { link: args.link.clone(), destination, select: Vec::new() };
    let Reply::Transfer { transfer } = node.client.call(command).await? else {
        return Err(unexpected("Get").into());
    };
    let ended = tokio::select! {
        ended = follow(&mut node.client, transfer, args.timeout, &mut progress) => ended,
        why = &mut interrupted => Err(why),
    };
    progress.clear();
    let row = match ended {
        Ok(row) => row,
        Err(why) => {
            // The person is waiting no more; neither should the network.
            let _ = node.client.call(Command::Cancel { transfer }).await;
            return Err(why.into());
        }
    };
    match target {
        Target::Place(_) => tell(&row, cx),
        Target::Stdout(_) => tokio::select! {
            copied = copy_to_stdout(&row.path) => {
                copied?;
                let size = units::bytes(row.done);
                cx.out.note(format_args!("{} ({size}) written to stdout, verified", row.name));
                Ok(())
            }
            why = &mut interrupted => Err(why.into()),
        },
    }
}

/// Waits until the transfer is over.
async fn follow(
    client: &mut Client,
    transfer: TransferId,
    timeout: Option<Duration>,
    progress: &mut Progress,
) -> Result<TransferRow, Failure> {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut patience = Patience::new(timeout);
    loop {
        let row = tokio::select! {
            output = client.next() => match output {
                Some(Output::Event(Event::Transfer(row))) if row.transfer == transfer => Some(row),
                Some(_) => None,
                None => return Err(node_gone()),
            },
            _ = look.tick() => Some(read(client, transfer).await?),
        };
        let Some(row) = row else { continue };
        match row.state {
            TransferState::Done => return Ok(row),
            TransferState::Failed(why) => return Err(why),
            TransferState::Cancelled => {
                let why = "the transfer was cancelled elsewhere";
                return Err(Failure::new(FailureKind::Interrupted, why));
            }
            _ => {}
        }
        progress.show(&transfers::state(&row.state), &detail(&row));
        patience.check(&row)?;
    }
}

async fn read(client: &mut Client, transfer: TransferId) -> Result<TransferRow, Failure> {
    let Reply::Transfers(page) = client.call(Command::Transfers(Window::first(RECENT))).await?
    else {
        return Err(unexpected("Transfers"));
    };
    page.rows.into_iter().find(|row| row.transfer == transfer).ok_or_else(|| {
        Failure::new(FailureKind::Error, format!("the node has lost transfer {transfer}"))
            .hint("ask for the file again")
    })
}

fn detail(row: &TransferRow) -> String {
    if matches!(row.state, TransferState::FindingSources | TransferState::Describing) {
        return row.name.to_string();
    }
    let Some(size) = row.size else { return row.name.to_string() };
    format!(
        "{} of {}, {} from {}, {}",
        transfers::percent(row.done, row.size),
        units::bytes(size),
        units::rate(row.rate),
        format::count(row.sources.into(), "source"),
        row.name
    )
}

fn tell(row: &TransferRow, cx: &Context) -> Outcome {
    if cx.out.json {
        return cx.out.row(
            "file",
            serde_json::json!({
                "path": format::json_path(&row.path),
                "name": row.name,
                "size": row.size,
                "sha1": row.sha1,
                "blake3": row.link.root,
                "link": row.link,
            }),
        );
    }
    if io::stdout().is_terminal() {
        return cx.out.line(format::path(&row.path));
    }
    // A script gets the path byte by byte as it is.
    let mut path = row.path.as_os_str().as_bytes().to_vec();
    path.push(b'\n');
    cx.out.bytes(&path)
}

async fn copy_to_stdout(path: &Path) -> Outcome {
    let what = format!("cannot read {}", path.display());
    let file = File::open(path).map_err(|error| io_failure(&what, &error))?;
    // On a thread of its own: a reader that takes its time must not keep Ctrl-C from working.
    let copied = tokio::task::spawn_blocking(move || copy(file, io::stdout().lock(), &what));
    copied.await.map_err(|error| io_failure("cannot copy", &io::Error::other(error)))?
}

fn copy(mut file: File, mut out: impl Write, what: &str) -> Outcome {
    let mut buffer = vec![0; COPY];
    loop {
        let read = file.read(&mut buffer).map_err(|error| io_failure(what, &error))?;
        if read == 0 {
            return out.flush().map_err(|error| cannot_write(&error));
        }
        out.write_all(&buffer[..read]).map_err(|error| cannot_write(&error))?;
    }
}
