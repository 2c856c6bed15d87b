//! The table of a comparison, and how far its goals are.

use crate::{
    machine,
    pairs::{Comparison, Entry, Kind},
    summary::{Ratio, Summary},
    table::Table,
};

/// What ours shall reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// So many times as fast as that rival.
    Times(f64, &'static str),
    /// So many MiB per second.
    Speed(f64),
    /// At most so many seconds.
    Seconds(f64),
    /// At most so many seconds on a processor per GiB, of both sides.
    CpuPerGib(f64),
    /// At most so many MiB of memory, each side.
    Memory(f64),
}

/// Prints the table and what became of the goals.
pub(crate) fn print(comparison: &Comparison, goals: &[Goal]) {
    let mut table = Table::new(head(comparison.kind));
    let entries = std::iter::once(&comparison.ours).chain(&comparison.rivals);
    for entry in entries.clone() {
        let mut cells = vec![format!("{} {}", entry.name(), entry.version)];
        match Summary::of(&entry.runs, comparison.task.bytes) {
            Some(summary) => cells.extend(row(comparison.kind, &summary, &ratio(entry))),
            None => cells.push("failed".into()),
        }
        table.row(cells);
    }
    println!();
    table.print();
    println!();
    for entry in entries {
        if let Some(failure) = &entry.failure {
            println!("FAILED: {}: {failure}", entry.name());
        }
    }
    if let Some(ours) = Summary::of(&comparison.ours.runs, comparison.task.bytes) {
        for goal in goals {
            judge(*goal, &ours, comparison);
        }
        println!("ours kept {:.1} of {} cores busy", ours.busy, machine::cores());
    }
}

fn ratio(entry: &Entry) -> String {
    Ratio::of(&entry.runs, &entry.beside).map_or(String::new(), |ratio| {
        let Ratio { median, least, most } = ratio;
        if entry.runs.len() == 1 {
            format!("{median:.2}")
        } else {
            format!("{median:.2} ({least:.2} to {most:.2})")
        }
    })
}

const RATIO: &str = "ours, times as fast";

fn head(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Fetch => &[
            "",
            "MiB/s",
            RATIO,
            "s",
            "CPU s/GiB: sender",
            "receiver",
            "both",
            "peak MiB: sender",
            "receiver",
        ],
        Kind::Share => &["", "MiB/s", RATIO, "s", "CPU s", "peak MiB"],
        Kind::ShareAndFetch => &[
            "",
            "s",
            "share",
            "fetch",
            RATIO,
            "CPU s: sender",
            "receiver",
            "both",
            "peak MiB: sender",
            "receiver",
        ],
        Kind::FirstByte => &["", "ms", RATIO],
    }
}

fn row(kind: Kind, it: &Summary, ratio: &str) -> Vec<String> {
    let ratio = ratio.to_owned();
    let seconds = |value: f64| format!("{value:.2}");
    let mib = |value: f64| format!("{value:.0}");
    let memory = it.memory.map(mib);
    let cells = match kind {
        Kind::Fetch => {
            vec![
                vec![mib(it.speed), ratio, seconds(it.seconds)],
                it.cpu_per_gib.map(seconds).to_vec(),
                memory.to_vec(),
            ]
        }
        Kind::Share => {
            let [sender, _] = memory;
            vec![vec![mib(it.speed), ratio, seconds(it.seconds), seconds(it.cpu[0]), sender]]
        }
        Kind::ShareAndFetch => {
            let parts = [it.seconds, it.ready, it.seconds - it.ready].map(seconds);
            vec![parts.to_vec(), vec![ratio], it.cpu.map(seconds).to_vec(), memory.to_vec()]
        }
        Kind::FirstByte => vec![vec![format!("{:.1}", it.seconds * 1000.0), ratio]],
    };
    cells.concat()
}

fn judge(goal: Goal, ours: &Summary, comparison: &Comparison) {
    let (what, wanted, got, at_least) = match goal {
        Goal::Times(times, name) => {
            let rival = comparison.rivals.iter().find(|rival| rival.name() == name);
            let ratio = rival.and_then(|rival| Ratio::of(&rival.runs, &rival.beside));
            // Who did not take part is no measure.
            let Some(ratio) = ratio else { return };
            (format!("times as fast as {name}"), times, ratio.median, true)
        }
        Goal::Speed(speed) => ("MiB/s".to_owned(), speed, ours.speed, true),
        Goal::Seconds(seconds) => ("seconds".to_owned(), seconds, ours.seconds, false),
        Goal::CpuPerGib(seconds) => {
            ("CPU seconds per GiB".to_owned(), seconds, ours.cpu_per_gib[2], false)
        }
        Goal::Memory(mib) => {
            let [sending, receiving] = ours.memory;
            ("MiB of memory on either side".to_owned(), mib, sending.max(receiving), false)
        }
    };
    let is_reached = if at_least { got >= wanted } else { got <= wanted };
    let bound = if at_least { "at least" } else { "at most" };
    let outcome = if is_reached { "reached" } else { "missed" };
    let off = 100.0 * (got / wanted - 1.0);
    println!("goal {outcome}: {bound} {wanted} {what}: {got:.3} ({off:+.0}%)");
}
