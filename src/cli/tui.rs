//! No command: the terminal UI, on the node that runs here or on one of its own.

use std::{
    ffi::OsStr,
    io::{self, IsTerminal},
};

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
    check_terminal()?;
    if let Some(client) = node::running(cx).await? {
        return show(client, Options { attached: true, first_start: false }).await;
    }
    let first_start = Application::is_first_start(&cx.settings.node.data_dir);
    let own = OwnNode::start(cx, cx.settings.node.clone()).await?;
    let outcome = show(own.connect(), Options { attached: false, first_start }).await;
    own.stop().await;
    outcome
}

/// Refuses a terminal that says it cannot move the cursor: it would show the sequences as text.
pub(super) fn check_terminal() -> Result<(), Failure> {
    if can_move(std::env::var_os("TERM").as_deref()) {
        return Ok(());
    }
    let why = "this terminal cannot show a full screen (TERM=dumb)";
    let next = "use the commands: p2pfs-tui daemon, search, get, share, status; p2pfs-tui --help";
    Err(Failure::new(FailureKind::Usage, why).hint(next))
}

/// Where nothing is said of the terminal, it is tried.
fn can_move(term: Option<&OsStr>) -> bool {
    term.is_none_or(|term| term != "dumb")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_that_says_so_is_refused() {
        assert!(!can_move(Some(OsStr::new("dumb"))));
        for term in [None, Some("xterm-256color"), Some("linux"), Some("")] {
            assert!(can_move(term.map(OsStr::new)), "{term:?}");
        }
    }
}
