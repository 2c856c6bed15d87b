//! `routing`: the routing table, bucket by bucket.

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
    output::{Align, Table},
};
use crate::application::message::{Command, Reply, RoutingTable};

/// Show the routing table
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let Reply::Routing(routing) = client.call(Command::Routing).await? else {
        return Err(unexpected("Routing").into());
    };
    if cx.out.json {
        return cx.out.row("routing", routing);
    }
    if routing.buckets.is_empty() {
        cx.out.note("the routing table is empty: no peer has been reached yet");
        return Ok(());
    }
    cx.out.table(&table(&routing))
}

fn table(routing: &RoutingTable) -> Table {
    let mut table = Table::new(&[
        ("BITS", Align::Right),
        ("PEER", Align::Left),
        ("NOW", Align::Left),
        ("RTT", Align::Right),
        ("ADDRESS", Align::Flexible),
    ]);
    for bucket in &routing.buckets {
        for (n, contact) in bucket.peers.iter().enumerate() {
            table.row([
                if n == 0 { bucket.prefix_bits.to_string() } else { String::new() },
                format::peer(&contact.peer_id),
                if contact.connected { "connected" } else { "-" }.to_owned(),
                format::rtt(contact.rtt_ms),
                contact.addresses.first().map_or_else(String::new, ToString::to_string),
            ]);
        }
    }
    table
}
