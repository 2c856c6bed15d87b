//! The routing table: who this node knows, by how near their identifiers are.
//!
//! ```text
//!   0 bits in common   ━━━━━━━━━━╌╌╌╌╌╌  14 of 20, 3 connected
//!   ● …k6nXTN  /ip4/192.168.1.7/udp/4001/quic-v1     <10 ms
//! ```

use libp2p_identity::PeerId;
use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    count, safe,
    widgets::{
        bar::bar,
        columns::{Cell, Width, row as columns},
        text::{field, paragraph, styled_field},
    },
};
use crate::{
    application::message::{Contact, PeerRow},
    tui::{
        state::{State, routing::RoutingLine},
        theme::Theme,
    },
};

/// How many peers a bucket holds at most: k of the Kademlia paper.
const BUCKET: usize = 20;

pub(super) fn summary(state: &State, theme: &Theme) -> Line<'static> {
    let Some(snapshot) = &state.snapshot else { return Line::default() };
    let known = format!("{} known, ", snapshot.routing);
    Line::from(vec![
        Span::raw(known),
        Span::raw(format!("{} connected", snapshot.peers)),
        Span::styled(format!(" · overlay {}", safe(&snapshot.node.overlay)), theme.dim),
    ])
}

pub(super) fn row(
    state: &State,
    theme: &Theme,
    at: usize,
    width: usize,
) -> Option<Vec<Line<'static>>> {
    let line = match state.routing.list.get(at)? {
        RoutingLine::Bucket { prefix_bits, peers, connected } => {
            bucket(theme, *prefix_bits, *peers, *connected, width)
        }
        RoutingLine::Outside { peers } => {
            let text = format!("{} connected, not in the table", count(*peers as u64, "peer"));
            Line::styled(text, theme.heading)
        }
        RoutingLine::Contact(contact) => contact_row(state, theme, contact, width),
        RoutingLine::Peer(peer) => {
            peer_row(theme, &peer.peer_id, safe(&peer.address), true, peer.rtt_ms, width)
        }
    };
    Some(vec![line])
}

fn bucket(theme: &Theme, bits: u32, peers: usize, connected: usize, width: usize) -> Line<'static> {
    let label = format!("{:<19}", format!("{bits} {} in common", plural(bits, "bit")));
    let amount = format!("  {peers}/{BUCKET} · {connected} connected");
    let bar_width = width.saturating_sub(label.len() + amount.chars().count()).min(BUCKET);
    let [full, rest] = bar(theme, peers as u64, BUCKET as u64, bar_width, theme.bar);
    Line::from(vec![
        Span::styled(label, theme.heading),
        full,
        rest,
        Span::styled(amount, theme.dim),
    ])
}

fn plural(n: u32, thing: &str) -> String {
    if n == 1 { thing.to_owned() } else { format!("{thing}s") }
}

fn contact_row(state: &State, theme: &Theme, contact: &Contact, width: usize) -> Line<'static> {
    let peer = state.routing.peer(&contact.peer_id);
    // The address we talk to says more than the first of those it listens on.
    let address = match (peer, contact.addresses.first()) {
        (Some(peer), _) => safe(&peer.address),
        (None, Some(address)) => safe(address),
        (None, None) => "no address known".to_owned(),
    };
    let rtt = contact.rtt_ms.or_else(|| peer.and_then(|peer| peer.rtt_ms));
    peer_row(theme, &contact.peer_id, address, contact.connected, rtt, width)
}

fn peer_row(
    theme: &Theme,
    id: &PeerId,
    address: String,
    connected: bool,
    rtt_ms: Option<u32>,
    width: usize,
) -> Line<'static> {
    let (sign, style) = if connected { ("●", theme.good) } else { ("○", theme.dim) };
    let text = if connected { Style::new() } else { theme.dim };
    let rtt = rtt_ms.map_or_else(String::new, round_trip);
    columns(
        width,
        vec![
            Cell::new(sign, Width::Fixed(1), style),
            Cell::new(short_id(id), Width::Fixed(9), text),
            Cell::new(address, Width::Share(1), theme.dim),
            Cell::right(rtt, 8, text),
        ],
    )
}

/// The end of an identifier: the beginning is the same for all.
pub(super) fn short_id(id: &PeerId) -> String {
    let text = id.to_string();
    let end = text.get(text.len().saturating_sub(8)..).unwrap_or(&text);
    format!("…{end}")
}

/// A round-trip time in steps, so that a screen on which nothing happens stays still.
pub(super) fn round_trip(ms: u32) -> String {
    match ms {
        0 => "<1 ms".to_owned(),
        1..10 => "<10 ms".to_owned(),
        10..100 => format!("{} ms", (ms + 5) / 10 * 10),
        _ => format!("{} ms", (ms + 25) / 50 * 50),
    }
}

/// How long ago, in one coarse unit.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => "less than a minute".to_owned(),
        60..3_600 => count(seconds / 60, "minute"),
        3_600..86_400 => count(seconds / 3_600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}

pub(super) fn empty(state: &State, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let Some(snapshot) = &state.snapshot else { return Vec::new() };
    if !state.routing.is_read() {
        return paragraph("Reading the routing table…", width, theme.dim);
    }
    let mut lines = paragraph("Nobody was found yet; you may be the first.", width, theme.heading);
    let network = safe(&snapshot.node.network);
    let why = format!(
        "Waiting for other nodes of the network {network}. On most local networks they find each \
         other within seconds. Otherwise: press i and send somebody the invitation, or press \
         J and paste one of theirs."
    );
    lines.push(Line::default());
    lines.extend(paragraph(&why, width, Style::new()));
    lines.push(Line::default());
    lines.push(Line::styled("Your address:", theme.dim));
    for address in &snapshot.listen {
        lines.extend(paragraph(
            &full_address(address, &snapshot.node.peer_id),
            width,
            theme.accent,
        ));
    }
    if snapshot.listen.is_empty() {
        lines.extend(paragraph("none yet; the node is about to listen", width, theme.dim));
    }
    lines
}

/// An address with the identity that answers there.
fn full_address(address: &multiaddr::Multiaddr, id: &PeerId) -> String {
    let text = safe(address);
    if text.contains("/p2p/") { text } else { format!("{text}/p2p/{id}") }
}

pub(super) fn detail(state: &State, theme: &Theme, width: usize) -> Option<Vec<Line<'static>>> {
    Some(match state.routing.list.selected()? {
        RoutingLine::Bucket { prefix_bits, peers, connected } => {
            let text = format!(
                "{peers} of at most {BUCKET} peers, {connected} connected. Their identifiers begin \
                 with the same {} as ours and differ in the next: the more in common, the nearer. \
                 Each bucket covers half as much of the network as the one above it, so this node \
                 knows its neighbourhood best.",
                count((*prefix_bits).into(), "bit"),
            );
            paragraph(&text, width, Style::new())
        }
        RoutingLine::Outside { .. } => {
            let text = "These peers are connected but in no bucket: their bucket is full, or they \
                        only ask and do not answer others.";
            paragraph(text, width, Style::new())
        }
        RoutingLine::Contact(contact) => contact_detail(state, theme, contact, width),
        RoutingLine::Peer(peer) => {
            let mut lines = field(theme, "peer", &peer.peer_id.to_string(), width);
            lines.extend(peer_detail(state, theme, peer, width));
            lines
        }
    })
}

fn contact_detail(
    state: &State,
    theme: &Theme,
    contact: &Contact,
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines = field(theme, "peer", &contact.peer_id.to_string(), width);
    match state.routing.peer(&contact.peer_id) {
        Some(peer) => lines.extend(peer_detail(state, theme, peer, width)),
        None => {
            let connected = if contact.connected { "yes" } else { "not now" };
            lines.extend(field(theme, "connected", connected, width));
        }
    }
    for (n, address) in contact.addresses.iter().enumerate() {
        let name = if n == 0 { "listens on" } else { "" };
        lines.extend(styled_field(theme, name, &safe(address), width, theme.accent));
    }
    lines
}

fn peer_detail(state: &State, theme: &Theme, peer: &PeerRow, width: usize) -> Vec<Line<'static>> {
    let since = (state.now_ms / 1_000).saturating_sub(peer.since);
    let direction = if peer.inbound { "it connected to us" } else { "we connected to it" };
    let mut lines = field(theme, "connected", &format!("for {}; {direction}", age(since)), width);
    lines.extend(field(theme, "at", &safe(&peer.address), width));
    if let Some(ms) = peer.rtt_ms {
        lines.extend(field(theme, "round trip", &round_trip(ms), width));
    }
    if let Some(agent) = &peer.agent {
        lines.extend(field(theme, "says it is", &agent.to_string(), width));
    }
    lines
}
