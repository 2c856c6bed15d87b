//! `cancel ID`: stop a transfer.

use super::{Context, exit::Outcome, node};
use crate::application::message::{Command, TransferId};

/// Stop a transfer and delete what is unfinished
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transfer, as `transfers` numbers it
    id: TransferId,
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    client.call(Command::Cancel { transfer: args.id }).await?;
    if cx.out.json {
        cx.out.row("cancelled", serde_json::json!({ "transfer": args.id }))
    } else {
        cx.out.line(format_args!("transfer {} is cancelled", args.id))
    }
}
