//! [`Contender`]: what takes part in a comparison.

use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, bail};

use crate::measure::Measured;

/// What is to be shared and fetched.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The file or the folder.
    pub(crate) source: PathBuf,
    /// How many files that is.
    pub(crate) files: u64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// How many sources share it.
    pub(crate) sources: usize,
    /// The most that each source sends, in MiB per second.
    pub(crate) limit: Option<u64>,
    /// Whether it is going to be fetched, or only shared.
    pub(crate) is_fetched: bool,
    /// A folder for whatever the contender keeps; empty at first, and its own.
    pub(crate) home: PathBuf,
}

/// One program, or two, that share and fetch.
///
/// A contender starts its own processes and owns them: they end in [`Contender::clean_up`], and
/// when it is dropped.
pub(crate) trait Contender {
    /// As it stands in the table.
    fn name(&self) -> &'static str;

    /// The version that is installed, or why it cannot take part and what to do about it.
    fn version(&self) -> Result<String>;

    /// Whether it opens what it shares for writing, which makes another file of it to all who
    /// share it too. Such a contender gets a copy of its own.
    fn touches_source(&self) -> bool {
        false
    }

    /// Shares, and returns once it can be fetched. Measured from the start of the first process.
    fn prepare(&mut self, task: &Task) -> Result<Measured>;

    /// Fetches into an empty folder what was shared. Measured until everything is complete
    /// under its final name.
    fn run(&mut self, _task: &Task, _into: &Path) -> Result<Measured> {
        bail!("{} does not fetch", self.name());
    }

    /// Fetches to stdout. Measured until the first byte is there.
    fn first_byte(&mut self, _task: &Task) -> Result<Measured> {
        bail!("{} does not write to stdout", self.name());
    }

    /// Ends every process of it.
    fn clean_up(&mut self);
}

/// What this program cannot do yet: a reason to leave a scenario out, not to fail.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotYet(pub String);
