//! `transfers`: what is being fetched and what was; `transfers ID`: one of them, and who brings it.

use std::time::Duration;

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
    output::{Align, Table},
    which,
};
use crate::{
    application::message::{
        Command, Failure, FailureKind, Rate, Reply, SourceRow, SourceState, TransferId,
        TransferRow, TransferState,
    },
    domain::{units, untrusted},
};

/// List the transfers, newest first; or show one, and who brings it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transfer to show, as the list numbers it
    id: Option<TransferId>,
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    match args.id {
        Some(id) => one(id, cx).await,
        None => all(cx).await,
    }
}

async fn all(cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let transfers = which::rows(&mut client).await?;
    if cx.out.json {
        return cx.out.row("transfers", serde_json::json!({ "transfers": transfers }));
    }
    if transfers.is_empty() {
        cx.out.note("no transfer yet; fetch something: p2pfs-tui get LINK");
        return Ok(());
    }
    cx.out.table(&table(&transfers))
}

async fn one(id: TransferId, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    // Asked first: it says what to do where there is no such transfer.
    let Reply::Sources(mut sources) = client.call(Command::Sources { transfer: id }).await? else {
        return Err(unexpected("Sources").into());
    };
    let rows = which::rows(&mut client).await?;
    let row = rows.into_iter().find(|row| row.transfer == id).ok_or_else(|| forgotten(id))?;
    if cx.out.json {
        return cx.out.row("transfer", serde_json::json!({ "transfer": row, "sources": sources }));
    }
    for (label, text) in lines(&row) {
        cx.out.line(format_args!("{label:<10} {text}"))?;
    }
    sources.sort_by_key(|source| std::cmp::Reverse(source.rate));
    if !sources.is_empty() {
        cx.out.line("")?;
        cx.out.table(&sources_table(&sources))?;
    }
    Ok(())
}

fn forgotten(id: TransferId) -> Failure {
    let message = format!("transfer {id} was forgotten just now");
    Failure::new(FailureKind::Error, message).hint("see which there are: p2pfs-tui transfers")
}

fn table(transfers: &[TransferRow]) -> Table {
    let mut table = Table::new(&[
        ("ID", Align::Right),
        ("NAME", Align::Flexible),
        ("SIZE", Align::Right),
        ("DONE", Align::Right),
        ("RATE", Align::Right),
        ("LEFT", Align::Right),
        ("SOURCES", Align::Right),
        ("GIVEN", Align::Right),
        ("PRIO", Align::Right),
        ("STATE", Align::Left),
    ]);
    for row in transfers {
        table.row([
            row.transfer.to_string(),
            row.name.to_string(),
            row.size.map_or_else(|| "?".to_owned(), units::bytes),
            percent(row.done, row.size),
            if row.rate > 0 { units::rate(row.rate) } else { "-".to_owned() },
            time_left(row).unwrap_or_else(|| "-".to_owned()),
            format!("{}/{}", row.talking, row.sources),
            if row.uploaded > 0 { units::bytes(row.uploaded) } else { "-".to_owned() },
            priority(row.priority),
            state(&row.state),
        ]);
    }
    table
}

fn lines(row: &TransferRow) -> Vec<(&'static str, String)> {
    let size = row.size.map_or_else(|| "not known yet".to_owned(), units::bytes);
    let files = row.files.map(|files| format!(" in {}", format::count(files.into(), "file")));
    let mut lines = vec![
        ("name", row.name.to_string()),
        ("state", state(&row.state)),
        ("path", format::path(&row.path)),
        ("size", format!("{size}{}", files.unwrap_or_default())),
        ("verified", format!("{}, {}", units::bytes(row.done), percent(row.done, row.size))),
    ];
    if row.rate > 0 {
        let left = time_left(row).map(|left| format!(", {left} left")).unwrap_or_default();
        lines.push(("rate", format!("{}{left}", units::rate(row.rate))));
    }
    if row.limit.is_some() {
        lines.push(("limit", Rate(row.limit).about()));
    }
    let banned = if row.banned > 0 { format!(", {} banned", row.banned) } else { String::new() };
    lines.extend([
        ("priority", priority(row.priority)),
        ("given", units::bytes(row.uploaded)),
        ("sources", format!("{} known, {} in use{banned}", row.sources, row.talking)),
        ("link", untrusted::visible(&row.link.to_string())),
    ]);
    if let TransferState::Failed(Failure { hint: Some(hint), .. }) = &row.state {
        lines.insert(2, ("next", untrusted::visible(hint)));
    }
    lines
}

fn sources_table(sources: &[SourceRow]) -> Table {
    let mut table = Table::new(&[
        ("PEER", Align::Left),
        ("RATE", Align::Right),
        ("RTT", Align::Right),
        ("OWES", Align::Right),
        ("STATE", Align::Left),
    ]);
    for source in sources {
        let banned = matches!(source.state, SourceState::Banned { .. });
        let unless_banned = |text: String| if banned { "-".to_owned() } else { text };
        table.row([
            source.peer.to_base58(),
            unless_banned(units::rate(source.rate)),
            format::rtt(source.rtt_ms),
            unless_banned(units::bytes(source.outstanding)),
            source_state(&source.state),
        ]);
    }
    table
}

/// What a source does, in a few words.
fn source_state(state: &SourceState) -> String {
    match state {
        SourceState::Serving => "serving".to_owned(),
        SourceState::Waiting(ahead) => format!("serves {ahead} others first"),
        SourceState::Stalled => "silent for too long".to_owned(),
        SourceState::Banned { evidence } => format!("banned: {}", untrusted::visible(evidence)),
    }
}

/// How much is there, in whole percent; the full hundred only when it is all there.
pub(super) fn percent(done: u64, size: Option<u64>) -> String {
    match size {
        None => "-".to_owned(),
        Some(0) => "100%".to_owned(),
        Some(size) => format!("{}%", u128::from(done) * 100 / u128::from(size)),
    }
}

/// How long it takes at the rate of now.
fn time_left(row: &TransferRow) -> Option<String> {
    let seconds = row.size?.saturating_sub(row.done).checked_div(row.rate)?;
    (!row.state.is_over()).then(|| units::duration(Duration::from_secs(seconds)))
}

fn priority(priority: i8) -> String {
    if priority > 0 { format!("+{priority}") } else { priority.to_string() }
}

/// What a transfer is doing, in a few words.
pub(super) fn state(state: &TransferState) -> String {
    match state {
        TransferState::Queued => "queued".to_owned(),
        TransferState::Checking { verified } => {
            format!("checking what is there, {}", units::bytes(*verified))
        }
        TransferState::Waiting { why, retry_at } => {
            let again = format::until(*retry_at);
            format!("waiting, tries again in {again}: {}", untrusted::visible(&why.message))
        }
        TransferState::Paused => "paused".to_owned(),
        TransferState::FindingSources => "finding sources".to_owned(),
        TransferState::Describing => "asking what it is".to_owned(),
        TransferState::Fetching => "fetching".to_owned(),
        TransferState::Finishing => "finishing".to_owned(),
        TransferState::Done => "done".to_owned(),
        TransferState::Failed(why) => format!("failed: {}", untrusted::visible(&why.message)),
        TransferState::Cancelled => "cancelled".to_owned(),
    }
}
