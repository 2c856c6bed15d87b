//! [`Summary`]: what is said of several runs.

use crate::{files::MIB, measure::Measured};

/// Bytes of a GiB.
const GIB: f64 = (1_u64 << 30) as f64;

/// Medians of everything but memory, of which the most is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    /// Seconds.
    pub(crate) seconds: f64,
    /// Seconds until it was ready to be fetched.
    pub(crate) ready: f64,
    /// MiB per second.
    pub(crate) speed: f64,
    /// Seconds on a processor: sending, receiving, both.
    pub(crate) cpu: [f64; 3],
    /// The same, per GiB.
    pub(crate) cpu_per_gib: [f64; 3],
    /// How many cores were busy.
    pub(crate) busy: f64,
    /// The most memory of their own, in MiB: sending, receiving.
    pub(crate) memory: [f64; 2],
}

impl Summary {
    /// Of runs that moved so many bytes each; `None` of no runs.
    pub(crate) fn of(runs: &[Measured], bytes: u64) -> Option<Self> {
        let of = |value: &dyn Fn(&Measured) -> f64| median(runs.iter().map(value).collect());
        let most = |value: &dyn Fn(&Measured) -> u64| runs.iter().map(value).max();
        let seconds = of(&|run| run.elapsed.as_secs_f64())?;
        let cpu =
            [of(&|run| run.sending.cpu)?, of(&|run| run.receiving.cpu)?, of(&|run| run.cpu())?];
        let memory = [most(&|run| run.sending.memory)?, most(&|run| run.receiving.memory)?];
        Some(Self {
            seconds,
            ready: of(&|run| run.ready.as_secs_f64())?,
            speed: bytes as f64 / MIB as f64 / seconds,
            cpu,
            cpu_per_gib: cpu.map(|seconds| seconds * GIB / bytes as f64),
            busy: of(&|run| run.cpu() / run.elapsed.as_secs_f64())?,
            memory: memory.map(|bytes| bytes as f64 / MIB as f64),
        })
    }
}

/// How many times as fast ours was, in each pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// In the middle.
    pub(crate) median: f64,
    /// In the pair that was worst for us.
    pub(crate) least: f64,
    /// In the best.
    pub(crate) most: f64,
}

impl Ratio {
    /// Of pairs; `None` of no pairs.
    pub(crate) fn of(theirs: &[Measured], ours: &[Measured]) -> Option<Self> {
        let pairs = theirs.iter().zip(ours);
        let ratios = pairs.map(|(theirs, ours)| theirs.elapsed.div_duration_f64(ours.elapsed));
        let ratios: Vec<f64> = ratios.collect();
        let least = ratios.iter().copied().min_by(f64::total_cmp)?;
        let most = ratios.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { median: median(ratios)?, least, most })
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
