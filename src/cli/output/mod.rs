//! Where the command line writes: data on stdout, everything else on stderr.
//!
//! Invariant: nothing here uses colour, moves the cursor except for a progress line on a
//! terminal, or panics when the reader has left. Text from peers is already
//! [`Untrusted`](crate::domain::Untrusted) text when it comes here as a line.

mod progress;
mod table;

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use super::exit::{Outcome, Stop, io_failure};
use crate::{
    application::message::{Failure, Notice, NoticeLevel},
    domain::untrusted,
};

pub(super) use progress::Progress;
pub(super) use table::{Align, Table};

/// The version of the JSON that scripts read.
const SCHEMA: u32 = 1;
/// Columns where a terminal does not tell.
const DEFAULT_WIDTH: usize = 80;

/// How to answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// In JSON.
    pub(super) json: bool,
    /// Without remarks.
    pub(super) quiet: bool,
}

/// A JSON object on its way out.
#[derive(Serialize)]
struct Row<'a, T> {
    schema: u32,
    kind: &'a str,
    #[serde(flatten)]
    body: T,
}

impl Output {
    /// For work behind the screen, which nothing else may write to.
    pub(super) const SILENT: Self = Self { json: false, quiet: true };

    /// One line of data.
    pub(super) fn line(self, text: impl fmt::Display) -> Outcome {
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Data as it is.
    pub(super) fn bytes(self, data: &[u8]) -> Outcome {
        let mut out = io::stdout().lock();
        out.write_all(data).and_then(|()| out.flush()).map_err(|error| cannot_write(&error))
    }

    /// One JSON object on one line.
    pub(super) fn row(self, kind: &str, body: impl Serialize) -> Outcome {
        let row = serde_json::to_string(&Row { schema: SCHEMA, kind, body });
        let text =
            row.map_err(|error| io_failure("cannot write JSON", &io::Error::other(error)))?;
        self.line(escape_controls(&text))
    }

    /// A table for people.
    pub(super) fn table(self, table: &Table) -> Outcome {
        table.lines(self.width()).into_iter().try_for_each(|line| self.line(line))
    }

    /// A remark, unless they are not wanted.
    pub(super) fn note(self, text: impl fmt::Display) {
        if !self.quiet {
            say(text);
        }
    }

    /// What went wrong and what to do next.
    pub(super) fn failure(self, failure: &Failure) {
        say(format_args!("error: {}", untrusted::visible(&failure.message)));
        if let Some(hint) = &failure.hint {
            say(format_args!("  next: {}", untrusted::visible(hint)));
        }
    }

    /// Something the node wants a person to know, unless remarks are not wanted.
    pub(super) fn notice(self, notice: &Notice) {
        let Notice { level, text, hint } = notice;
        let level = match level {
            NoticeLevel::Info => "note",
            NoticeLevel::Warning => "warning",
            NoticeLevel::Error => "error",
        };
        self.note(format_args!("{level}: {text}"));
        if let Some(hint) = hint {
            self.note(format_args!("  next: {}", untrusted::visible(hint)));
        }
    }

    /// A progress line on stderr.
    pub(super) fn progress(self) -> Progress {
        Progress::new(!self.quiet)
    }

    /// Columns to fill; none where no terminal cuts lines.
    pub(super) fn width(self) -> Option<usize> {
        io::stdout().is_terminal().then(terminal_width)
    }
}

/// What a failed write to stdout means.
pub(super) fn cannot_write(error: &io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Stop::ReaderLeft
    } else {
        Stop::Failed(io_failure("cannot write to stdout", error))
    }
}

fn terminal_width() -> usize {
    crossterm::terminal::size().map_or(DEFAULT_WIDTH, |(columns, _)| usize::from(columns).max(20))
}

/// A line on stderr; where nobody can read it, nothing is lost.
fn say(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// JSON may carry control characters above ASCII as they are, and a terminal would obey them.
fn escape_controls(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json_and_harmless() {
        let text = "a\u{9b}2J\u{202e}é東";
        let json = escape_controls(&serde_json::to_string(text).expect("json"));
        assert!(!json.chars().any(|c| c.is_control() || c == '\u{202e}'), "{json}");
        assert!(json.contains('東'));
        assert_eq!(serde_json::from_str::<String>(&json).expect("json"), text);
    }
}
