//! Networks with a figure to reach. Times are virtual, and so exact.

use p2pfs_tui::network::content::schedule::SpanNo;

use super::{KIB, MIB, Network, Time, link::Character, ms, server::Node};

const SPAN: u32 = 1024 * 1024;
const HOUR: Time = 3_600_000_000_000;

/// A content of so many MiB.
fn mebibytes(count: u32) -> Vec<u32> {
    vec![SPAN; count as usize]
}

/// A client of that content, and these nodes; all lines are there from the start.
fn network(lengths: &[u32], nodes: Vec<Node>) -> Network {
    let mut net = Network::new(7);
    net.add_client(lengths, 7);
    for node in nodes {
        let node = net.add_node(node);
        net.connect_at(0, 0, node);
    }
    net
}

/// Runs it; MiB per second, and the share of what was received that was for nothing.
fn run(name: &str, net: &mut Network) -> (f64, f64) {
    let took = net.run(HOUR);
    let client = &net.clients[0];
    let rate = client.bytes() as f64 / MIB / (took as f64 / 1e9);
    let waste = client.wasted as f64 / client.received as f64;
    println!("{name}: {rate:.2} MiB/s, {:.3} s, {:.3}% wasted", took as f64 / 1e9, waste * 100.0);
    (rate, waste)
}

fn stalling(after: u64) -> Character {
    Character { stalls: Some((after, None)), ..Character::default() }
}

#[test]
fn four_sources_are_used_at_once() {
    for size in [64, 1024] {
        let nodes = (0..4).map(|_| Node::new(10.0 * MIB, ms(1))).collect();
        let mut net = network(&mebibytes(size), nodes);
        let (rate, waste) = run(&format!("four sources, {size} MiB"), &mut net);
        assert!(rate >= 38.0 && waste < 0.01, "{rate} {waste}");
    }
}

#[test]
fn one_source_gives_the_file_from_front_to_back() {
    let mut net = network(&mebibytes(64), vec![Node::new(10.0 * MIB, ms(20))]);
    let (rate, waste) = run("one source", &mut net);
    assert!(rate >= 9.5 && waste == 0.0, "{rate} {waste}");
    let whole = &net.clients[0].whole_at;
    assert!(whole.is_sorted() && whole[0].is_some(), "{whole:?}");
}

#[test]
fn nine_that_stall_do_not_hold_up_the_tenth() {
    let alone = network(&mebibytes(64), vec![Node::new(10.0 * MIB, ms(20))]).run(HOUR);
    for after in [0, 100_000, 5_000_000] {
        let stalled = (0..9).map(|_| Node::new(10.0 * MIB, ms(20)).with(stalling(after)));
        let nodes = stalled.chain([Node::new(10.0 * MIB, ms(20))]).collect();
        let mut net = network(&mebibytes(64), nodes);
        run(&format!("nine stall after {after} bytes"), &mut net);
        let share = alone as f64 / net.clients[0].done_at as f64;
        println!("  {:.1}% of the honest one's speed", share * 100.0);
        assert!(share >= 0.8, "{share}");
    }
}

#[test]
fn eight_liars_waste_little() {
    for (size, after) in [(64, 0), (64, 200_000), (1024, 3_000_000)] {
        let lies = Character { lies: Some(after), ..Character::default() };
        let liars = (0..8).map(|_| Node::new(10.0 * MIB, ms(20)).with(lies.clone()));
        let honest = (0..2).map(|_| Node::new(10.0 * MIB, ms(20)));
        let mut net = network(&mebibytes(size), liars.chain(honest).collect());
        let (rate, waste) = run(&format!("eight lie after {after} bytes, {size} MiB"), &mut net);
        assert!(waste < 0.01 && rate > 17.0, "{rate} {waste}");
        assert_eq!(net.nodes.iter().filter(|node| node.is_banned).count(), 8);
    }
}

#[test]
fn a_slow_one_does_not_hold_up_the_end() {
    let fast = || (0..3).map(|_| Node::new(10.0 * MIB, ms(20)));
    let without = network(&mebibytes(64), fast().collect()).run(HOUR);
    let slow = Node::new(50.0 * KIB, ms(100));
    let mut net = network(&mebibytes(64), fast().chain([slow]).collect());
    let (_, waste) = run("one slow among fast", &mut net);
    let more = net.clients[0].done_at.saturating_sub(without);
    println!("  {} ms later than without it", more / ms(1));
    assert!(more < ms(100) && waste < 0.02, "{more} ns, {waste}");
}

#[test]
fn a_long_way_is_filled() {
    for (round_trip, goal) in [(200, 9.0), (400, 9.0)] {
        let mut net = network(&mebibytes(256), vec![Node::new(10.0 * MIB, ms(round_trip))]);
        let (rate, _) = run(&format!("{round_trip} ms away"), &mut net);
        assert!(rate >= goal, "{rate}");
    }
}

#[test]
fn small_files_flow_as_a_stream() {
    let mut net = network(&vec![4096; 10_000], vec![Node::new(50.0 * MIB, ms(20))]);
    let (rate, waste) = run("10,000 spans of 4 KiB", &mut net);
    assert!(rate >= 40.0 && waste == 0.0, "{rate}");
}

#[test]
fn a_swarm_takes_little_longer_than_one() {
    let content = mebibytes(64);
    let line = || Node::new(10.0 * MIB, ms(20));
    let single = network(&content, vec![line()]).run(HOUR);
    let mut net = network(&content, vec![line()]);
    for client in 0..10 {
        if client > 0 {
            net.add_client(&content, client as u64);
            net.connect_at(0, client, 0);
        }
        net.add_node(Node { fetches_as: Some(client), ..line() });
    }
    for client in 0..10 {
        for node in (1..=10).filter(|node| *node != client + 1) {
            net.connect_at(0, client, node);
        }
    }
    let took = net.run(HOUR);
    let times = took as f64 / single as f64;
    let sent = net.nodes[0].sent as f64 / net.clients[0].bytes() as f64;
    let (wasted, received) = net
        .clients
        .iter()
        .fold((0, 0), |(wasted, received), one| (wasted + one.wasted, received + one.received));
    let waste = wasted as f64 / received as f64;
    println!(
        "swarm of ten: {times:.2} times one, the seed sent it {sent:.2} times, {waste:.3} wasted"
    );
    assert!(times < 2.5 && waste < 0.05, "{times} {waste}");
}

#[test]
fn what_a_reader_needs_is_there_before() {
    let nodes = (0..3).map(|_| Node::new(MIB, ms(30))).collect();
    let mut net = network(&mebibytes(60), nodes);
    assert!(is_there_in_time(&mut net, 0, 1_500), "three at 1 MiB/s");
}

#[test]
fn a_reader_may_jump_and_one_may_stall() {
    let mut nodes: Vec<Node> = (0..3).map(|_| Node::new(MIB, ms(30))).collect();
    nodes.push(Node::new(MIB, ms(30)).with(stalling(3_000_000)));
    let mut net = network(&mebibytes(120), nodes);
    assert!(is_there_in_time(&mut net, 0, 1_500), "from the front");
    let at = net.now;
    for span in 70..100 {
        net.read_at(at, 0, 70);
        net.read_at(at + ms(3_000) + ms(1_000) * u64::from(span - 70), 0, span);
    }
    net.run(HOUR);
    let whole = &net.clients[0].whole_at;
    let late: Vec<SpanNo> = (70..100)
        .filter(|span| {
            let needed = at + ms(3_000) + ms(1_000) * u64::from(span - 70);
            whole[*span as usize].is_none_or(|at| at > needed)
        })
        .collect();
    assert!(late.is_empty(), "late: {late:?}");
}

/// Reads 40 spans at 1 MiB/s from `first` on, after some time to begin with.
fn is_there_in_time(net: &mut Network, first: SpanNo, start: u64) -> bool {
    let needed = |span: SpanNo| net_start(start) + ms(1_000) * u64::from(span - first);
    net.read_at(0, 0, first);
    for span in first..first + 40 {
        net.read_at(needed(span), 0, span);
    }
    net.run_until(needed(first + 40));
    let whole = &net.clients[0].whole_at;
    let slack = (first..first + 40)
        .map(|span| whole[span as usize].map_or(i64::MIN, |at| needed(span) as i64 - at as i64));
    let least = slack.min().unwrap_or(i64::MIN);
    println!("the reader's narrowest margin: {} ms", least / ms(1) as i64);
    least >= 0
}

fn net_start(start: u64) -> Time {
    ms(start)
}
