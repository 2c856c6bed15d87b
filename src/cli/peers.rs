//! `peers`: who is connected.

use super::{
    Context,
    exit::Outcome,
    format, node,
    output::{Align, Table},
};
use crate::application::message::{Command, PeerRow, Reply};

/// List the connected peers
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let peers = format::all_rows(&mut client, Command::Peers, |reply| match reply {
        Reply::Peers(page) => Some(page),
        _ => None,
    })
    .await?;
    if cx.out.json {
        return cx.out.row("peers", serde_json::json!({ "peers": peers }));
    }
    if peers.is_empty() {
        cx.out.note("no peer is connected; invite one: p2pfs-tui invite");
        return Ok(());
    }
    cx.out.table(&table(&peers))
}

fn table(peers: &[PeerRow]) -> Table {
    let mut table = Table::new(&[
        ("PEER", Align::Left),
        ("WAY", Align::Left),
        ("RTT", Align::Right),
        ("FOR", Align::Right),
        ("ADDRESS", Align::Flexible),
        ("PROGRAM", Align::Left),
    ]);
    for peer in peers {
        table.row([
            format::peer(&peer.peer_id),
            if peer.inbound { "in" } else { "out" }.to_owned(),
            format::rtt(peer.rtt_ms),
            format::since(peer.since),
            peer.address.to_string(),
            peer.agent.as_ref().map_or_else(String::new, |agent| agent.truncated(20)),
        ]);
    }
    table
}
