//! `stream LINK`: a URL at which a player reads a file that is still arriving.

use super::{
    Context,
    exit::{Outcome, unexpected},
    node,
};
use crate::{
    application::message::{Command, Reply},
    domain::{Link, link::BadLink},
};

/// Fetch a file, and offer it to a player on this machine while it arrives
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// magnet:?…, p2pfs:…, or the 40 digits of a SHA-1
    #[arg(value_name = "LINK|SHA1", value_parser = link)]
    link: Link,
}

fn link(text: &str) -> Result<Link, BadLink> {
    text.parse()
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let is_proven = args.link.root.is_some();
    let command = Command::Stream { link: args.link, temporary: false };
    let Reply::Stream { transfer, url, name, size } = client.call(command).await? else {
        return Err(unexpected("Stream").into());
    };
    if cx.out.json {
        let row = serde_json::json!({
            "url": url,
            "transfer": transfer,
            "name": name,
            "size": size,
        });
        return cx.out.row("stream", row);
    }
    cx.out.line(&url)?;
    cx.out.note(format_args!("play it: mpv {url}"));
    if transfer.is_some() && !is_proven {
        cx.out.note(
            "a SHA-1 proves only the whole file: nothing can be read before all of it is here",
        );
    }
    Ok(())
}
