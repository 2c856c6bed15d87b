//! This program. Every block is verified and all is encrypted.
//!
//! A node runs at each end before anything is fetched, as in daily use; what `get` costs and what
//! the receiver's node costs is added up. A node that shares is measured from its start until
//! everything is hashed and has a link, while it goes on to announce.

use std::{
    fs,
    io::Read,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use color_eyre::eyre::{Result, ensure};

use crate::{
    contender::{Contender, NotYet, Task},
    measure::{Measured, Meter, Side},
    node::{self, Node},
    process::{Process, until},
    tools,
};

/// How long after the last hash the link of a folder may take.
const LINK_OF_FOLDER: Duration = Duration::from_secs(20);

/// A node for each source, and one for the receiver.
#[derive(Default)]
pub(crate) struct Ours {
    sources: Vec<Node>,
    addresses: Vec<String>,
    link: String,
}

impl Ours {
    /// Starts the sources; the later ones know the first.
    fn start_sources(&mut self, task: &Task, meter: &Meter) -> Result<()> {
        for number in 0..task.sources {
            let mut flags = Command::new("");
            flags.arg("--share").arg(&task.source).arg("--upload-limit");
            flags.arg(task.limit.map_or("unlimited".to_owned(), |mib| format!("{mib}MiB")));
            if let Some(first) = self.addresses.first() {
                flags.args(["--bootstrap", first]);
            }
            let mut source = Node::start(&task.home, &format!("source-{number}"), &mut flags)?;
            meter.add(Side::Sending, source.pid());
            self.addresses.push(source.address()?);
            self.sources.push(source);
        }
        Ok(())
    }

    /// A receiver that knows every source and is known by them.
    fn receiver(&self, task: &Task, into: Option<&Path>) -> Result<Node> {
        let data_dir = task.home.join("receiver");
        if data_dir.exists() {
            fs::remove_dir_all(&data_dir)?;
        }
        let mut flags = Command::new("");
        for address in &self.addresses {
            flags.args(["--bootstrap", address]);
        }
        if let Some(into) = into {
            flags.arg("--download-dir").arg(into);
        }
        let mut receiver = Node::start(&task.home, "receiver", &mut flags)?;
        receiver.address()?;
        let sources = task.sources as u32;
        receiver.until("the receiver knows the sources", |state| state.peers >= sources)?;
        Ok(receiver)
    }

    fn meter(&self, receiver: &Node) -> Result<Meter> {
        let sources: Vec<_> = self.sources.iter().map(Node::pid).collect();
        Meter::start(&sources, &[receiver.pid()])
    }

    fn get(&self, task: &Task, receiver: &Node) -> Command {
        let mut get = node::command(&task.home, receiver.data_dir());
        get.args(["--quiet", "get", &self.link]);
        get
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "p2pfs-tui"
    }

    fn version(&self) -> Result<String> {
        tools::version(&node::program(), "--version")
    }

    fn prepare(&mut self, task: &Task) -> Result<Measured> {
        let meter = Meter::start(&[], &[])?;
        self.start_sources(task, &meter)?;
        for source in &mut self.sources {
            until_hashed(source, task)?;
        }
        if let Some(source) = self.sources.first_mut().filter(|_| task.is_fetched) {
            self.link = link(source, task)?;
        }
        let measured = meter.stop()?;
        if task.sources > 1 {
            for source in &mut self.sources {
                source.until("the sources have announced", |state| {
                    state.shares.keys > 0 && state.shares.keys_announced >= state.shares.keys
                })?;
            }
        }
        Ok(measured)
    }

    fn run(&mut self, task: &Task, into: &Path) -> Result<Measured> {
        let receiver = self.receiver(task, Some(into))?;
        let meter = self.meter(&receiver)?;
        let mut get = Process::start(&mut self.get(task, &receiver))?;
        meter.add(Side::Receiving, get.pid());
        get.wait_for_end()?;
        let measured = meter.stop()?;
        get.succeed()?;
        Ok(measured)
    }

    fn first_byte(&mut self, task: &Task) -> Result<Measured> {
        let receiver = self.receiver(task, None)?;
        let meter = self.meter(&receiver)?;
        let mut command = self.get(task, &receiver);
        let (mut get, mut stdout) = Process::start_for_bytes(command.args(["-o", "-"]))?;
        meter.add(Side::Receiving, get.pid());
        let mut byte = [0];
        if stdout.read(&mut byte)? == 0 {
            get.succeed()?;
        }
        let measured = meter.stop()?;
        let mut first = [0];
        fs::File::open(&task.source)?.read_exact(&mut first)?;
        ensure!(byte == first, "the first byte is wrong");
        Ok(measured)
    }

    fn clean_up(&mut self) {
        self.sources.clear();
        self.addresses.clear();
    }
}

/// Waits until everything could be served.
fn until_hashed(source: &mut Node, task: &Task) -> Result<()> {
    if task.source.is_file() {
        // A file has a link from the moment it is hashed, and a snapshot may be older than that.
        return until("the file is hashed", || Ok(source.link(&task.source)?.ok().map(drop)));
    }
    source.until("the folder is hashed", |state| {
        state.shares.files == task.files && state.shares.to_hash == 0
    })
}

fn link(source: &mut Node, task: &Task) -> Result<String> {
    let patience = Instant::now() + LINK_OF_FOLDER;
    let found = until("it has a link", || {
        let answer = source.link(&task.source)?;
        let is_enough = answer.is_ok() || Instant::now() > patience;
        Ok(is_enough.then_some(answer))
    })?;
    found.map_err(|failure| NotYet(format!("no link of a folder: {}", failure.message)).into())
}
