//! [`Node`]: a daemon of this program, and a conversation with it over its control socket.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use color_eyre::eyre::{Result, bail, ensure, eyre};
use p2pfs_tui::{
    application::{
        client::Client,
        message::{Command as Ask, Failure, Reply, Snapshot},
    },
    control,
};
use rustix::process::Pid;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    process::{Process, until},
    tools,
};

/// Another build of the program than the one that cargo made for this run.
const PROGRAM_FROM: &str = "P2PFS_BIN";

/// Where a node answers its clients, in its data directory.
const SOCKET: &str = "node.sock";

/// The program under test.
pub(crate) fn program() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_p2pfs-tui"));
    env::var_os(PROGRAM_FROM).map_or_else(built, PathBuf::from)
}

/// A command of the program, for the node of that data directory.
pub(crate) fn command(home: &Path, data_dir: &Path) -> Command {
    let mut command = tools::command(&program(), home);
    command.args(["--no-mdns", "--network", "bench", "--data-dir"]).arg(data_dir);
    command
}

/// A running node.
pub(crate) struct Node {
    process: Process,
    data_dir: PathBuf,
    runtime: Runtime,
    client: Option<Client>,
}

impl Node {
    /// Starts a daemon, with flags of its own.
    pub(crate) fn start(home: &Path, name: &str, flags: &mut Command) -> Result<Self> {
        let data_dir = home.join(name);
        let mut command = command(home, &data_dir);
        command.args(["--listen", "/ip4/127.0.0.1/tcp/0", "--json"]).args(flags.get_args());
        let process = Process::start(command.arg("daemon"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { process, data_dir, runtime, client: None })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Where its state is.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Waits until it listens, and says where.
    pub(crate) fn address(&mut self) -> Result<String> {
        self.process.line(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line.get("address")?.as_str()?.to_owned())
        })
    }

    /// Its state; as old as the node lets it be, a tenth of a second.
    pub(crate) fn snapshot(&mut self) -> Result<Snapshot> {
        match self.ask(Ask::Snapshot)? {
            Ok(Reply::Snapshot(snapshot)) => Ok(*snapshot),
            Ok(other) => bail!("not a snapshot: {other:?}"),
            Err(failure) => bail!("{failure:?}"),
        }
    }

    /// The link of what it shares, with its address; an error of the node if there is none.
    pub(crate) fn link(&mut self, path: &Path) -> Result<Result<String, Failure>> {
        match self.ask(Ask::Link { path: path.to_owned(), with_peers: true })? {
            Ok(Reply::Link { link, .. }) => Ok(Ok(link.to_string())),
            Ok(other) => bail!("not a link: {other:?}"),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Waits for something in its state.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Result<()> {
        until(what, || {
            let snapshot = self.snapshot()?;
            let failed = snapshot.shares.failed;
            ensure!(failed == 0, "{failed} files could not be shared");
            Ok(holds(&snapshot).then_some(()))
        })
    }

    fn ask(&mut self, ask: Ask) -> Result<Result<Reply, Failure>> {
        let client = match &mut self.client {
            Some(client) => client,
            none => {
                let socket = self.data_dir.join(SOCKET);
                let connected = control::connect(&socket, &self.data_dir);
                let connected = self.runtime.block_on(connected);
                none.insert(connected.map_err(|error| eyre!("{}: {error}", socket.display()))?)
            }
        };
        Ok(self.runtime.block_on(client.call(ask)))
    }
}
