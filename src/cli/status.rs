//! `status`: the node at a glance.

use std::path::Path;

use multiaddr::Multiaddr;
use serde::Serialize;

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
};
use crate::{
    application::message::{
        Command, Rate, Rates, Reachability, Reply, ShareTotals, Snapshot, TransferTotals, Verdict,
    },
    domain::units,
};

/// Show how the node is doing
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let Reply::Snapshot(snapshot) = client.call(Command::Snapshot).await? else {
        return Err(unexpected("Snapshot").into());
    };
    if cx.out.json {
        return cx.out.row("status", to_json(&snapshot));
    }
    for (label, text) in lines(&snapshot) {
        cx.out.line(format_args!("{label:<10} {text}"))?;
    }
    Ok(())
}

/// The state, as scripts read it.
#[derive(Serialize)]
struct StatusJson<'a> {
    peer_id: String,
    listen: &'a [Multiaddr],
    peers: u32,
    shared_files: u64,
    shared_bytes: u64,
    routing: u32,
    reachability: &'a Reachability,
    shares: &'a ShareTotals,
    transfers: &'a TransferTotals,
    rates: &'a Rates,
    network: &'a str,
    overlay: &'a str,
    version: &'a str,
    pid: u32,
    /// Unix seconds.
    started: u64,
    data_dir: &'a Path,
    download_dir: &'a Path,
}

fn to_json(snapshot: &Snapshot) -> StatusJson<'_> {
    let Snapshot { node, listen, reachability, peers, routing, shares, transfers, rates, .. } =
        snapshot;
    StatusJson {
        peer_id: node.peer_id.to_base58(),
        listen,
        peers: *peers,
        shared_files: shares.files,
        shared_bytes: shares.bytes,
        routing: *routing,
        reachability,
        shares,
        transfers,
        rates,
        network: &node.network,
        overlay: &node.overlay,
        version: &node.version,
        pid: node.pid,
        started: node.started,
        data_dir: &node.data_dir,
        download_dir: &node.download_dir,
    }
}

fn lines(snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let Snapshot { node, listen, reachability, transfers, rates, .. } = snapshot;
    let mut lines = vec![
        ("peer", node.peer_id.to_base58()),
        ("network", format!("{} ({})", node.network, node.overlay)),
        ("reachable", format!("{}: {}", verdict(reachability.verdict), reachability.reason)),
    ];
    for (n, address) in listen.iter().enumerate() {
        lines.push((if n == 0 { "listen" } else { "" }, address.to_string()));
    }
    lines.extend([
        (
            "peers",
            format!("{} connected, {} in the routing table", snapshot.peers, snapshot.routing),
        ),
        ("sharing", sharing(&snapshot.shares)),
        ("transfers", counted(transfers)),
        ("down", flow(rates.down, rates.total_down, rates.down_limit)),
        ("up", flow(rates.up, rates.total_up, rates.up_limit)),
        ("data", format::path(&node.data_dir)),
        ("downloads", format::path(&node.download_dir)),
        (
            "process",
            format!("{}, version {}, up {}", node.pid, node.version, format::since(node.started)),
        ),
    ]);
    lines
}

/// Transfers by state, those that there are.
fn counted(totals: &TransferTotals) -> String {
    let TransferTotals { active, queued, paused, done, failed } = *totals;
    let mut parts = vec![format!("{active} active")];
    for (number, state) in [(queued, "queued"), (paused, "paused")] {
        parts.extend((number > 0).then(|| format!("{number} {state}")));
    }
    parts.push(format!("{done} done, {failed} failed"));
    parts.join(", ")
}

/// A rate, what it came to so far, and the limit in force.
fn flow(rate: u64, total: u64, limit: Option<u64>) -> String {
    let limit = match limit {
        Some(_) => format!("at most {}", Rate(limit).about()),
        None => "without limit".to_owned(),
    };
    format!("{}, {} so far, {limit}", units::rate(rate), units::bytes(total))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unknown => "not known yet",
        Verdict::Loopback => "from this machine",
        Verdict::Lan => "from the local network",
        Verdict::Public => "from anywhere",
    }
}

fn sharing(shares: &ShareTotals) -> String {
    let mut text =
        format!("{}, {}", format::count(shares.files, "file"), units::bytes(shares.bytes));
    if shares.to_hash > 0 {
        let left = units::bytes(shares.bytes_to_hash);
        text.push_str(&format!("; {} to hash ({left})", shares.to_hash));
    }
    if shares.keys_announced < shares.keys {
        text.push_str(&format!("; {} of {} keys announced", shares.keys_announced, shares.keys));
    }
    if shares.failed > 0 {
        text.push_str(&format!("; {} unreadable", shares.failed));
    }
    text
}
