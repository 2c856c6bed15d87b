//! `transfers`: what is being fetched and what was.

use super::{
    Context,
    exit::Outcome,
    format, node,
    output::{Align, Table},
};
use crate::{
    application::message::{Command, Reply, TransferRow, TransferState},
    domain::units,
};

/// List the transfers, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let transfers = format::all_rows(&mut client, Command::Transfers, |reply| match reply {
        Reply::Transfers(page) => Some(page),
        _ => None,
    })
    .await?;
    if cx.out.json {
        return cx.out.row("transfers", serde_json::json!({ "transfers": transfers }));
    }
    if transfers.is_empty() {
        cx.out.note("no transfer yet; fetch something: p2pfs-tui get LINK");
        return Ok(());
    }
    cx.out.table(&table(&transfers))
}

fn table(transfers: &[TransferRow]) -> Table {
    let mut table = Table::new(&[
        ("ID", Align::Right),
        ("NAME", Align::Flexible),
        ("SIZE", Align::Right),
        ("DONE", Align::Right),
        ("RATE", Align::Right),
        ("FROM", Align::Right),
        ("STATE", Align::Left),
    ]);
    for row in transfers {
        table.row([
            row.transfer.to_string(),
            row.name.to_string(),
            row.size.map_or_else(|| "?".to_owned(), units::bytes),
            percent(row.done, row.size),
            if row.state.is_over() { "-".to_owned() } else { units::rate(row.rate) },
            row.sources.to_string(),
            state(&row.state),
        ]);
    }
    table
}

/// How much is there, in whole percent; the full hundred only when it is all there.
pub(super) fn percent(done: u64, size: Option<u64>) -> String {
    match size {
        None => "-".to_owned(),
        Some(0) => "100%".to_owned(),
        Some(size) => format!("{}%", u128::from(done) * 100 / u128::from(size)),
    }
}

/// What a transfer is doing, in one or two words.
pub(super) fn state(state: &TransferState) -> String {
    match state {
        TransferState::Queued => "queued".to_owned(),
        TransferState::Checking { verified } => {
            format!("checking what is there, {}", units::bytes(*verified))
        }
        TransferState::Waiting { why, .. } => format!("waiting: {why}"),
        TransferState::Paused => "paused".to_owned(),
        TransferState::FindingSources => "finding sources".to_owned(),
        TransferState::Describing => "asking what it is".to_owned(),
        TransferState::Fetching => "fetching".to_owned(),
        TransferState::Finishing => "finishing".to_owned(),
        TransferState::Done => "done".to_owned(),
        TransferState::Failed(why) => format!("failed: {why}"),
        TransferState::Cancelled => "cancelled".to_owned(),
    }
}
