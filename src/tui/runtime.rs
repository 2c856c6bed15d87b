//! The loop: input, update, effects, draw.
//!
//! Keys draw at once; what happens behind the screen is drawn together, four times a second at
//! most. The loop never waits for the node: commands go out with `try_send`, and a full queue
//! comes back as an input.

use std::{
    future::poll_fn,
    path::PathBuf,
    pin::pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures::StreamExt;
use ratatui::layout::Size;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    clipboard,
    state::{Copied, Effect, Input, Setup, State, update},
    terminal::{OnScreen, Terminal, TerminalError, guard_panics},
    view::{Theme, view},
};
use crate::application::{
    client::Client,
    message::{Output, Request},
};

/// How long changes behind the screen are collected before they are drawn.
const COALESCE: Duration = Duration::from_millis(250);
/// How often the time is told: notices fade and ages grow, both in coarse steps.
const TICK: Duration = Duration::from_secs(1);
/// How long after stopping ourselves we wait to be continued, where nothing stopped us.
const CONTINUE: Duration = Duration::from_millis(300);

/// What the terminal must be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether the node is another process, which goes on when we leave. Otherwise leaving stops
    /// its work, and is asked about while there is some.
    pub attached: bool,
    /// Whether to explain the first four things.
    pub first_start: bool,
}

/// How a person's time at the terminal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// They left.
    Quit,
    /// The process was told to end, by SIGTERM, SIGINT or SIGHUP, or the terminal went away.
    Told,
}

/// Shows a node in the terminal until its user leaves or the process is told to end.
///
/// When it returns, whatever it returns, the terminal is as it was before. The node is not
/// stopped: that is for the caller to do.
///
/// # Errors
/// When there is no terminal, or it cannot be written to.
pub async fn run(client: Client, options: Options) -> Result<Ended, TerminalError> {
    let mut terminal = Terminal::enter()?;
    let (faults, faulted) = mpsc::channel(8);
    let guard = guard_panics(terminal.flag(), faults);
    let terminal = &mut terminal;
    let mut running =
        pin!(async move { Loop::new(client, options, terminal, faulted)?.run().await });
    // The panic hook must know a panic of the screen from one of the node's tasks.
    let ended = poll_fn(|context| {
        let _mark = OnScreen::mark();
        running.as_mut().poll(context)
    })
    .await;
    drop(guard);
    ended
}

/// Everything the loop listens to and writes to.
struct Loop<'t> {
    terminal: &'t mut Terminal,
    theme: Theme,
    state: State,
    requests: mpsc::Sender<Request>,
    outputs: mpsc::Receiver<Output>,
    faults: mpsc::Receiver<String>,
    copied: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    signals: Signals,
    /// When to draw what happened behind the screen.
    draw_at: Option<Instant>,
    ended: Option<Ended>,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    continued: Signal,
}

impl<'t> Loop<'t> {
    fn new(
        client: Client,
        options: Options,
        terminal: &'t mut Terminal,
        faults: mpsc::Receiver<String>,
    ) -> Result<Self, TerminalError> {
        let setup = Setup {
            attached: options.attached,
            first_start: options.first_start,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            home: std::env::home_dir(),
            now_ms: now_ms(),
            size: terminal.size()?,
        };
        let (requests, outputs) = client.into_parts();
        let (state, effects) = State::new(setup);
        let signals = Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        };
        let theme = Theme::for_environment(|name| std::env::var(name).ok());
        let copied = mpsc::channel(4);
        let mut this = Self {
            terminal,
            theme,
            state,
            requests,
            outputs,
            faults,
            copied,
            signals,
            draw_at: None,
            ended: None,
        };
        this.draw()?;
        for effect in effects {
            // Only the first command: nothing that could wait.
            if let Effect::Send(request) = effect {
                this.send(request);
            }
        }
        Ok(this)
    }

    async fn run(mut self) -> Result<Ended, TerminalError> {
        let mut events = EventStream::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut node_is_there = true;
        while self.ended.is_none() {
            let draw_at = self.draw_at;
            tokio::select! {
                // Keys first: they must be felt at once, however much the node says.
                biased;
                event = events.next() => match event {
                    Some(Ok(event)) => self.event(event).await?,
                    Some(Err(_)) | None => self.ended = Some(Ended::Told),
                },
                _ = self.signals.terminate.recv() => self.ended = Some(Ended::Told),
                _ = self.signals.interrupt.recv() => self.ended = Some(Ended::Told),
                _ = self.signals.hang_up.recv() => self.ended = Some(Ended::Told),
                // Somebody stopped us from outside, and the shell had the terminal meanwhile.
                _ = self.signals.continued.recv() => self.come_back()?,
                () = sleep_until(draw_at.unwrap_or_else(Instant::now)), if draw_at.is_some() => {
                    self.draw()?;
                }
                output = self.outputs.recv(), if node_is_there => {
                    node_is_there = output.is_some();
                    let input = output.map_or(Input::NodeGone, |output| Input::Output(Box::new(output)));
                    self.behind(input).await?;
                }
                Some(why) = self.faults.recv() => self.behind(Input::Fault(why)).await?,
                Some(input) = self.copied.1.recv() => self.at_once(input).await?,
                _ = ticks.tick() => self.behind(Input::Tick(now_ms())).await?,
            }
        }
        self.terminal.leave();
        Ok(self.ended.unwrap_or(Ended::Quit))
    }

    async fn event(&mut self, event: Event) -> Result<(), TerminalError> {
        let input = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(key),
            Event::Paste(text) => Input::Paste(text),
            Event::Resize(width, height) => Input::Resize(Size { width, height }),
            _ => return Ok(()),
        };
        self.apply(Input::Tick(now_ms())).await?;
        self.at_once(input).await
    }

    /// Something that a person did, and wants to see.
    async fn at_once(&mut self, input: Input) -> Result<(), TerminalError> {
        self.apply(input).await?;
        if self.ended.is_none() { self.draw() } else { Ok(()) }
    }

    /// Something that can be drawn with the next.
    async fn behind(&mut self, input: Input) -> Result<(), TerminalError> {
        self.apply(input).await?;
        self.draw_at.get_or_insert_with(|| Instant::now() + COALESCE);
        Ok(())
    }

    async fn apply(&mut self, input: Input) -> Result<(), TerminalError> {
        for effect in update(&mut self.state, input) {
            match effect {
                Effect::Send(request) => self.send(request),
                Effect::Copy { text, what } => self.copy(text, what),
                Effect::Suspend => self.suspend().await?,
                Effect::Redraw => self.terminal.redraw()?,
                Effect::Quit => self.ended = Some(Ended::Quit),
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), TerminalError> {
        self.draw_at = None;
        if !self.terminal.is_ours() {
            // The screen panicked, and what it called caught that: what it knows is not sure.
            self.ended = Some(Ended::Told);
            return Ok(());
        }
        self.terminal.draw(|frame| view(&self.state, &self.theme, frame))?;
        Ok(())
    }

    fn send(&mut self, request: Request) {
        let id = request.id;
        let refused = match self.requests.try_send(request) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => Input::Refused(id),
            Err(TrySendError::Closed(_)) => Input::NodeGone,
        };
        // Neither of them has effects; reads are asked for again with the next input.
        let _ = update(&mut self.state, refused);
    }

    fn copy(&mut self, text: String, what: Copied) {
        let done = self.copied.0.clone();
        if std::env::var_os("TMUX").is_some() {
            tokio::task::spawn_blocking(move || {
                let result = clipboard::copy_through_tmux(&text);
                let _ = done.blocking_send(Input::Copied { what, result });
            });
        } else {
            let written = self.terminal.write(&clipboard::osc52(&text));
            let result = written.map_err(|why| why.to_string());
            let _ = done.try_send(Input::Copied { what, result });
        }
    }

    /// Gives the terminal to the shell, and comes back when `fg` says so.
    async fn suspend(&mut self) -> Result<(), TerminalError> {
        self.terminal.leave();
        // The whole job, as the terminal itself would have done it: `cargo run` stops too.
        let stopped = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        if stopped.is_ok() {
            // A job without a shell is not stopped; then nothing continues it either.
            let _ = tokio::time::timeout(CONTINUE, self.signals.continued.recv()).await;
        }
        self.come_back()
    }

    fn come_back(&mut self) -> Result<(), TerminalError> {
        self.terminal.take()?;
        let size = self.terminal.size()?;
        let _ = update(&mut self.state, Input::Resize(size));
        self.draw()
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
