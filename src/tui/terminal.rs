//! The terminal: entered, left in every way that a program can end, and written to once a frame.
//!
//! Invariant: whatever happens, the terminal is left as it was found: raw mode off, the shell's
//! screen back, the cursor shown. Nothing is ever asked of the terminal (a query costs a round
//! trip, or two seconds where nobody answers), and where nothing changed nothing is written.

use std::{
    cell::Cell as ThreadCell,
    io::{self, IsTerminal, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Frame, Terminal as Screen};
use tokio::sync::mpsc;

use super::surface::Surface;

/// Why the terminal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Input or output goes elsewhere.
    #[error("this needs a terminal, and {0} is none; without one, run: p2pfs-tui daemon")]
    NotATerminal(&'static str),
    /// It refused what we told it.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// The terminal while we have it.
pub(super) struct Terminal {
    screen: Screen<Surface>,
    entered: Arc<AtomicBool>,
}

impl Terminal {
    /// Takes the terminal.
    pub(super) fn enter() -> Result<Self, TerminalError> {
        if !io::stdin().is_terminal() {
            return Err(TerminalError::NotATerminal("the input"));
        }
        if !io::stdout().is_terminal() {
            return Err(TerminalError::NotATerminal("the output"));
        }
        let entered = Arc::new(AtomicBool::new(false));
        let mut terminal = Self { screen: Screen::new(Surface::stdout())?, entered };
        terminal.take()?;
        Ok(terminal)
    }

    /// The flag that says whether the terminal is ours, for [`guard_panics`].
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.entered)
    }

    /// Whether the terminal is ours: a panic gives it back, and something may have caught it.
    pub(super) fn is_ours(&self) -> bool {
        self.entered.load(Ordering::SeqCst)
    }

    /// How large it is.
    pub(super) fn size(&self) -> io::Result<ratatui::layout::Size> {
        self.screen.size()
    }

    /// Draws a frame: one write, or none if nothing changed.
    pub(super) fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.screen.draw(view)?;
        Ok(())
    }

    /// Takes the terminal again after the shell had it; everything is drawn anew.
    pub(super) fn take(&mut self) -> io::Result<()> {
        self.entered.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        self.redraw()
    }

    /// Makes the next frame draw everything.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        self.screen.backend_mut().forget();
        self.screen.clear()
    }

    /// Gives the terminal back to the shell.
    pub(super) fn leave(&mut self) {
        give_back(&self.entered);
    }

    /// Writes a sequence that is no part of a frame.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Restores the terminal, once. A terminal that is gone cannot be restored: errors are no news.
fn give_back(entered: &AtomicBool) {
    if entered.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = execute!(out, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

thread_local! {
    /// Whether this thread is running the screen right now.
    static ON_SCREEN: ThreadCell<bool> = const { ThreadCell::new(false) };
}

/// Marks this thread as running the screen until dropped.
pub(super) struct OnScreen(());

impl OnScreen {
    pub(super) fn mark() -> Self {
        ON_SCREEN.set(true);
        Self(())
    }
}

impl Drop for OnScreen {
    fn drop(&mut self) {
        ON_SCREEN.set(false);
    }
}

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync>;

/// The panic hook while the terminal is ours; the one before it returns when this is dropped.
pub(super) struct PanicGuard(Arc<Hook>);

/// Makes a panic of the screen leave the terminal before it is reported, so that the report is
/// not lost with the screen. A panic elsewhere (a task of the node) does not end the screen: it
/// is told through `faults`, and its report is kept off the screen.
pub(super) fn guard_panics(entered: Arc<AtomicBool>, faults: mpsc::Sender<String>) -> PanicGuard {
    let before: Arc<Hook> = Arc::new(panic::take_hook());
    let report = Arc::clone(&before);
    panic::set_hook(Box::new(move |info| {
        if ON_SCREEN.get() || !entered.load(Ordering::SeqCst) {
            give_back(&entered);
            report(info);
        } else {
            tracing::error!(%info, "a task panicked");
            // A full queue has enough of them to show.
            let _ = faults.try_send(info.to_string());
        }
    }));
    PanicGuard(before)
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        // A hook cannot be set while panicking; ours then still restores and reports.
        if !std::thread::panicking() {
            let before = Arc::clone(&self.0);
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}
