//! `get LINK`: a file or a folder, verified.

mod follow;
mod http;
mod patience;
mod place;
mod stdout;

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Context, exit::Outcome, node, signals};
use crate::{
    application::message::{Failure, FailureKind},
    domain::{Link, link::BadLink},
};

/// Fetch a file or a folder, or go on where it stopped
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// magnet:?…, p2pfs:…, or the 40 digits of a SHA-1
    #[arg(value_name = "LINK|SHA1", value_parser = link)]
    link: Link,
    /// Where to put it: a file, an existing folder, or - for stdout, in order as it arrives
    #[arg(short, long, value_name = "PATH|-")]
    output: Option<PathBuf>,
    /// Of a folder, fetch only what is at or below this path within it
    #[arg(long, value_name = "PATH")]
    select: Vec<String>,
    /// Give up when it is not there after this many seconds
    #[arg(long, value_name = "S", value_parser = super::format::seconds, allow_negative_numbers = true)]
    timeout: Option<Duration>,
}

fn link(text: &str) -> Result<Link, BadLink> {
    text.parse()
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout {
        check_stdout(&args)?;
    }
    let interrupted = signals::interrupted();
    tokio::pin!(interrupted);
    let mut node = tokio::select! {
        node = node::running_or_own(cx) => node?,
        why = &mut interrupted => return Err(why.into()),
    };
    let outcome = tokio::select! {
        joined = node::joined(&mut node.client, cx) => joined.map_err(Into::into),
        why = &mut interrupted => Err(why.into()),
    };
    let outcome = match outcome {
        Err(stop) => Err(stop),
        Ok(()) if to_stdout => stdout::run(&args, &mut node.client, interrupted, cx).await,
        Ok(()) => place::run(&args, &mut node.client, interrupted, cx).await,
    };
    node.leave().await;
    outcome
}

fn check_stdout(args: &Args) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        let failure = Failure::new(FailureKind::Usage, "a terminal is no place for a file");
        return Err(failure.hint("send it somewhere: p2pfs-tui get … -o - > FILE"));
    }
    if !args.select.is_empty() {
        let failure = Failure::new(FailureKind::Usage, "only one file can be written to stdout");
        return Err(failure.hint("give a folder for what is selected: -o DIR"));
    }
    Ok(())
}
