//! What was measured on.

use std::{fs, thread};

use crate::{files::Work, node};

/// A load above this, per core, makes figures noisy.
const QUIET: f64 = 0.2;

/// Number of cores that this run may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Prints cores, processor, kernel, place, program and load.
pub(crate) fn describe(work: &Work, alone: bool) {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = line("/proc/cpuinfo");
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let processor =
        processor.map_or("processor unknown", |it| it.trim_start_matches(['\t', ':', ' ']));
    let kernel = line("/proc/sys/kernel/osrelease");
    let cores = cores();
    println!("{cores} cores ({processor}), Linux {}", kernel.trim());
    let network = if alone { "a network of its own" } else { "this machine's network" };
    println!("files in {}, loopback of {network}", work.path().display());
    println!("program: {}", node::program().display());
    let load = line("/proc/loadavg");
    let load: f64 = load.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0.0);
    if load > QUIET * cores as f64 {
        println!("load {load:.1} before it begins: this machine is busy, figures will be noisy");
    }
}
