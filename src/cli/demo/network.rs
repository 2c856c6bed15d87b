//! [`Network`]: the nodes of the demo, and how they come up.
//!
//! Each node knows a few that were there before it, never all: the rest it has to find. They
//! start in waves, each as large as all before it, so that two dozen are there in a moment.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future::{join_all, try_join_all};
use include_dir::File;
use multiaddr::{Multiaddr, Protocol};
use rand::{SeedableRng, rngs::StdRng, seq::index::sample};
use tokio::time::timeout;

use super::samples;
use crate::{
    application::{
        Application,
        client::Client,
        config::{NodeConfig, Overlay},
        message::{Failure, FailureKind, Snapshot},
    },
    cli::{exit::io_failure, node, output::Output, settings::Settings},
    control::ControlServer,
    domain::{NetworkName, link::peer_of},
};

/// The network's name: no other node speaks its protocols.
const NAME: &str = "demo";
/// How many of the earlier nodes a node knows when it starts.
const KNOWN: usize = 3;
/// How long a node may take to listen.
const LISTENING: Duration = Duration::from_secs(20);
/// How long all of them together may take to stop.
const STOPPING: Duration = Duration::from_secs(5);

/// What each node will be.
pub(super) struct Plan {
    nodes: Vec<NodePlan>,
}

struct NodePlan {
    config: NodeConfig,
    hand: Vec<&'static File<'static>>,
    /// Which of the earlier nodes it knows.
    knows: Vec<usize>,
}

impl Plan {
    /// Draws the plan: who knows whom and who shares what.
    pub(super) fn new(nodes: usize, seed: u64, folder: &Path, settings: &Settings) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let hands = samples::deal(nodes, &mut rng);
        let nodes = hands
            .into_iter()
            .enumerate()
            .map(|(n, hand)| {
                let home = folder.join(format!("node-{n:02}"));
                // Those of the waves before: they are up when this one starts.
                let up = n.checked_ilog2().map_or(0, |wave| 1_usize << wave);
                NodePlan {
                    config: config(&home, settings),
                    hand,
                    knows: sample(&mut rng, up, KNOWN.min(up)).into_vec(),
                }
            })
            .collect();
        Self { nodes }
    }
}

fn config(home: &Path, settings: &Settings) -> NodeConfig {
    NodeConfig {
        data_dir: home.join("data"),
        download_dir: home.join("downloads"),
        network: NAME.parse().unwrap_or_else(|_| NetworkName::default()),
        overlay: Overlay::Libp2p,
        listen: vec![Multiaddr::from(Ipv4Addr::LOCALHOST).with(Protocol::Tcp(0))],
        bootstrap: Vec::new(),
        mdns: false,
        shares: vec![home.join("shared")],
        serve_remembered: true,
        limits: settings.node.limits.clone(),
        seeding: settings.node.seeding,
        connections: None,
    }
}

/// The nodes, as far as they have started.
pub(super) struct Network {
    plan: Plan,
    nodes: Vec<DemoNode>,
}

struct DemoNode {
    application: Application,
    // Every running node can be talked to from another terminal.
    server: ControlServer,
    address: Multiaddr,
}

impl Network {
    /// Nothing runs yet.
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, nodes: Vec::new() }
    }

    /// How many nodes there will be.
    pub(super) fn size(&self) -> usize {
        self.plan.nodes.len()
    }

    /// What a node shares.
    pub(super) fn hand(&self, n: usize) -> &[&'static File<'static>] {
        self.plan.nodes.get(n).map_or(&[], |node| &node.hand)
    }

    /// Begins a conversation with a node; `None` if it is not up.
    pub(super) fn connect(&self, n: usize) -> Option<Client> {
        self.nodes.get(n).map(|node| node.application.connect())
    }

    /// Starts the node that everybody else knows directly or through others.
    pub(super) async fn start_first(&mut self) -> Result<(), Failure> {
        self.start_wave(1).await
    }

    /// Starts all that are not up.
    pub(super) async fn start_others(&mut self) -> Result<(), Failure> {
        while self.nodes.len() < self.size() {
            self.start_wave(self.nodes.len().max(1)).await?;
        }
        Ok(())
    }

    async fn start_wave(&mut self, many: usize) -> Result<(), Failure> {
        let up = self.nodes.len();
        let addresses: Vec<Multiaddr> =
            self.nodes.iter().map(|node| node.address.clone()).collect();
        let wave = self.plan.nodes.iter().skip(up).take(many);
        let started = try_join_all(wave.map(|plan| start(plan, &addresses))).await?;
        self.nodes.extend(started);
        Ok(())
    }

    /// Stops all.
    pub(super) async fn stop(self) {
        let stopping = self.nodes.into_iter().map(|node| async move {
            drop(node.server);
            node.application.stop().await;
        });
        // Their folders go anyway: a node that hangs must not keep the person waiting.
        let _ = timeout(STOPPING, join_all(stopping)).await;
    }
}

async fn start(plan: &NodePlan, addresses: &[Multiaddr]) -> Result<DemoNode, Failure> {
    let mut config = plan.config.clone();
    config.bootstrap =
        plan.knows.iter().filter_map(|known| addresses.get(*known).cloned()).collect();
    for folder in &config.shares {
        samples::put(&plan.hand, folder)
            .map_err(|error| io_failure(&format!("cannot write {}", folder.display()), &error))?;
    }
    let data_dir: PathBuf = config.data_dir.clone();
    let application = Application::start(config).await?;
    let (node, socket) = (application.clone(), data_dir.join("node.sock"));
    let server = ControlServer::open(&socket, &data_dir, move || node.connect()).await?;
    let mut client = application.connect();
    let is_listening = |snapshot: &Snapshot| !snapshot.listen.is_empty();
    let snapshot = node::wait_for(&mut client, LISTENING, Output::SILENT, is_listening)
        .await?
        .ok_or_else(|| {
            let seconds = LISTENING.as_secs();
            Failure::new(FailureKind::TimedOut, format!("a node did not listen within {seconds} s"))
        })?;
    let mut address = snapshot.listen.first().cloned().ok_or_else(gone)?;
    if peer_of(&address).is_none() {
        address.push(Protocol::P2p(snapshot.node.peer_id));
    }
    Ok(DemoNode { application, server, address })
}

/// A node of the demo that should be up is not.
pub(super) fn gone() -> Failure {
    Failure::new(FailureKind::Error, "a node of the demo is not there")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_name_is_one() {
        super::NAME.parse::<crate::domain::NetworkName>().expect("a name");
    }
}
