//! `demo`: a whole network on this machine, to look around in or to check.
//!
//! Its nodes are real: each has its own identity, folders and sockets on loopback, and they find
//! each other and each other's files as strangers would. Only the process is shared. Everything
//! lies in one temporary folder and goes with it.

mod guide;
mod network;
mod samples;
mod tour;

use std::io::{self, IsTerminal};

use tokio::sync::oneshot;

use self::network::{Network, Plan};
use super::{
    Context,
    exit::{Outcome, Stop, io_failure},
    logging, signals, tui,
};
use crate::{
    application::message::{Failure, FailureKind},
    tui::Options,
};

/// Look around in a network of real nodes on this machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 24)]
    #[arg(value_parser = clap::value_parser!(u16).range(2..=200))]
    nodes: u16,
    /// Decides who knows whom and who shares what
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Without the screen: a scripted tour that checks every step
    #[arg(long)]
    headless: bool,
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let has_screen = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !(args.headless || has_screen) {
        let failure = Failure::new(FailureKind::Usage, "the demo's screen needs a terminal");
        return Err(failure.hint("without one: p2pfs-tui demo --headless").into());
    }
    if !args.headless {
        tui::check_terminal().map_err(|failure| failure.hint("p2pfs-tui demo --headless"))?;
    }
    let _log = logging::start(&cx.settings)?;
    let folder = tempfile::Builder::new().prefix("p2pfs-demo-").tempdir();
    let folder = folder.map_err(|error| io_failure("cannot make a temporary folder", &error))?;
    let plan = Plan::new(args.nodes.into(), args.seed, folder.path(), &cx.settings);
    let interrupted = signals::interrupted();
    tokio::pin!(interrupted);
    let mut network = Network::new(plan);
    let outcome = if args.headless {
        tokio::select! {
            outcome = tour::run(&mut network, cx.out) => outcome,
            why = &mut interrupted => Err(why.into()),
        }
    } else {
        look_around(&mut network).await
    };
    network.stop().await;
    if !args.headless {
        farewell(cx)?;
    }
    outcome
}

/// The screen on the first node, at once; the others come while one looks.
async fn look_around(network: &mut Network) -> Outcome {
    network.start_first().await?;
    let client = network.connect(0).ok_or_else(network::gone)?;
    let (left, leaving) = oneshot::channel();
    let screen = async {
        let outcome = tui::show(client, Options { attached: false, first_start: true }).await;
        // Nobody waits for the others any more.
        let _ = left.send(());
        outcome
    };
    let others = async {
        tokio::select! {
            started = network.start_others() => started,
            _ = leaving => Ok(()),
        }
    };
    let (outcome, started) = tokio::join!(screen, others);
    outcome.and(started.map_err(Stop::Failed))
}

fn farewell(cx: &Context) -> Outcome {
    for line in [
        "The demo is over; its nodes and files are gone. Next, for real:",
        "  p2pfs-tui --share ~/Music   your own node; others on this network find it",
        "  p2pfs-tui search WORD       from another terminal, while it runs",
        "  p2pfs-tui invite            what to send to a friend elsewhere",
    ] {
        cx.out.line(line)?;
    }
    Ok(())
}
