//! `cancel ID…`: stop transfers for good.

use super::{
    Context,
    exit::Outcome,
    which::{Deed, Which, each},
};
use crate::application::message::Command;

/// Stop transfers and delete what is unfinished
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transfers, as `transfers` numbers them; `all` for every one that is not over
    #[arg(required = true, value_name = "ID|all")]
    ids: Vec<Which>,
}

const CANCEL: Deed = Deed {
    kind: "cancelled",
    told: "is cancelled",
    none: "there is nothing to cancel",
    means: |state| !state.is_over(),
    command: |transfer| Command::Cancel { transfer },
};

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    each(&args.ids, &CANCEL, cx).await
}
