//! A node put together: everything that runs, and how it starts and stops.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    announcing::{self, Announcer},
    collections::Collections,
    config::{NodeConfig, Overlay},
    indexing::{Change, IndexingService},
    limits::{LimitsService, Settings},
    lock::DataDirLock,
    message::{Event, Failure, FailureKind, NodeInfo, Snapshot},
    notices::Notices,
    observer::{Glance, Watched},
    peers::unix_now,
    provider::Provider,
    search::QueryService,
    seeding::SeedingService,
    streams::Streams,
    transfers::{Bounds, Offers, Parts, Transfers},
};
use crate::{
    domain::ContentId,
    network::{
        content::{
            self, bans::Bans, limiter::Limiter, meter::Meter, providers::Providers, serve::Uploads,
            slots::Slots, store::disk::RealDisk,
        },
        dht::{self, Dht},
        host::{Host, HostConfig, StartError, Started, command::HostEvent},
        index,
        kad::record_store,
    },
};

/// Events that a slow client may fall behind before it loses some.
const EVENTS: usize = 1_024;

/// Everything that runs in a node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) config: NodeConfig,
    pub(super) host: Host,
    pub(super) indexing: IndexingService,
    pub(super) announcer: Announcer,
    pub(super) collections: Collections,
    pub(super) queries: QueryService,
    pub(super) transfers: Transfers,
    pub(super) streams: Streams,
    pub(super) limits: Arc<LimitsService>,
    pub(super) notices: Arc<Notices>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) stopped: CancellationToken,
    /// The node at a glance, to read.
    pub(super) glance: Arc<Glance>,
    /// The node at a glance, to watch.
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
    lock: Mutex<Option<DataDirLock>>,
}

impl Node {
    pub(super) async fn start(config: NodeConfig) -> Result<Arc<Self>, Failure> {
        let lock = DataDirLock::acquire(&config.data_dir)?;
        let (indexing, changes) = IndexingService::start(&config).await?;
        let Started { host, inbound: [questions, requests], events: host_events } =
            start_host(&config)?;
        let dht = match config.overlay {
            Overlay::Libp2p => dht::libp2p::start(host.clone()),
        };
        let catalog = indexing.catalog();
        let (events, _) = broadcast::channel(EVENTS);
        let uploads = Arc::new(Uploads {
            limiter: Limiter::new(config.limits.up.0),
            meter: Meter::default(),
            slots: Slots::new(config.limits.slots as usize),
        });
        let downloads = Arc::new(Meter::default());
        let offers = Offers::default();
        let seeding = SeedingService::open(config.seeding, &config.data_dir, catalog.clone());
        let (completed, done) = mpsc::unbounded_channel();
        let collections = Collections::open(&config.data_dir, catalog.clone());
        let announced = Arc::new(Announced(indexing.clone()));
        let moved = {
            let (uploads, downloads) = (uploads.clone(), downloads.clone());
            move || uploads.meter.total() + downloads.total()
        };
        let announcer = Announcer::start(dht.clone(), host.state(), announced, moved);
        let provider = Arc::new(Provider {
            catalog: catalog.clone(),
            indexing: indexing.clone(),
            collections: collections.clone(),
            seeding: seeding.clone(),
            offers: offers.clone(),
            data_dir: config.data_dir.clone(),
        });
        tokio::spawn(index::serve(questions, provider.clone()));
        tokio::spawn(content::serve::serve(requests, provider, uploads.clone()));

        let queries = query_service(&config, &host, &dht, &catalog, &events);
        let bans = Arc::new(Bans::open(&config.data_dir.join("bans")));
        let download_limiter = Arc::new(Limiter::new(config.limits.down.0));
        let parts = Parts {
            host: host.clone(),
            dht,
            providers: Providers::new(host.clone(), content::protocol(&config.network), bans),
            queries: queries.clone(),
            catalog,
            announcer: config.serve_remembered.then(|| announcer.clone()),
            offers,
            data_dir: config.data_dir.clone(),
            download_dir: config.download_dir.clone(),
            disk: Arc::new(RealDisk),
            meter: downloads.clone(),
            limiter: download_limiter.clone(),
            completed,
            events: events.clone(),
        };
        let Settings { transfers: running, floor, .. } = config.limits;
        let bounds = Bounds { running, floor };
        let (transfers, damaged) = Transfers::open(parts, bounds, config.serve_remembered);
        let settings = config.limits.clone();
        let limits = Arc::new(LimitsService::new(
            settings,
            uploads.clone(),
            download_limiter,
            transfers.clone(),
        ));
        let stopped = CancellationToken::new();
        let streams = Streams::new(transfers.clone(), indexing.clone(), stopped.clone());
        let glance = Arc::new(Glance::new(Watched {
            info: info(&config, &host),
            host: host.clone(),
            indexing: indexing.clone(),
            transfers: transfers.clone(),
            uploads: uploads.clone(),
            downloads: downloads.clone(),
            limits: limits.clone(),
        }));
        let snapshot = glance.publish(stopped.clone());
        let notices = Arc::new(Notices::new(events.clone()));
        tokio::spawn(seeding.run(done, (indexing.clone(), notices.clone())));
        for folder in damaged {
            let text = format!("what was known of a transfer is damaged: {}", folder.display());
            let hint = "get it again; what is in that folder is of no more use";
            notices.warn(text, Some(hint.to_owned()));
        }
        let node = Arc::new(Self {
            host,
            indexing,
            announcer,
            collections,
            queries,
            transfers,
            streams,
            limits,
            notices,
            events,
            stopped,
            glance,
            snapshot,
            lock: Mutex::new(Some(lock)),
            config,
        });
        if node.config.serve_remembered {
            let node = node.clone();
            tokio::spawn(async move { node.collections.announce(&node.announcer).await });
        }
        tokio::spawn(announce_changes(node.clone(), changes));
        tokio::spawn(tell_host_events(node.clone(), host_events));
        Ok(node)
    }

    /// Ends everything, in the order in which it depends on each other.
    pub(super) async fn stop(&self) {
        self.stopped.cancel();
        self.transfers.stop().await;
        self.indexing.stop().await;
        self.host.stop().await;
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn start_host(config: &NodeConfig) -> Result<Started<2>, Failure> {
    let host_config = HostConfig {
        data_dir: config.data_dir.clone(),
        network: config.network.clone(),
        listen: config.listen.clone(),
        bootstrap: config.bootstrap.clone(),
        mdns: config.mdns,
        serve_dht: config.serve_remembered || !config.shares.is_empty(),
        connections: config.connections.unwrap_or_default(),
        records: record_store::Limits::default(),
    };
    let protocols = [index::protocol(&config.network), content::protocol(&config.network)];
    Host::start(host_config, protocols).map_err(|error| {
        let failure = Failure::new(FailureKind::Error, error.to_string());
        match error {
            StartError::AddressInUse(_) => failure.hint(
                "end that program, or choose another port with --listen; port 0 takes any free one",
            ),
            StartError::Listen { .. } => failure.hint("choose another address with --listen"),
            StartError::Identity(_) => {
                failure.hint("restore the file from a backup; moving it away makes a new identity")
            }
            StartError::Transport(_) => failure,
        }
    })
}

fn query_service(
    config: &NodeConfig,
    host: &Host,
    dht: &Dht,
    catalog: &super::catalog::Catalog,
    events: &broadcast::Sender<Event>,
) -> QueryService {
    let protocol = index::protocol(&config.network);
    QueryService::new(host.clone(), dht.clone(), protocol, catalog.clone(), events.clone())
}

fn info(config: &NodeConfig, host: &Host) -> NodeInfo {
    NodeInfo {
        peer_id: host.peer_id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        network: config.network.to_string(),
        overlay: config.overlay.name().to_owned(),
        pid: std::process::id(),
        started: unix_now(),
        data_dir: config.data_dir.clone(),
        download_dir: config.download_dir.clone(),
    }
}

/// Reports to the shared files how far their keys are.
#[derive(Debug)]
struct Announced(IndexingService);

impl announcing::Listener for Announced {
    fn announced(&self, content: &ContentId, done: u32, keys: u32) {
        self.0.announced(content, done, keys);
    }
}

/// Hands what is shared or not any more to the announcer.
async fn announce_changes(node: Arc<Node>, mut changes: mpsc::Receiver<Change>) {
    while let Some(change) = changes.recv().await {
        match change {
            Change::Added(file) => node.announcer.add(&file.manifest).await,
            Change::Removed(file) => node.announcer.remove(&file.manifest).await,
            Change::Notice(notice) => node.notices.tell(notice),
        }
    }
}

/// Puts what the host has to say into words for a person.
async fn tell_host_events(node: Arc<Node>, mut events: mpsc::Receiver<HostEvent>) {
    while let Some(event) = events.recv().await {
        let (text, hint) = match event {
            HostEvent::BootstrapFailed { address, reason } => (
                format!("the bootstrap node {address} does not answer: {reason}"),
                "it is tried again while nobody is connected; check the address or ask for an invite",
            ),
            HostEvent::MdnsUnavailable { reason } => (
                format!("peers on the local network cannot be looked for: {reason}"),
                "join by an invitation or with --bootstrap instead",
            ),
            HostEvent::ListenerClosed { addresses, reason } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                let text = format!("not listening on {} any more: {reason}", addresses.join(", "));
                (text, "restart the node to listen again")
            }
        };
        node.notices.warn(text, Some(hint.to_owned()));
    }
}
