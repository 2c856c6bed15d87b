//! The program: parse arguments, run, exit code; nothing else.

use std::{io::IsTerminal, process::ExitCode};

use color_eyre::config::{HookBuilder, Theme};

fn main() -> ExitCode {
    let mut hooks = HookBuilder::default().display_env_section(false);
    if !std::io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some() {
        hooks = hooks.theme(Theme::new());
    }
    // Without the hooks a panic is only less readable.
    let _ = hooks.install();
    p2pfs_tui::cli::run()
}
