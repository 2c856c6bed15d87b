//! The block scheduler in a network that is not there, under a virtual clock.
//!
//! Thousands of networks made up from seeds, in which it always completes, counts no block twice and
//! keeps its bounds; and some with figures to reach. `P2PFS_SEEDS=20000` runs more of the first;
//! `P2PFS_SEED=123` runs that one alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

#[path = "schedule_simulation/mod.rs"]
mod network;

use std::panic::{AssertUnwindSafe, catch_unwind};

use network::{client::Client, ms, random};

/// Seeds that are run unless told otherwise.
const SEEDS: u64 = 2_000;

/// Of all that is received in networks full of liars, stalls and lost lines, so much may be for
/// nothing.
const WASTE: f64 = 0.05;

/// What runs came to.
#[derive(Debug, Default, Clone, PartialEq)]
struct Totals {
    wasted: u64,
    received: u64,
    asks: u64,
    drops: u64,
    took: u64,
    failed: Vec<u64>,
}

impl Totals {
    fn add(mut self, other: Self) -> Self {
        self.wasted += other.wasted;
        self.received += other.received;
        self.asks += other.asks;
        self.drops += other.drops;
        self.took += other.took;
        self.failed.extend(other.failed);
        self
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|said| said.parse().expect("a number"))
}

#[test]
fn whatever_peers_do_it_completes() {
    if let Some(seed) = number("P2PFS_SEED") {
        println!("{:?}", run_seed(seed));
        return;
    }
    let seeds = number("P2PFS_SEEDS").unwrap_or(SEEDS);
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let run = |seed| {
        let failed = Totals { failed: vec![seed], ..Totals::default() };
        catch_unwind(AssertUnwindSafe(|| run_seed(seed))).unwrap_or(failed)
    };
    let worker = |first: u64| {
        (first..seeds).step_by(workers as usize).map(run).fold(Totals::default(), Totals::add)
    };
    let totals = std::thread::scope(|scope| {
        let started: Vec<_> =
            (0..workers).map(|first| scope.spawn(move || worker(first))).collect();
        let joined = started.into_iter().map(|worker| worker.join().expect("a worker"));
        joined.fold(Totals::default(), Totals::add)
    });
    println!("{seeds} seeds: {totals:?}");
    assert!(totals.failed.is_empty(), "seeds {:?}; P2PFS_SEED=… runs one", totals.failed);
    let waste = totals.wasted as f64 / totals.received as f64;
    assert!(waste < WASTE, "{waste} of what was received was for nothing");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        assert_eq!(run_seed(seed), run_seed(seed), "seed {seed}");
    }
}

fn run_seed(seed: u64) -> Totals {
    let mut net = random::made_from(seed);
    let took = net.run(ms(3_600_000));
    net.clients.iter().fold(Totals { took, ..Totals::default() }, |totals, client| {
        let Client { wasted, received, asks, drops, .. } = *client;
        totals.add(Totals { wasted, received, asks, drops, ..Totals::default() })
    })
}
