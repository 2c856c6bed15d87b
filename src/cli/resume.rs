//! `resume ID…`: go on with transfers that stand still.

use super::{
    Context,
    exit::Outcome,
    which::{Deed, Which, each},
};
use crate::application::message::{Command, TransferState};

/// Go on with transfers that are paused, wait or failed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transfers, as `transfers` numbers them; `all` for every one that is paused or waits
    #[arg(required = true, value_name = "ID|all")]
    ids: Vec<Which>,
}

const RESUME: Deed = Deed {
    kind: "resumed",
    told: "goes on",
    none: "no transfer is paused or waits",
    means: |state| matches!(state, TransferState::Paused | TransferState::Waiting { .. }),
    command: |transfer| Command::Resume { transfer },
};

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    each(&args.ids, &RESUME, cx).await
}
