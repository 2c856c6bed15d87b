//! No command: the terminal UI, on the node that runs here or on one of its own.

use std::io::{self, IsTerminal};

use super::{
    Context,
    exit::Outcome,
    node::{self, OwnNode},
};
use crate::application::{
    client::Client,
    message::{Failure, FailureKind},
};

pub(super) async fn run(cx: &Context) -> Outcome {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        let failure = Failure::new(FailureKind::Usage, "the terminal UI needs a terminal");
        return Err(failure.hint("without one: p2pfs-tui daemon; p2pfs-tui --help").into());
    }
    if let Some(client) = node::running(cx).await? {
        return show(client, cx).await;
    }
    let own = OwnNode::start(cx, cx.settings.node.clone()).await?;
    let outcome = show(own.connect(), cx).await;
    own.stop().await;
    outcome
}

/// The one place where the command line hands over to the screen.
pub(super) async fn show(_client: Client, _cx: &Context) -> Outcome {
    // WIRE: crate::tui::run(client, options)
    let failure = Failure::new(FailureKind::Error, "the terminal UI is being built");
    Err(failure.hint("use the commands: p2pfs-tui --help").into())
}
