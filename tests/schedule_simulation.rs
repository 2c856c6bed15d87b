//! The block scheduler in a network that is not there, under a virtual clock.
//!
//! Thousands of networks made up from seeds, in which it always completes, counts no block twice and
//! keeps its bounds; and some with figures to reach. `P2PFS_SEEDS=20000` runs more of the first;
//! `P2PFS_SEED=123` runs that one alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

#[path = "schedule_simulation/mod.rs"]
mod network;

use std::panic::{AssertUnwindSafe, catch_unwind};

use network::{ms, random};

/// Seeds that are run unless told otherwise.
const SEEDS: u64 = 2_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|said| said.parse().expect("a number"))
}

#[test]
fn whatever_peers_do_it_completes() {
    if let Some(seed) = number("P2PFS_SEED") {
        return run_seed(seed);
    }
    let seeds = number("P2PFS_SEEDS").unwrap_or(SEEDS);
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let failed = |seed: &u64| catch_unwind(AssertUnwindSafe(|| run_seed(*seed))).is_err();
    let worker = |first: u64| (first..seeds).step_by(workers as usize).filter(failed).collect();
    let failures: Vec<u64> = std::thread::scope(|scope| {
        let started: Vec<_> =
            (0..workers).map(|first| scope.spawn(move || worker(first))).collect();
        let joined = started.into_iter().map(|worker| worker.join().expect("a worker"));
        joined.flat_map(|failed: Vec<u64>| failed).collect()
    });
    assert!(failures.is_empty(), "seeds {failures:?}; P2PFS_SEED=… runs one alone");
}

fn run_seed(seed: u64) {
    let mut net = random::made_from(seed);
    net.run(ms(3_600_000));
    for client in &net.clients {
        if std::env::var("SHOW").is_ok() {
            println!("{seed} {} {} {}", client.wasted, client.received, client.done_at / ms(1));
        }
    }
}
