//! Real nodes in one process: each with its own directory, identity, store and sockets.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

pub mod stranger;
pub mod transfers;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use multiaddr::Multiaddr;
use p2pfs_tui::{
    application::{
        Application,
        client::Client,
        config::{NodeConfig, Overlay, Seeding},
        limits,
        message::{
            Command, Failure, Output, Reply, ResultRow, SearchRow, ShareRow, ShareState, Snapshot,
            TransferId, TransferRow, Window,
        },
    },
    domain::{Field, Link, query::QueryText},
    network::host::ConnectionBounds,
};
use tempfile::TempDir;

/// How long a test waits for something that should take a moment: the machines are noisy.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A node and a client of it.
pub struct TestNode {
    pub application: Application,
    pub client: Client,
    pub dir: TempDir,
}

/// The settings of a node on loopback, in a directory of its own.
pub fn config(dir: &Path, bootstrap: Vec<Multiaddr>) -> NodeConfig {
    NodeConfig {
        data_dir: dir.join("data"),
        download_dir: dir.join("downloads"),
        network: "test".parse().unwrap(),
        overlay: Overlay::Libp2p,
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        bootstrap,
        mdns: false,
        shares: Vec::new(),
        serve_remembered: true,
        limits: limits::Settings::default(),
        seeding: Seeding::No,
        connections: None,
    }
}

impl TestNode {
    pub async fn start(bootstrap: Vec<Multiaddr>) -> Self {
        Self::start_with(bootstrap, |_| {}).await
    }

    pub async fn start_with(
        bootstrap: Vec<Multiaddr>,
        change: impl FnOnce(&mut NodeConfig),
    ) -> Self {
        // RUST_LOG=p2pfs_tui=debug shows what the nodes do.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path(), bootstrap);
        change(&mut config);
        let application = Application::start(config).await.unwrap();
        let client = application.connect();
        Self { application, client, dir }
    }

    /// A few bounds on connections, so that a node knows few of many.
    pub fn few_connections(config: &mut NodeConfig) {
        config.connections = Some(ConnectionBounds { low: 6, high: 9, max: 256 });
    }

    pub async fn call(&mut self, command: Command) -> Result<Reply, Failure> {
        self.client.call(command).await
    }

    pub async fn snapshot(&mut self) -> Snapshot {
        match self.call(Command::Snapshot).await.unwrap() {
            Reply::Snapshot(snapshot) => *snapshot,
            other => panic!("{other:?}"),
        }
    }

    /// Where others can reach this node.
    pub async fn address(&mut self) -> Multiaddr {
        let snapshot = self.until("it listens", |snapshot| !snapshot.listen.is_empty()).await;
        let peer = multiaddr::Protocol::P2p(snapshot.node.peer_id);
        snapshot.listen[0].clone().with(peer)
    }

    /// Waits until the snapshot is as wanted.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let mut last = self.snapshot().await;
        let waiting = async {
            while !wanted(&last) {
                tokio::time::sleep(Duration::from_millis(20)).await;
                last = self.snapshot().await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited too long until {what}: {last:#?}");
        }
        last
    }

    /// Writes a file into this node's folder and returns its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join("shared").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub async fn share(&mut self, path: impl Into<PathBuf>) {
        self.call(Command::Share { path: path.into(), remember: true }).await.unwrap();
    }

    /// Waits until everything that is shared is hashed and announced.
    pub async fn announced(&mut self, files: u64) -> Snapshot {
        let done = |snapshot: &Snapshot| {
            let shares = snapshot.shares;
            shares.files == files && shares.to_hash == 0 && shares.keys_announced == shares.keys
        };
        let snapshot = self.until("all is announced", done).await;
        for row in self.shares().await {
            assert!(matches!(row.state, ShareState::Announced { .. }), "{row:?}");
        }
        snapshot
    }

    /// The first shared files.
    pub async fn shares(&mut self) -> Vec<ShareRow> {
        match self.call(Command::Shares(Window::first(10))).await.unwrap() {
            Reply::Shares(page) => page.rows,
            other => panic!("{other:?}"),
        }
    }

    pub async fn search(&mut self, text: &str, field: Option<Field>) -> Found {
        let query = QueryText { text: text.to_owned(), field };
        let timeout_ms = u64::try_from(PATIENCE.as_millis()).unwrap();
        self.call(Command::Watch).await.unwrap();
        let command = Command::Search { query, timeout_ms, limit: 1_000 };
        let Reply::Search { search } = self.call(command).await.unwrap() else {
            panic!("no search");
        };
        let summary = loop {
            match self.client.next().await.unwrap() {
                Output::Event(p2pfs_tui::application::message::Event::Search(row))
                    if row.search == search && row.end.is_some() =>
                {
                    break row;
                }
                _ => {}
            }
        };
        let window = Window::first(1_000);
        let command = Command::Results { search, since: 0, window };
        let Reply::Results(page) = self.call(command).await.unwrap() else {
            panic!("no results");
        };
        Found { rows: page.rows, summary }
    }

    /// One transfer, while it is listed.
    pub async fn transfer(&mut self, transfer: TransferId) -> Option<TransferRow> {
        match self.call(Command::Transfers(Window::first(1_000))).await.unwrap() {
            Reply::Transfers(page) => page.rows.into_iter().find(|row| row.transfer == transfer),
            other => panic!("{other:?}"),
        }
    }

    /// Fetches a link and waits for the end.
    pub async fn get(&mut self, link: Link) -> TransferRow {
        self.get_selected(link, Vec::new()).await
    }

    /// Fetches some files of a collection and waits for the end.
    pub async fn get_selected(&mut self, link: Link, select: Vec<String>) -> TransferRow {
        let command = Command::Get { link, destination: None, select };
        let Reply::Transfer { transfer } = self.call(command).await.unwrap() else {
            panic!("no transfer");
        };
        let waiting = async {
            loop {
                let row = self.transfer(transfer).await.unwrap();
                if row.state.is_over() {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the transfer ends")
    }
}

/// What a search found, and how.
pub struct Found {
    pub rows: Vec<ResultRow>,
    pub summary: SearchRow,
}
