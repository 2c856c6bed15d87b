//! `shares`: what we offer.

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
    output::{Align, Table},
};
use crate::{
    application::message::{Command, Reply, RootRow, ShareRow, ShareState},
    domain::units,
};

/// List what this node shares
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let Reply::Roots(roots) = client.call(Command::Roots).await? else {
        return Err(unexpected("Roots").into());
    };
    let files = format::all_rows(&mut client, Command::Shares, |reply| match reply {
        Reply::Shares(page) => Some(page),
        _ => None,
    })
    .await?;
    if cx.out.json {
        let row = serde_json::json!({ "roots": roots, "files": files });
        return cx.out.row("shares", row);
    }
    if roots.is_empty() && files.is_empty() {
        cx.out.note("nothing is shared; offer something: p2pfs-tui share PATH");
        return Ok(());
    }
    cx.out.table(&roots_table(&roots))?;
    cx.out.line("")?;
    cx.out.table(&files_table(&files))
}

fn roots_table(roots: &[RootRow]) -> Table {
    let mut table = Table::new(&[
        ("SHARED", Align::Flexible),
        ("FILES", Align::Right),
        ("SIZE", Align::Right),
        ("KEPT", Align::Left),
    ]);
    for root in roots {
        table.row([
            format::path(&root.path),
            root.files.to_string(),
            units::bytes(root.bytes),
            if root.remembered { "always" } else { "this run" }.to_owned(),
        ]);
    }
    table
}

fn files_table(files: &[ShareRow]) -> Table {
    let mut table =
        Table::new(&[("FILE", Align::Flexible), ("SIZE", Align::Right), ("STATE", Align::Left)]);
    for file in files {
        let name = match format::own_tags(&file.tags) {
            Some(tags) => format!("{}  {tags}", file.name),
            None => file.name.to_string(),
        };
        table.row([name, units::bytes(file.size), state(&file.state)]);
    }
    table
}

fn state(state: &ShareState) -> String {
    match state {
        ShareState::Waiting => "waiting".to_owned(),
        ShareState::Hashing => "hashing".to_owned(),
        ShareState::Announcing { done, keys } => format!("announcing {done}/{keys}"),
        ShareState::Announced { .. } => "announced".to_owned(),
        ShareState::Failed { reason } => format!("failed: {reason}"),
    }
}
