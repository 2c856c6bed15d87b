//! libtorrent, through its Python package. SHA-1 is verified, nothing is encrypted.
//! Over TCP, which it is fastest with.
//!
//! Both sessions run before the clock does, as our nodes do.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use color_eyre::eyre::{Result, ensure};

use crate::{
    contender::{Contender, Task},
    files::MIB,
    measure::{Measured, Meter, Side},
    process::Process,
    tools,
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/rivals/libtorrent_peer.py");

/// A process for each source, and one for the receiver.
#[derive(Debug, Default)]
pub(crate) struct Libtorrent {
    sources: Vec<Process>,
    ports: Vec<String>,
}

impl Libtorrent {
    fn command(home: &Path) -> Result<Command> {
        let python: PathBuf = tools::root().join("venv/bin/python");
        ensure!(python.is_file(), tools::missing("libtorrent"));
        let mut command = tools::command(&python, home);
        command.arg(SCRIPT);
        Ok(command)
    }
}

impl Contender for Libtorrent {
    fn name(&self) -> &'static str {
        "libtorrent"
    }

    fn version(&self) -> Result<String> {
        let said = Process::start(Self::command(Path::new("/"))?.arg("version"))?.output();
        Ok(said.map_err(|_| tools::missing("libtorrent"))?.concat())
    }

    fn prepare(&mut self, task: &Task) -> Result<Measured> {
        let limit = task.limit.map_or(0, |limit| limit * MIB).to_string();
        let meter = Meter::start(&[], &[])?;
        for number in 0..task.sources {
            let mut command = Self::command(&task.home)?;
            command.arg("seed").arg(&task.source).arg(format!("{number}.torrent")).arg(&limit);
            let source = Process::start(&mut command)?;
            meter.add(Side::Sending, source.pid());
            self.sources.push(source);
        }
        for source in &mut self.sources {
            let port = source.line(|line| Some(line.strip_prefix("port ")?.to_owned()))?;
            self.ports.push(port);
        }
        meter.stop()
    }

    fn run(&mut self, task: &Task, into: &Path) -> Result<Measured> {
        let mut command = Self::command(&task.home)?;
        command.args(["leech", "0.torrent"]).arg(into).args(&self.ports);
        let mut receiver = Process::start(&mut command)?;
        receiver.line(|line| (line == "waiting").then_some(()))?;
        let sources: Vec<_> = self.sources.iter().map(Process::pid).collect();
        let meter = Meter::start(&sources, &[receiver.pid()])?;
        receiver.tell("go")?;
        receiver.line(|line| (line == "done").then_some(()))?;
        meter.stop()
    }

    fn clean_up(&mut self) {
        self.sources.clear();
        self.ports.clear();
    }
}
