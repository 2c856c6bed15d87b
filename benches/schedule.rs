//! What the block scheduler costs per call, for 100 GiB from 64 peers.
//!
//! `cargo bench --bench schedule`. Half of the peers have everything, half have every second span or
//! so. Every call is timed by itself, so the clock's own cost is in each figure. Resident memory is
//! this process's growth, from `/proc/self/statm`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use p2pfs_tui::network::content::schedule::{Action, Ended, PeerNo, RequestNo, Schedule};
use rand::{Rng, SeedableRng, rngs::StdRng};

const SPANS: u32 = 100_000;
const PEERS: u32 = 64;
/// Spans that are fetched, of all: enough for a steady figure.
const FETCHED: u64 = 20_000;
/// Between two blocks, over all peers: about 800 MiB/s.
const STEP: Duration = Duration::from_micros(20);

/// The times of one kind of call, in nanoseconds.
struct Times(Vec<u64>);

impl Times {
    /// With room that is in memory already, so that it does not count as the scheduler's.
    fn new() -> Self {
        let mut times = vec![1; 2_000_000];
        times.clear();
        Self(times)
    }

    fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = call();
        self.0.push(start.elapsed().as_nanos() as u64);
        done
    }

    fn show(&mut self, name: &str) {
        self.0.sort_unstable();
        let at = |share: f64| self.0[(self.0.len() as f64 * share) as usize];
        let mean = self.0.iter().sum::<u64>() / self.0.len() as u64;
        let last = self.0.last().unwrap();
        println!(
            "{name:16} {:>9} calls  mean {mean:>6} ns  median {:>6}  99% {:>6}  99.9% {:>7}  most {last}",
            self.0.len(),
            at(0.5),
            at(0.99),
            at(0.999),
        );
    }
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn main() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut now = Instant::now();
    let (mut has, mut left) = (Times::new(), Times::new());
    let (mut polls, mut blocks, mut wakes) = (Times::new(), Times::new(), Times::new());
    let before = resident();
    let mut schedule = Schedule::new(vec![1 << 20; SPANS as usize], 1, now);
    for peer in 0..PEERS {
        schedule.peer_joined(peer, now);
        if peer % 2 == 0 {
            schedule.peer_has_all(peer, now);
            continue;
        }
        for span in (0..SPANS).filter(|_| rng.random_bool(0.5)) {
            has.time(|| schedule.peer_has(peer, span, now));
        }
    }
    println!("{SPANS} spans, {PEERS} peers: {} KiB resident", (resident() - before) >> 10);
    has.show("peer_has");

    let mut asked: VecDeque<(PeerNo, RequestNo, std::ops::Range<u8>)> = VecDeque::new();
    let goal = FETCHED << 20;
    let start = Instant::now();
    while schedule.bytes_done() < goal {
        while let Some(action) = polls.time(|| schedule.poll(now)) {
            if let Action::Ask { peer, request, blocks, .. } = action {
                asked.push_back((peer, request, blocks));
            }
        }
        wakes.time(|| schedule.next_wake());
        // A block of each answer in turn, as from peers that send at the same time.
        let (peer, request, mut rest) = asked.pop_front().expect("somebody is asked");
        now += STEP;
        if rest.start == 0 {
            schedule.answer_began(peer, request, now);
        }
        let block = rest.next().unwrap();
        blocks.time(|| schedule.block_arrived(peer, request, block, now));
        if rest.is_empty() {
            schedule.answer_ended(peer, request, Ended::Complete, now);
        } else {
            asked.push_back((peer, request, rest));
        }
    }
    let per_block = start.elapsed() / blocks.0.len() as u32;
    polls.show("poll");
    blocks.show("block_arrived");
    wakes.show("next_wake");
    println!("all of it, for each block of 16 KiB: {per_block:?}");
    println!("{} KiB resident after {FETCHED} spans", (resident() - before) >> 10);

    for peer in 0..PEERS {
        left.time(|| schedule.peer_left(peer, now));
    }
    left.show("peer_left");
}
