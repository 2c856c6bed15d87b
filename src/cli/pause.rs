//! `pause ID…`: stop transfers and keep what is there.

use super::{
    Context,
    exit::Outcome,
    which::{Deed, Which, each},
};
use crate::application::message::{Command, TransferState};

/// Stop transfers and keep what is there; `resume` goes on
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transfers, as `transfers` numbers them; `all` for every one that is not over
    #[arg(required = true, value_name = "ID|all")]
    ids: Vec<Which>,
}

const PAUSE: Deed = Deed {
    kind: "paused",
    told: "is paused",
    none: "there is nothing to pause",
    means: |state| !state.is_over() && *state != TransferState::Paused,
    command: |transfer| Command::Pause { transfer },
};

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    each(&args.ids, &PAUSE, cx).await
}
