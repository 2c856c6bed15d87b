//! Networks made up from a seed: anything that peers may do, in any mixture, but for one thing:
//! among those that are honest and come back, everything can be had.

use std::collections::BTreeSet;

use p2pfs_tui::network::content::schedule::SpanNo;
use rand::Rng;

use super::{BLOCK, KIB, MIB, Network, Time, link::Character, ms, server::Node};

/// A network, and how many bytes its liars may waste.
pub fn made_from(seed: u64) -> Network {
    let mut net = Network::new(seed);
    net.check_every = 32;
    let lengths = lengths(&mut net);
    let clients = if net.rng.random_bool(0.1) { 3 } else { 1 };
    for client in 0..clients {
        net.add_client(&lengths, seed ^ client);
        prepare(&mut net, client as usize);
    }
    let count = lengths.len() as u32;
    reliable(&mut net, count);
    for _ in 0..net.rng.random_range(0..8) {
        let node = any(&mut net, count);
        net.add_node(node);
    }
    if clients > 1 {
        for client in 0..clients as usize {
            let node = Node { fetches_as: Some(client), ..line(&mut net) };
            net.add_node(node);
        }
    }
    for node in 0..net.nodes.len() {
        for client in 0..clients as usize {
            if net.nodes[node].fetches_as != Some(client) {
                let at = if node == 0 { 0 } else { net.rng.random_range(0..ms(5_000)) };
                net.connect_at(at, client, node);
            }
        }
        grow(&mut net, node, count);
    }
    net
}

fn lengths(net: &mut Network) -> Vec<u32> {
    let block = BLOCK as u32;
    let count = net.rng.random_range(1..24);
    let rng = &mut net.rng;
    let one = |_| match rng.random_range(0..4) {
        0 => 64 * block,
        1 => rng.random_range(1..=block),
        _ => rng.random_range(1..=16 * block),
    };
    (0..count).map(one).collect()
}

/// Some of it is here already, some is not wanted, a disk fails, somebody reads.
fn prepare(net: &mut Network, client: usize) {
    let count = net.clients[client].count();
    if net.rng.random_bool(0.3) {
        for span in 0..count {
            let blocks = net.rng.random::<u64>() & net.rng.random::<u64>();
            net.clients[client].already_have(span, blocks);
        }
    }
    if net.rng.random_bool(0.2) {
        for span in 1..count {
            let wanted = net.rng.random_bool(0.7);
            net.clients[client].set_wanted(span, wanted);
        }
    }
    if net.rng.random_bool(0.2) {
        net.clients[client].loses_blocks = 0.002;
    }
    if net.rng.random_bool(0.3) {
        for _ in 0..net.rng.random_range(1..20) {
            let at = net.rng.random_range(0..ms(20_000));
            let span = net.rng.random_range(0..count);
            net.read_at(at, client, span);
        }
    }
    net.pump(client);
}

/// A line of any kind.
fn line(net: &mut Network) -> Node {
    let rng = &mut net.rng;
    let rate = 30.0 * KIB * 2f64.powf(rng.random_range(0.0..10.0));
    let jitter = if rng.random_bool(0.5) { rng.random_range(0..ms(50)) } else { 0 };
    let node = Node::new(rate.min(20.0 * MIB), rng.random_range(ms(1)..ms(400)));
    Node { jitter, ..node }
}

/// One node with everything, or several that have it between them.
fn reliable(net: &mut Network, count: u32) {
    let parts = if net.rng.random_bool(0.6) { 1 } else { net.rng.random_range(2..5) };
    for part in 0..parts {
        let mut node = Node { is_reliable: true, ..line(net) };
        if parts > 1 {
            let rng = &mut net.rng;
            let has = (0..count).filter(|span| span % parts == part || rng.random_bool(0.2));
            node.has = Some(has.collect());
        }
        if net.rng.random_bool(0.3) {
            node.loses = Some((10.0, 3.0));
        }
        if net.rng.random_bool(0.3) {
            node.character.stalls = Some((bytes(net), Some(time(net))));
        }
        if net.rng.random_bool(0.3) {
            node.character.queues = Some((bytes(net), time(net)));
        }
        net.add_node(node);
    }
}

fn bytes(net: &mut Network) -> u64 {
    if net.rng.random_bool(0.3) { 0 } else { net.rng.random_range(0..64 * BLOCK) }
}

fn time(net: &mut Network) -> Time {
    net.rng.random_range(ms(100)..ms(40_000))
}

/// A node that may do anything.
fn any(net: &mut Network, count: u32) -> Node {
    let after = bytes(net);
    let pause = time(net);
    let character = match net.rng.random_range(0..8) {
        0 => Character { stalls: Some((after, None)), ..Character::default() },
        1 => Character { stalls: Some((after, Some(pause))), ..Character::default() },
        2 => Character { queues: Some((after, pause)), ..Character::default() },
        3 | 4 => Character { lies: Some(after), ..Character::default() },
        5 => Character { refuses: 0.5, ..Character::default() },
        6 => Character { only_begins: true, ..Character::default() },
        _ => Character::default(),
    };
    let mut node = Node { character, ..line(net) };
    if net.rng.random_bool(0.4) {
        node.loses = Some((3.0, 2.0));
    }
    if net.rng.random_bool(0.4) {
        let rng = &mut net.rng;
        let has: BTreeSet<SpanNo> = (0..count).filter(|_| rng.random_bool(0.5)).collect();
        node.has = Some(has);
    }
    node
}

/// A node that has not everything gets more as time goes by.
fn grow(net: &mut Network, node: usize, count: u32) {
    if net.nodes[node].has.is_some() && net.rng.random_bool(0.5) {
        for _ in 0..net.rng.random_range(1..20) {
            let at = net.rng.random_range(0..ms(20_000));
            let span = net.rng.random_range(0..count);
            net.gain_at(at, node, span);
        }
    }
}
