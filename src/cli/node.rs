//! Which node a command talks to: the one that runs in the data directory, or one of its own.
//!
//! The lock of the data directory decides whether one runs; a node that holds it and does not
//! answer yet is just starting, and is waited for.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Context, exit::unexpected, logging, output::Output as CliOutput};
use crate::{
    application::{
        Application,
        client::{Client, node_gone},
        config::NodeConfig,
        lock::DataDirLock,
        message::{Command, Event, Failure, FailureKind, NoticeLevel, Output, Reply, Snapshot},
    },
    control::{self, ControlServer, client::ConnectError},
};

/// How long a node may take to open its socket.
const STARTING: Duration = Duration::from_secs(20);
/// Between two looks at a node that is starting.
const AGAIN: Duration = Duration::from_millis(100);
/// How often the state is read, whether or not it was pushed.
const LOOK: Duration = Duration::from_millis(500);
/// How long to look for the first peer.
const JOINING: Duration = Duration::from_secs(10);
/// How long to go on without a routing table once a peer is there.
const SETTLING: Duration = Duration::from_secs(2);

/// A node in this process, with its control socket and its log.
pub(super) struct OwnNode {
    application: Application,
    // Closed before the lock is given back, so that nobody is let into a node that ends.
    server: ControlServer,
    _log: tracing_appender::non_blocking::WorkerGuard,
}

impl OwnNode {
    /// Starts a node.
    pub(super) async fn start(cx: &Context, config: NodeConfig) -> Result<Self, Failure> {
        let log = logging::start(&cx.settings)?;
        let data_dir = config.data_dir.clone();
        let application = Application::start(config).await?;
        let node = application.clone();
        let socket = &cx.settings.paths.socket;
        match ControlServer::open(socket, &data_dir, move || node.connect()).await {
            Ok(server) => Ok(Self { application, server, _log: log }),
            Err(failure) => {
                application.stop().await;
                Err(failure)
            }
        }
    }

    /// Begins a conversation with it.
    pub(super) fn connect(&self) -> Client {
        self.application.connect()
    }

    /// Stops it.
    pub(super) async fn stop(self) {
        drop(self.server);
        self.application.stop().await;
    }
}

/// A conversation with some node, and that node if it is ours.
pub(super) struct Node {
    /// The conversation.
    pub(super) client: Client,
    own: Option<OwnNode>,
}

impl Node {
    /// Ends the conversation, and the node if it is ours.
    pub(super) async fn leave(self) {
        drop(self.client);
        if let Some(own) = self.own {
            own.stop().await;
        }
    }
}

/// The node that runs in the data directory, if one does.
pub(super) async fn running(cx: &Context) -> Result<Option<Client>, Failure> {
    let paths = &cx.settings.paths;
    let deadline = Instant::now() + STARTING;
    let mut progress = cx.out.progress();
    loop {
        match control::connect(&paths.socket, &paths.data_dir).await {
            Ok(client) => {
                cx.note_idle_flags("the node here runs already");
                return Ok(Some(client));
            }
            Err(ConnectError::NoNode) => {}
            Err(other) => return Err(other.into()),
        }
        let Some(holder) = DataDirLock::holder(&paths.data_dir) else { return Ok(None) };
        if Instant::now() >= deadline {
            let pid = holder.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
            let message = format!(
                "a node{pid} holds {} but does not answer at {}",
                paths.data_dir.display(),
                paths.socket.display()
            );
            return Err(
                Failure::new(FailureKind::Error, message).hint("stop it and start it again")
            );
        }
        progress.show("waiting for the node that is starting here", "");
        sleep(AGAIN).await;
    }
}

/// The node that runs in the data directory, or how to start one.
pub(super) async fn required(cx: &Context) -> Result<Client, Failure> {
    let client = running(cx).await?;
    client.ok_or_else(|| {
        let paths = &cx.settings.paths;
        let dir = paths.data_dir.display();
        let flag = if paths.chosen { format!(" --data-dir {dir}") } else { String::new() };
        Failure::new(FailureKind::Error, format!("no node runs in {dir}"))
            .hint(format!("start one: p2pfs-tui{flag} daemon (leave out daemon for the screen)"))
    })
}

/// The node that runs in the data directory, or one that lives as long as this command and
/// publishes nothing.
pub(super) async fn running_or_own(cx: &Context) -> Result<Node, Failure> {
    loop {
        if let Some(client) = running(cx).await? {
            return Ok(Node { client, own: None });
        }
        if !cx.settings.node.shares.is_empty() && cx.settings.node_flags.contains(&"--share") {
            cx.out.note("note: a node for one command shares nothing; --share is for daemon");
        }
        let node =
            NodeConfig { serve_remembered: false, shares: Vec::new(), ..cx.settings.node.clone() };
        match OwnNode::start(cx, node).await {
            Ok(own) => return Ok(Node { client: own.connect(), own: Some(own) }),
            // Another one was faster: then it is the one to talk to.
            Err(_) if DataDirLock::holder(&cx.settings.paths.data_dir).is_some() => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// Reads the state, and has the node tell us of its changes from now on.
pub(super) async fn watch(client: &mut Client) -> Result<Snapshot, Failure> {
    match client.call(Command::Watch).await? {
        Reply::Snapshot(snapshot) => Ok(*snapshot),
        _ => Err(unexpected("Watch")),
    }
}

/// Waits until the state is as wanted; `None` when the time is up before. What goes wrong in the
/// meantime is told, or what one waits for might never come and nobody knew why.
pub(super) async fn wait_for(
    client: &mut Client,
    time: Duration,
    out: CliOutput,
    mut is_ready: impl FnMut(&Snapshot) -> bool,
) -> Result<Option<Snapshot>, Failure> {
    let deadline = Instant::now() + time;
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut snapshot = watch(client).await?;
    loop {
        if is_ready(&snapshot) {
            return Ok(Some(snapshot));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        // What is pushed can be lost, what is read cannot.
        snapshot = tokio::select! {
            output = client.next() => match output {
                Some(Output::Snapshot(next)) => *next,
                Some(Output::Event(Event::Notice(notice))) => {
                    if notice.level > NoticeLevel::Info {
                        out.notice(&notice);
                    }
                    continue;
                }
                Some(_) => continue,
                None => return Err(node_gone()),
            },
            _ = look.tick() => read(client).await?,
        };
    }
}

/// Reads the state once.
pub(super) async fn read(client: &mut Client) -> Result<Snapshot, Failure> {
    match client.call(Command::Snapshot).await? {
        Reply::Snapshot(snapshot) => Ok(*snapshot),
        _ => Err(unexpected("Snapshot")),
    }
}

/// Waits until the node has found its first peers, so that what follows can reach anybody.
///
/// # Errors
/// When there are none, which is exit code 4.
pub(super) async fn joined(client: &mut Client, cx: &Context) -> Result<(), Failure> {
    let mut progress = cx.out.progress();
    let mut met = None;
    let has_joined = |snapshot: &Snapshot| {
        progress.show("joining the network", &snapshot.reachability.reason);
        let met = (snapshot.peers > 0).then(|| *met.get_or_insert_with(Instant::now));
        met.is_some_and(|met| snapshot.routing > 0 || met.elapsed() >= SETTLING)
    };
    match wait_for(client, JOINING, cx.out, has_joined).await? {
        Some(_) => Ok(()),
        None => Err(no_peers()),
    }
}

/// Nobody is there to be asked.
pub(super) fn no_peers() -> Failure {
    Failure::new(FailureKind::NoPeers, "no peer is connected")
        .hint("name one with --bootstrap /ip4/…/p2p/…, or take an invitation: p2pfs-tui join LINK")
}
