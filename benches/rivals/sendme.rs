//! sendme: files over iroh. BLAKE3 is verified and QUIC encrypts.
//!
//! Its ticket has the addresses of loopback, and relays are off. It would still ask its makers'
//! name servers, so it takes part only where there is no way out of the machine.

use std::path::Path;

use color_eyre::eyre::{Result, ensure};

use crate::{
    alone,
    contender::{Contender, Task},
    measure::{Measured, Meter, Side},
    process::Process,
    tools,
};

/// Keep both ends here.
const HERE: [&str; 5] =
    ["--relay", "disabled", "--no-progress", "--magic-ipv4-addr", "127.0.0.1:0"];

/// `sendme send` and `sendme receive`.
#[derive(Debug, Default)]
pub(crate) struct Sendme {
    source: Option<Process>,
    ticket: String,
}

impl Contender for Sendme {
    fn name(&self) -> &'static str {
        "sendme"
    }

    fn version(&self) -> Result<String> {
        let program = tools::find("sendme", "sendme")?;
        ensure!(alone::is_inside(), "it asks name servers, and `unshare` made no network without");
        tools::version(&program, "--version")
    }

    fn prepare(&mut self, task: &Task) -> Result<Measured> {
        let mut command = tools::command(&tools::find("sendme", "sendme")?, &task.home);
        command.arg("send").args(HERE).args(["--ticket-type", "addresses"]).arg(&task.source);
        let meter = Meter::start(&[], &[])?;
        let mut source = Process::start(&mut command)?;
        meter.add(Side::Sending, source.pid());
        self.ticket = source.line(|line| Some(line.strip_prefix("sendme receive ")?.to_owned()))?;
        let measured = meter.stop()?;
        self.source = Some(source);
        Ok(measured)
    }

    fn run(&mut self, _task: &Task, into: &Path) -> Result<Measured> {
        let sources: Vec<_> = self.source.iter().map(Process::pid).collect();
        // It puts what it fetches where it stands.
        let mut command = tools::command(&tools::find("sendme", "sendme")?, into);
        command.arg("receive").args(HERE).arg(&self.ticket);
        let meter = Meter::start(&sources, &[])?;
        let mut receiver = Process::start(&mut command)?;
        meter.add(Side::Receiving, receiver.pid());
        receiver.wait_for_end()?;
        let measured = meter.stop()?;
        receiver.succeed()?;
        Ok(measured)
    }

    fn clean_up(&mut self) {
        self.source = None;
    }
}
