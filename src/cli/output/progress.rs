//! [`Progress`]: one line on stderr that changes, or a few that stay where no terminal is.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::domain::untrusted;

/// A terminal is told at most this often.
const LIVE: Duration = Duration::from_millis(100);
/// A log is told at most this often, unless something else happens.
const SPARSE: Duration = Duration::from_secs(10);
/// A log is told nothing of what is over sooner than this.
const SHORT: Duration = Duration::from_secs(2);

/// How a command tells what it waits for. Says nothing on stdout, ever.
#[derive(Debug)]
pub(in crate::cli) struct Progress {
    wanted: bool,
    live: bool,
    start: Instant,
    told: Option<Instant>,
    stage: String,
    on_screen: bool,
}

impl Progress {
    pub(super) fn new(wanted: bool) -> Self {
        let live = io::stderr().is_terminal();
        Self {
            wanted,
            live,
            start: Instant::now(),
            told: None,
            stage: String::new(),
            on_screen: false,
        }
    }

    /// What is being done (`fetching`) and how far it is. A new stage is always told.
    pub(in crate::cli) fn show(&mut self, stage: &str, detail: &str) {
        let pause = if self.live { LIVE } else { SPARSE };
        let is_new = self.stage != stage;
        if !self.live && self.start.elapsed() < SHORT {
            return;
        }
        if !self.wanted || (!is_new && self.told.is_some_and(|told| told.elapsed() < pause)) {
            return;
        }
        self.told = Some(Instant::now());
        stage.clone_into(&mut self.stage);
        let text = if detail.is_empty() { stage.to_owned() } else { format!("{stage}: {detail}") };
        let mut out = io::stderr().lock();
        // Nobody is harmed when stderr is closed.
        let _ = if self.live {
            self.on_screen = true;
            let width = super::terminal_width().saturating_sub(1);
            write!(out, "\r{}\x1b[K", untrusted::truncate(&text, width)).and_then(|()| out.flush())
        } else {
            writeln!(out, "{text}")
        };
    }

    /// Takes the line off the screen, so that something else can be written.
    pub(in crate::cli) fn clear(&mut self) {
        if std::mem::take(&mut self.on_screen) {
            let mut out = io::stderr().lock();
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
