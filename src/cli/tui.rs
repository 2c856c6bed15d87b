//! No command: the terminal UI, on the node that runs here or on one of its own.

use std::io::{self, IsTerminal};

use super::{
    Context,
    exit::Outcome,
    node::{self, OwnNode},
};
use crate::{
    application::{
        Application,
        client::Client,
        message::{Failure, FailureKind},
    },
    tui::{self, Options},
};

pub(super) async fn run(cx: &Context) -> Outcome {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        let failure = Failure::new(FailureKind::Usage, "the terminal UI needs a terminal");
        return Err(failure.hint("without one: p2pfs-tui daemon; p2pfs-tui --help").into());
    }
    if let Some(client) = node::running(cx).await? {
        return show(client, Options { attached: true, first_start: false }).await;
    }
    let first_start = Application::is_first_start(&cx.settings.node.data_dir);
    let own = OwnNode::start(cx, cx.settings.node.clone()).await?;
    let outcome = show(own.connect(), Options { attached: false, first_start }).await;
    own.stop().await;
    outcome
}

/// The one place where the command line hands over to the screen.
pub(super) async fn show(client: Client, options: Options) -> Outcome {
    match tui::run(client, options).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(FailureKind::Error, error.to_string())
            .hint("without a terminal: p2pfs-tui daemon")
            .into()),
    }
}
