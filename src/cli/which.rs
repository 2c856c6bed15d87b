//! Which transfers a command means: numbers as `transfers` shows them, or `all`.

use std::{collections::BTreeSet, str::FromStr};

use super::{
    Context,
    exit::{Outcome, Stop},
    format, node,
};
use crate::application::{
    client::Client,
    message::{Command, Failure, FailureKind, Reply, TransferId, TransferRow, TransferState},
};

/// What stands for every transfer that a command can do something to.
const ALL: &str = "all";

/// A transfer, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// One.
    One(TransferId),
    /// Every one that it makes sense for.
    All,
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == ALL {
            return Ok(Self::All);
        }
        text.parse().map(Self::One).map_err(|_| {
            "expected the number of a transfer, as `p2pfs-tui transfers` shows it, or all"
                .to_owned()
        })
    }
}

/// What is done to transfers, and how it is told.
pub(super) struct Deed {
    /// What the JSON calls it.
    pub(super) kind: &'static str,
    /// What follows `transfer 5` when it is done.
    pub(super) told: &'static str,
    /// What is told where there is none to do it to.
    pub(super) none: &'static str,
    /// Those that `all` means.
    pub(super) means: fn(&TransferState) -> bool,
    /// How the node is asked.
    pub(super) command: fn(TransferId) -> Command,
}

/// Does something to each of the transfers. One that fails is told and holds up no other.
pub(super) async fn each(which: &[Which], deed: &Deed, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let mut failed: Option<FailureKind> = None;
    let ids = ids(&mut client, which, deed.means).await?;
    if ids.is_empty() {
        cx.out.note(deed.none);
    }
    for id in ids {
        match client.call((deed.command)(id)).await {
            Ok(_) if cx.out.json => {
                cx.out.row(deed.kind, serde_json::json!({ "transfer": id }))?;
            }
            Ok(_) => cx.out.line(format_args!("transfer {id} {}", deed.told))?,
            Err(failure) => {
                cx.out.failure(&failure);
                failed.get_or_insert(failure.kind);
            }
        }
    }
    failed.map_or(Ok(()), |kind| Err(Stop::Told(kind)))
}

/// The transfers that are meant, each once, in the order of their numbers.
async fn ids(
    client: &mut Client,
    which: &[Which],
    means: fn(&TransferState) -> bool,
) -> Result<BTreeSet<TransferId>, Failure> {
    let mut ids = BTreeSet::new();
    for one in which {
        match one {
            Which::One(id) => {
                ids.insert(*id);
            }
            Which::All => {
                let rows = rows(client).await?;
                ids.extend(rows.iter().filter(|row| means(&row.state)).map(|row| row.transfer));
            }
        }
    }
    Ok(ids)
}

/// Every transfer, newest first.
pub(super) async fn rows(client: &mut Client) -> Result<Vec<TransferRow>, Failure> {
    format::all_rows(client, Command::Transfers, |reply| match reply {
        Reply::Transfers(page) => Some(page),
        _ => None,
    })
    .await
}
