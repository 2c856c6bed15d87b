//! `link PATH`: what to give somebody so that they can fetch a file of ours.

use std::path::PathBuf;

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
};
use crate::application::message::{Command, Reply};

/// Show the link of a shared file
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file that is shared
    path: PathBuf,
    /// Put the addresses of this node into the link; they tell where you live
    #[arg(long)]
    with_peers: bool,
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let path = format::absolute(&args.path)?;
    let command = Command::Link { path: path.clone(), with_peers: args.with_peers };
    let Reply::Link { link, short } = client.call(command).await? else {
        return Err(unexpected("Link").into());
    };
    if cx.out.json {
        let row = serde_json::json!({
            "path": format::json_path(&path),
            "link": link,
            "short": short,
        });
        return cx.out.row("link", row);
    }
    cx.out.line(link)?;
    cx.out.line(short)
}
