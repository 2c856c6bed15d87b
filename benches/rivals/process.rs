//! [`Process`]: a process that cannot outlive its owner, and what it says.
//!
//! Invariant: a process that has ended is not reaped before its owner asks for its status or
//! drops it, so that what it used can be read until then.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::fd::OwnedFd,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use color_eyre::eyre::{Result, WrapErr, bail, eyre};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::interrupt::running;

/// Machines are busy; nothing here waits longer than it must.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// How much of what it said is shown when it fails, in lines.
const TAIL: usize = 12;

/// A running process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Pid,
    end: OwnedFd,
    what: String,
    lines: Receiver<String>,
    tail: VecDeque<String>,
}

impl Process {
    /// Starts it. Its lines, of stdout and stderr, are for [`Process::line`].
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let (mut process, lines) = Self::spawn(command)?;
        if let Some(stdout) = process.child.stdout.take() {
            read_lines(stdout, lines);
        }
        Ok(process)
    }

    /// Starts one whose stdout is read by the caller.
    pub(crate) fn start_for_bytes(command: &mut Command) -> Result<(Self, ChildStdout)> {
        let (mut process, _) = Self::spawn(command)?;
        let stdout = process.child.stdout.take().ok_or_else(|| eyre!("it has no stdout"))?;
        Ok((process, stdout))
    }

    fn spawn(command: &mut Command) -> Result<(Self, Sender<String>)> {
        let what = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = running();
        let mut child = command.spawn().wrap_err_with(|| format!("cannot start {what}"))?;
        let pid = Pid::from_child(&child);
        running.push(pid);
        drop(running);
        let (sender, lines) = mpsc::channel();
        if let Some(stderr) = child.stderr.take() {
            read_lines(stderr, sender.clone());
        }
        let end = pidfd_open(pid, PidfdFlags::empty());
        // From here on the owner's drop reaps it, whatever comes.
        let end = match end {
            Ok(end) => end,
            Err(error) => {
                let mut running = crate::interrupt::running();
                let _ = child.kill();
                let _ = child.wait();
                running.retain(|one| *one != pid);
                return Err(error).wrap_err("a process cannot be watched");
            }
        };
        Ok((Self { child, pid, end, what, lines, tail: VecDeque::new() }, sender))
    }

    /// Its number, good until it is dropped.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Writes a line to its stdin.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let stdin =
            self.child.stdin.as_mut().ok_or_else(|| eyre!("{} reads nothing", self.what))?;
        writeln!(stdin, "{line}")?;
        Ok(stdin.flush()?)
    }

    /// Waits for the line that says something to us.
    pub(crate) fn line<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = read(&line) {
                        return Ok(found);
                    }
                    self.remember(line);
                }
                Err(RecvTimeoutError::Timeout) => return Err(self.failed("says nothing more")),
                Err(RecvTimeoutError::Disconnected) => return Err(self.failed("ended too early")),
            }
        }
    }

    /// Waits until it, or somebody, listens on that port of loopback.
    pub(crate) fn until_open(&mut self, port: u16) -> Result<()> {
        until("a port opens", || {
            if self.has_ended(Duration::ZERO)? {
                return Err(self.failed("ended too early"));
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
        })
    }

    /// Waits until it ends; it stays as it ended until it is dropped.
    pub(crate) fn wait_for_end(&mut self) -> Result<()> {
        if self.has_ended(DEADLINE)? { Ok(()) } else { Err(self.failed("does not end")) }
    }

    fn has_ended(&self, patience: Duration) -> Result<bool> {
        let patience = Timespec::try_from(patience).wrap_err("no such deadline")?;
        let mut ends = [PollFd::new(&self.end, PollFlags::IN)];
        Ok(poll(&mut ends, Some(&patience))? > 0)
    }

    /// Whether it ended well; waits for its end.
    pub(crate) fn succeed(&mut self) -> Result<()> {
        self.wait_for_end()?;
        let status = self.reap()?;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(&format!("ended with {status}")))
    }

    /// Waits for its good end and returns what it said.
    pub(crate) fn output(mut self) -> Result<Vec<String>> {
        self.succeed()?;
        Ok(self.lines.iter().collect())
    }

    fn reap(&mut self) -> Result<std::process::ExitStatus> {
        let mut running = running();
        running.retain(|pid| *pid != self.pid);
        Ok(self.child.wait()?)
    }

    fn remember(&mut self, line: String) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    fn failed(&mut self, how: &str) -> color_eyre::Report {
        // What came in the meantime says why.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
            self.remember(line);
        }
        let said: Vec<_> = self.tail.iter().map(|line| format!("\n    {line}")).collect();
        eyre!("{} {how}{}", self.what, said.concat())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and been reaped.
        let _ = self.child.kill();
        let _ = self.reap();
    }
}

/// Reads on to the end, or the process would write into a full pipe.
fn read_lines(from: impl Read + Send + 'static, to: Sender<String>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            // Who does not listen any more still must not block it.
            let _ = to.send(text);
            line.clear();
        }
    });
}

/// Tries until something is there; for conditions of which no event tells.
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = attempt()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("waited in vain: {what}");
        }
        thread::sleep(Duration::from_millis(2));
    }
}
