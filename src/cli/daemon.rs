//! `daemon`: a node without a terminal.

use std::collections::HashSet;

use multiaddr::{Multiaddr, Protocol};
use serde_json::json;

use super::{
    Context,
    exit::Outcome,
    node::{self, OwnNode},
    signals,
};
use crate::{
    application::{
        client::{Client, node_gone},
        message::{Event, FailureKind, Output, Snapshot},
    },
    domain::link::peer_of,
};

/// Run a node without a terminal, until SIGTERM or Ctrl-C
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, cx: &Context) -> Outcome {
    // Listened for from the first moment: a node that is just starting ends cleanly too.
    let stopped = signals::interrupted();
    tokio::pin!(stopped);
    let own = tokio::select! {
        own = OwnNode::start(cx, cx.settings.node.clone()) => own?,
        _ = &mut stopped => return Ok(()),
    };
    let mut client = own.connect();
    let outcome = tokio::select! {
        outcome = report(&mut client, cx) => outcome,
        why = &mut stopped => match why.kind {
            FailureKind::Interrupted => Ok(()),
            _ => Err(why.into()),
        },
    };
    drop(client);
    own.stop().await;
    outcome
}

/// Tells the addresses as they come, and what a person should know.
async fn report(client: &mut Client, cx: &Context) -> Outcome {
    let mut told = HashSet::new();
    let snapshot = node::watch(client).await?;
    tell_addresses(cx, &snapshot, &mut told)?;
    loop {
        match client.next().await {
            Some(Output::Snapshot(snapshot)) => tell_addresses(cx, &snapshot, &mut told)?,
            Some(Output::Event(Event::Notice(notice))) => cx.out.notice(&notice),
            Some(_) => {}
            None => return Err(node_gone().into()),
        }
    }
}

fn tell_addresses(cx: &Context, snapshot: &Snapshot, told: &mut HashSet<Multiaddr>) -> Outcome {
    for address in &snapshot.listen {
        let mut address = address.clone();
        // Complete, so that it can be given to --bootstrap as it is.
        if peer_of(&address).is_none() {
            address.push(Protocol::P2p(snapshot.node.peer_id));
        }
        if told.insert(address.clone()) {
            if cx.out.json {
                let peer_id = snapshot.node.peer_id.to_base58();
                let row = json!({ "address": address, "peer_id": peer_id });
                cx.out.row("listening", row)?;
            } else {
                cx.out.line(format_args!("listening on {address}"))?;
            }
        }
    }
    Ok(())
}
