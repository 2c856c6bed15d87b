//! What the three example peers have in common: a node on loopback in a temporary folder.
#![allow(dead_code, clippy::print_stdout, missing_docs, unreachable_pub)]

use std::{error::Error, path::Path, time::Duration};

use multiaddr::{Multiaddr, Protocol};
use p2pfs_tui::application::{
    Application,
    client::Client,
    config::{NodeConfig, Overlay, Seeding},
    limits,
    message::{Command, Reply, Snapshot},
};
use tempfile::TempDir;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// A node that shares some of the samples, for as long as it is kept.
pub struct Peer {
    pub node: Application,
    pub client: Client,
    pub folder: TempDir,
}

impl Peer {
    /// Starts a node that knows the peer at `bootstrap`, if any, and shares folders of the samples.
    pub async fn start(bootstrap: Option<Multiaddr>, samples: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples");
        let node = Application::start(NodeConfig {
            data_dir: folder.path().join("data"),
            download_dir: folder.path().join("downloads"),
            network: "examples".parse()?,
            overlay: Overlay::Libp2p,
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
            bootstrap: bootstrap.into_iter().collect(),
            mdns: false,
            shares: samples.iter().map(|name| all.join(name)).collect(),
            serve_remembered: true,
            limits: limits::Settings::default(),
            seeding: Seeding::No,
            connections: None,
        })
        .await?;
        Ok(Self { client: node.connect(), node, folder })
    }

    /// Waits until the node's state is as wanted, and returns it.
    pub async fn until(&mut self, wanted: impl Fn(&Snapshot) -> bool) -> Outcome<Snapshot> {
        loop {
            if let Reply::Snapshot(snapshot) = self.client.call(Command::Snapshot).await?
                && wanted(&snapshot)
            {
                return Ok(*snapshot);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The address that another peer can start from.
    pub async fn address(&mut self) -> Outcome<Multiaddr> {
        let snapshot = self.until(|snapshot| !snapshot.listen.is_empty()).await?;
        Ok(snapshot.listen[0].clone().with(Protocol::P2p(snapshot.node.peer_id)))
    }

    /// Prints what is shared and where, then serves until Ctrl-C.
    pub async fn serve(mut self, name: &str) -> Outcome<()> {
        let address = self.address().await?;
        let hashed = |s: &Snapshot| s.shares.files > 0 && s.shares.to_hash == 0;
        let shares = self.until(hashed).await?.shares;
        println!("{name} shares {} files at {address}", shares.files);
        if shares.keys_announced < shares.keys {
            println!("it announces {} keys when it knows somebody", shares.keys);
        }
        self.until(|s| s.shares.keys_announced == s.shares.keys).await?;
        println!("{name} has announced everything; Ctrl-C ends it");
        tokio::signal::ctrl_c().await?;
        self.node.stop().await;
        Ok(())
    }
}

/// The address given as the first argument.
pub fn bootstrap() -> Outcome<Option<Multiaddr>> {
    Ok(std::env::args().nth(1).map(|text| text.parse()).transpose()?)
}
