//! [`Meter`]: time, processor time and memory of the two sides of some work.
//!
//! Processor time is what the kernel counted for each process, its threads and its reaped
//! children, in steps of a clock tick (10 ms), also for one that has ended but is not reaped.
//! Memory is `RssAnon`, sampled: pages of the process itself, so neither mapped files nor what a
//! tmpfs keeps. Two processes of one side are added up.

use std::{
    fs,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use color_eyre::eyre::{Result, WrapErr, eyre};
use rustix::{param::clock_ticks_per_second, process::Pid};

/// How often memory is looked at: often enough for what lasts, and too rare to cost anything.
const SAMPLING: Duration = Duration::from_millis(10);

/// A side of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Shares, serves.
    Sending,
    /// Fetches.
    Receiving,
}

/// What one side used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// Seconds on a processor.
    pub(crate) cpu: f64,
    /// The most memory of its own, in bytes.
    pub(crate) memory: u64,
}

/// What some work took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Measured {
    /// From start to end.
    pub(crate) elapsed: Duration,
    /// Of which until it was ready to be fetched, where that is part of the work.
    pub(crate) ready: Duration,
    /// What the sources used.
    pub(crate) sending: Usage,
    /// What the receiver used.
    pub(crate) receiving: Usage,
}

impl Measured {
    /// Seconds on a processor of both sides.
    pub(crate) fn cpu(&self) -> f64 {
        self.sending.cpu + self.receiving.cpu
    }

    /// The whole of sharing and then fetching.
    pub(crate) fn after(self, sharing: Self) -> Self {
        let both = |before: Usage, now: Usage| Usage {
            cpu: before.cpu + now.cpu,
            memory: before.memory.max(now.memory),
        };
        Self {
            elapsed: sharing.elapsed + self.elapsed,
            ready: sharing.elapsed,
            sending: both(sharing.sending, self.sending),
            receiving: both(sharing.receiving, self.receiving),
        }
    }
}

/// A process that is looked at.
#[derive(Debug, Clone, Copy)]
struct Watched {
    side: Side,
    pid: Pid,
    /// What it had used when the work began.
    cpu_before: f64,
}

type Shared = Arc<Mutex<Vec<Watched>>>;

/// Measures from its start to its end.
#[derive(Debug)]
pub(crate) struct Meter {
    watched: Shared,
    sampler: Sampler,
    started: Instant,
}

impl Meter {
    /// Starts, with the processes that run already.
    pub(crate) fn start(sending: &[Pid], receiving: &[Pid]) -> Result<Self> {
        let mut watched = Vec::new();
        for (side, pids) in [(Side::Sending, sending), (Side::Receiving, receiving)] {
            for pid in pids {
                watched.push(Watched { side, pid: *pid, cpu_before: cpu(*pid)? });
            }
        }
        let watched = Arc::new(Mutex::new(watched));
        let sampler = Sampler::start(Arc::clone(&watched));
        Ok(Self { watched, sampler, started: Instant::now() })
    }

    /// Looks also at one that the work has started: all that it uses counts.
    pub(crate) fn add(&self, side: Side, pid: Pid) {
        let one = Watched { side, pid, cpu_before: 0.0 };
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }

    /// The work is done now. The processes must not have been reaped.
    pub(crate) fn stop(self) -> Result<Measured> {
        let elapsed = self.started.elapsed();
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut measured = Measured { elapsed, ..Measured::default() };
        for one in &watched {
            measured.side(one.side).cpu += cpu(one.pid)? - one.cpu_before;
        }
        let [sending, receiving] = self.sampler.stop()?;
        measured.sending.memory = sending;
        measured.receiving.memory = receiving;
        Ok(measured)
    }
}

impl Measured {
    fn side(&mut self, side: Side) -> &mut Usage {
        match side {
            Side::Sending => &mut self.sending,
            Side::Receiving => &mut self.receiving,
        }
    }
}

/// The thread that looks at memory.
#[derive(Debug)]
struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<[u64; 2]>>,
}

impl Sampler {
    fn start(watched: Shared) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut peak = [0, 0];
            loop {
                // Once more after the end, so that the shortest work has a sample too.
                let is_last = stopped.load(Ordering::Acquire);
                let now = memory_of_sides(&watched);
                peak = [peak[0].max(now[0]), peak[1].max(now[1])];
                if is_last {
                    return peak;
                }
                thread::park_timeout(SAMPLING);
            }
        });
        Self { stop, thread: Some(thread) }
    }

    fn stop(mut self) -> Result<[u64; 2]> {
        self.end().ok_or_else(|| eyre!("memory could not be sampled"))
    }

    fn end(&mut self) -> Option<[u64; 2]> {
        self.stop.store(true, Ordering::Release);
        let thread = self.thread.take()?;
        thread.thread().unpark();
        thread.join().ok()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.end();
    }
}

fn memory_of_sides(watched: &Shared) -> [u64; 2] {
    let watched = watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut sums = [0, 0];
    for one in watched {
        let side = usize::from(one.side == Side::Receiving);
        // One that has ended has no memory any more.
        sums[side] += own_memory(one.pid).unwrap_or(0);
    }
    sums
}

fn own_memory(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Seconds on a processor, of a process and of its reaped children.
fn cpu(pid: Pid) -> Result<f64> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let stat = fs::read_to_string(&path).wrap_err_with(|| format!("cannot read {path}"))?;
    // The name, in brackets, may contain anything; utime is the twelfth field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let fields = fields.split_ascii_whitespace().skip(11).take(4);
    let ticks: Option<Vec<u64>> = fields.map(|field| field.parse().ok()).collect();
    let ticks = ticks.filter(|ticks| ticks.len() == 4).ok_or_else(|| eyre!("{path}: {stat}"))?;
    let seconds = ticks.iter().sum::<u64>() as f64 / clock_ticks_per_second() as f64;
    Ok(seconds)
}
