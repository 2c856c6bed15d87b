//! `shares`: what we offer.

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
    output::{Align, Table},
    transfers,
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
    cx.out.table(&files_table(&files, cx.out.width()))
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

fn files_table(files: &[ShareRow], width: Option<usize>) -> Table {
    let mut table =
        Table::new(&[("FILE", Align::Flexible), ("SIZE", Align::Right), ("STATE", Align::Left)]);
    // So much that size and state stand beside it.
    let most = width.map(|width| width * 5 / 8);
    for file in files {
        let path = format::fit_path(&path_within(file), most);
        let name = match format::own_tags(&file.tags) {
            Some(tags) => format!("{path}  {tags}"),
            None => path,
        };
        table.row([name, units::bytes(file.size), state(&file.state)]);
    }
    table
}

/// Where it is in the folder that is shared; its name, if it is shared alone.
fn path_within(file: &ShareRow) -> String {
    match file.path.strip_prefix(&file.root) {
        Ok(within) if within.file_name().is_some() => format::path(within),
        _ => file.name.to_string(),
    }
}

fn state(state: &ShareState) -> String {
    match state {
        ShareState::Waiting => "waiting".to_owned(),
        ShareState::Hashing { done, size } => {
            format!("hashing {}", transfers::percent(*done, Some(*size)))
        }
        ShareState::Announcing { done, keys } => format!("announcing {done}/{keys}"),
        ShareState::Announced { .. } => "announced".to_owned(),
        ShareState::Failed { reason } => format!("failed: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::domain::Tags;

    fn share(path: &str, root: &str, artist: &str) -> ShareRow {
        let path = PathBuf::from(path);
        ShareRow {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned().into(),
            path,
            root: root.into(),
            size: 9,
            media_type: None,
            tags: Tags { artist: Some(artist.into()), ..Tags::default() },
            content: None,
            state: ShareState::Waiting,
        }
    }

    #[test]
    fn files_are_named_by_their_place_in_what_is_shared() {
        let files = [
            share("/m/Grieg/Peer Gynt/01 Morning Mood.m4a", "/m", "Edvard Grieg"),
            share("/m/top.ogg", "/m", "Nobody"),
            share("/talk.pdf", "/talk.pdf", "Somebody"),
        ];
        assert_eq!(
            files_table(&files, None).lines(None),
            [
                "FILE                                               SIZE  STATE",
                "Grieg/Peer Gynt/01 Morning Mood.m4a  Edvard Grieg   9 B  waiting",
                "top.ogg  Nobody                                     9 B  waiting",
                "talk.pdf  Somebody                                  9 B  waiting",
            ]
        );
        let narrow = files_table(&files, Some(54)).lines(Some(54));
        assert_eq!(narrow[1], "…/Peer Gynt/01 Morning Mood.m4a  Edvar…   9 B  waiting");
    }
}
