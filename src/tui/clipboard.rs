//! Copying: OSC 52, which reaches the clipboard of the terminal one sits at, also over SSH;
//! inside tmux through tmux, which drops OSC 52 by default.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};

/// The sequence that puts a text into the terminal's clipboard.
pub(super) fn osc52(text: &str) -> Vec<u8> {
    format!("\x1b]52;c;{}\x1b\\", STANDARD.encode(text)).into_bytes()
}

/// Gives a text to tmux, which keeps it and hands it on to its terminal. Blocks for a moment.
///
/// # Errors
/// Why tmux did not take it.
pub(super) fn copy_through_tmux(text: &str) -> Result<(), String> {
    let failed = |what: std::io::Error| format!("tmux: {what}");
    let mut tmux = Command::new("tmux")
        .args(["load-buffer", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = tmux.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(failed)?;
    }
    let status = tmux.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("tmux ended with {status}")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sequence_carries_base64_and_nothing_else() {
        assert_eq!(super::osc52("a\u{1b}b"), b"\x1b]52;c;YRti\x1b\\");
    }
}
