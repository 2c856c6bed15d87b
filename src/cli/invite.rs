//! `invite`: what to give a friend so that their node finds ours.

use super::{
    Context,
    exit::{Outcome, unexpected},
    node,
};
use crate::{
    application::message::{Command, Reply},
    domain::{Invite, NetworkName},
};

/// Show an invitation into this network
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let Reply::Invite { link } = client.call(Command::Invite).await? else {
        return Err(unexpected("Invite").into());
    };
    if cx.out.json {
        return cx.out.row("invite", serde_json::json!({ "link": link }));
    }
    cx.out.line(&link)?;
    let network = link.parse::<Invite>().map(|invite| invite.network).unwrap_or_default();
    let flag = if network == NetworkName::default() {
        String::new()
    } else {
        format!(" --network {network}")
    };
    cx.out.line(format_args!(
        "On the other machine: p2pfs-tui{flag} daemon, and beside it: p2pfs-tui join LINK"
    ))
}
