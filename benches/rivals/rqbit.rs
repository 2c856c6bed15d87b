//! rqbit: BitTorrent in Rust. SHA-1 is verified, nothing is encrypted.
//!
//! The receiver has the torrent and the addresses of its peers: no DHT, tracker or broadcast.

use std::{fs, path::Path, process::Command};

use color_eyre::eyre::Result;

use crate::{
    contender::{Contender, Task},
    files::MIB,
    http,
    measure::{Measured, Meter, Side},
    process::Process,
    tools,
};

/// It says so when the torrent is made and served.
const SHARED: &str = "share this magnet link";
/// It says so when every piece is there and verified.
const FETCHED: &str = "All downloads completed";

/// `rqbit share`, as often as there are sources, and `rqbit download`.
#[derive(Debug, Default)]
pub(crate) struct Rqbit {
    sources: Vec<Process>,
    peers: Vec<String>,
}

impl Rqbit {
    /// With what keeps it to itself.
    fn command(task: &Task, port: u16) -> Result<Command> {
        let mut command = tools::command(&tools::find("rqbit", "rqbit")?, &task.home);
        command.args(["--disable-dht", "--disable-lsd", "--disable-trackers"]);
        command.args(["--disable-upnp-port-forward", "--listen-ip", "127.0.0.1"]);
        command.arg("--listen-port").arg(port.to_string());
        Ok(command)
    }
}

impl Contender for Rqbit {
    fn name(&self) -> &'static str {
        "rqbit"
    }

    fn version(&self) -> Result<String> {
        tools::version(&tools::find("rqbit", "rqbit")?, "--version")
    }

    fn touches_source(&self) -> bool {
        true
    }

    fn prepare(&mut self, task: &Task) -> Result<Measured> {
        let meter = Meter::start(&[], &[])?;
        let mut control = 0;
        for _ in 0..task.sources {
            let port = tools::free_port()?;
            control = tools::free_port()?;
            let mut command = Self::command(task, port)?;
            if let Some(limit) = task.limit {
                command.arg("--ratelimit-upload").arg((limit * MIB).to_string());
            }
            command.arg("--http-api-listen-addr").arg(format!("127.0.0.1:{control}"));
            let source = Process::start(command.arg("share").arg(&task.source))?;
            meter.add(Side::Sending, source.pid());
            self.sources.push(source);
            self.peers.push(format!("127.0.0.1:{port}"));
        }
        for source in &mut self.sources {
            source.line(|line| line.contains(SHARED).then_some(()))?;
        }
        let measured = meter.stop()?;
        fs::write(task.home.join("it.torrent"), http::get(control, "/torrents/0/metadata")?)?;
        Ok(measured)
    }

    fn run(&mut self, task: &Task, into: &Path) -> Result<Measured> {
        let sources: Vec<_> = self.sources.iter().map(Process::pid).collect();
        let mut command = Self::command(task, tools::free_port()?)?;
        command.args(["download", "--disable-http-api", "--exit-on-finish"]);
        command.arg("--initial-peers").arg(self.peers.join(",")).arg("--output-folder").arg(into);
        let meter = Meter::start(&sources, &[])?;
        let mut receiver = Process::start(command.arg("it.torrent"))?;
        meter.add(Side::Receiving, receiver.pid());
        receiver.line(|line| line.contains(FETCHED).then_some(()))?;
        meter.stop()
    }

    fn clean_up(&mut self) {
        self.sources.clear();
        self.peers.clear();
    }
}
