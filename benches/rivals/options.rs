//! The command line of the bench.

use clap::{Parser, ValueEnum};

use crate::files::MIB;

/// Said where the bench is started as a test, which must be quick.
pub(crate) const WITHOUT_BENCH: &str = "rivals: run it as `cargo bench --bench rivals`";

/// Compares this program with its rivals.
#[derive(Debug, Parser)]
#[command(name = "rivals", bin_name = "cargo bench --bench rivals --")]
pub(crate) struct Options {
    /// What to compare; everything, if nothing is named.
    #[arg(value_name = "SCENARIO")]
    named: Vec<Scenario>,

    /// Pairs of each rival with ours.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,

    /// MiB of the large file in `transfer`, `hashing`, `four-sources` and `first-byte`.
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) size: u64,

    /// MiB of the file in `memory`.
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) memory_size: u64,

    /// Files of 4 KiB in `many` and `hashing`.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) files: u32,

    /// Only these rivals, by a part of their names: `--only rqbit,curl`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,

    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One source, one large file.
    Transfer,
    /// From nothing to ready to share: one large file, and many small ones.
    Hashing,
    /// Many small files: shared, and fetched.
    Many,
    /// Four sources of 10 MiB/s each.
    FourSources,
    /// From the command to the first byte on stdout.
    FirstByte,
    /// A file larger than anybody may keep in memory.
    Memory,
}

impl Options {
    /// What to compare; `None` when neither cargo nor a person asked for a measurement.
    pub(crate) fn scenarios(&self) -> Option<Vec<Scenario>> {
        match (self.named.is_empty(), self.bench) {
            (false, _) => Some(self.named.clone()),
            (true, true) => Some(Scenario::value_variants().to_vec()),
            (true, false) => None,
        }
    }

    /// Bytes that files may take at one time.
    pub(crate) fn room(&self, scenarios: &[Scenario]) -> u64 {
        let rooms = scenarios.iter().map(|scenario| match scenario {
            // The source and what arrives.
            Scenario::Memory => 2 * self.memory_size * MIB,
            // Many small ones take less than this.
            Scenario::Many => MIB * u64::from(self.files) / 32,
            // A rival has a copy of the source, and one keeps another of what arrives.
            _ => 5 * self.size * MIB,
        });
        rooms.max().unwrap_or(0)
    }

    /// Whether a rival takes part.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}
