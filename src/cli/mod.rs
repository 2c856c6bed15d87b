//! The command line: one file per command, each a small client of
//! [`application::message`](crate::application::message).
//!
//! Owns the arguments, the settings, and what stdout, stderr and the exit code say. Decides
//! nothing about the network: a command asks the node that runs here and prints its answer.

mod args;
mod cancel;
mod config;
mod daemon;
mod demo;
mod exit;
mod format;
mod get;
mod help;
mod invite;
mod join;
mod limits;
mod link;
mod logging;
mod node;
mod output;
mod pause;
mod peers;
mod resume;
mod routing;
mod search;
mod settings;
mod share;
mod shares;
mod signals;
mod status;
mod stream;
mod transfers;
mod tui;
mod tune;
mod unshare;
mod which;

use std::process::ExitCode;

use args::{Globals, Invocation, Verb};
use exit::{Outcome, Stop};
use output::Output;
use rustix::process::Resource;
use settings::Settings;
use signals::interruptible;

/// What every command is given.
#[derive(Debug)]
struct Context {
    /// What holds for this run.
    settings: Settings,
    /// Where to write.
    out: Output,
}

impl Context {
    /// Says which flags do nothing, if there are any.
    fn note_idle_flags(&self, why: &str) {
        let flags = &self.settings.node_flags;
        if !flags.is_empty() {
            let have = if flags.len() == 1 { "has" } else { "have" };
            self.out.note(format_args!("note: {why}: {} {have} no effect", flags.join(", ")));
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let Invocation { globals, verb } = match Invocation::parse() {
        Ok(invocation) => invocation,
        Err(error) => {
            // Help goes to stdout and is no error; a closed pipe is none either.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let out = Output { json: globals.json, quiet: globals.quiet };
    match start(globals, verb, out) {
        Ok(()) | Err(Stop::ReaderLeft) => ExitCode::SUCCESS,
        Err(Stop::Told(kind)) => ExitCode::from(exit::code(kind)),
        Err(Stop::Failed(failure)) => {
            out.failure(&failure);
            ExitCode::from(exit::code(failure.kind))
        }
    }
}

fn start(globals: Globals, verb: Option<Verb>, out: Output) -> Outcome {
    // It must work when the settings do not.
    if let Some(Verb::Config(args)) = verb {
        return config::run(args, &globals, out);
    }
    allow_descriptors();
    let cx = Context { settings: Settings::load(&globals)?, out };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| exit::io_failure("cannot start the runtime", &error))?;
    let outcome = runtime.block_on(dispatch(verb, &cx));
    // Whoever still reads a file or a name must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Takes as many open files as the system gives: every connection is one, and the usual first
/// limit of 1,024 is less than a large demo needs.
fn allow_descriptors() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is not given, what is there must do.
    let _ = rustix::process::setrlimit(Resource::Nofile, limit);
}

async fn dispatch(verb: Option<Verb>, cx: &Context) -> Outcome {
    match verb {
        None => tui::run(cx).await,
        Some(Verb::Demo(args)) => demo::run(args, cx).await,
        Some(Verb::Daemon(args)) => daemon::run(args, cx).await,
        Some(Verb::Search(args)) => search::run(args, cx).await,
        Some(Verb::Get(args)) => get::run(args, cx).await,
        Some(Verb::Stream(args)) => interruptible(stream::run(args, cx)).await,
        Some(Verb::Transfers(args)) => interruptible(transfers::run(args, cx)).await,
        Some(Verb::Pause(args)) => interruptible(pause::run(args, cx)).await,
        Some(Verb::Resume(args)) => interruptible(resume::run(args, cx)).await,
        Some(Verb::Tune(args)) => interruptible(tune::run(args, cx)).await,
        Some(Verb::Limits(args)) => interruptible(limits::run(args, cx)).await,
        Some(Verb::Cancel(args)) => interruptible(cancel::run(args, cx)).await,
        Some(Verb::Share(args)) => interruptible(share::run(args, cx)).await,
        Some(Verb::Unshare(args)) => interruptible(unshare::run(args, cx)).await,
        Some(Verb::Shares(args)) => interruptible(shares::run(args, cx)).await,
        Some(Verb::Link(args)) => interruptible(link::run(args, cx)).await,
        Some(Verb::Invite(args)) => interruptible(invite::run(args, cx)).await,
        Some(Verb::Join(args)) => interruptible(join::run(args, cx)).await,
        Some(Verb::Status(args)) => interruptible(status::run(args, cx)).await,
        Some(Verb::Peers(args)) => interruptible(peers::run(args, cx)).await,
        Some(Verb::Routing(args)) => interruptible(routing::run(args, cx)).await,
        Some(Verb::Config(_)) => unreachable!("handled before the settings are read"),
        Some(Verb::Help(_)) => unreachable!("handled with the arguments"),
    }
}
