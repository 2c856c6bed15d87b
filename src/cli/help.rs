//! `help [COMMAND]`: the same as `COMMAND --help`, for whoever asks that way.
//!
//! A command like the others, and not clap's own, so that the global flags stand around it too.

/// Explain a command
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which one; without it, all of them
    command: Vec<String>,
}

impl Args {
    /// The command line that asks for the same.
    pub(super) fn as_flag(&self) -> impl Iterator<Item = &str> {
        let words = self.command.iter().map(String::as_str).filter(|word| !word.starts_with('-'));
        std::iter::once("p2pfs-tui").chain(words).chain(["--help"])
    }
}
