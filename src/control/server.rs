//! [`ControlServer`]: the node's end of the control socket.
//!
//! Owns the socket file and one task per connection. Invariant: a connection holds at most one
//! conversation with the node, and only its own two pumps wait for it; when either ends, the
//! conversation is dropped.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use tokio::{
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec, LinesCodecError};

use super::{
    socket,
    wire::{self, ClientLine, Hello, NodeLine},
};
use crate::application::{
    client::Client,
    message::{Failure, FailureKind, Output, Request},
};

/// Conversations at a time; the next one is told so.
pub const MAX_CLIENTS: usize = 32;
/// How long a client may take to introduce itself, and to read why it was refused.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the socket file is looked after: systems delete the runtime folder when the last
/// login ends, and a node in `tmux` lives on.
const LOOK_AFTER: Duration = Duration::from_secs(2);

type Lines = FramedRead<OwnedReadHalf, LinesCodec>;
type Out = FramedWrite<OwnedWriteHalf, LinesCodec>;
type Connect = Arc<dyn Fn() -> Client + Send + Sync>;

/// An open control socket; closed, and its file removed, when this is dropped.
#[derive(Debug)]
pub struct ControlServer {
    accepting: JoinHandle<()>,
    socket: PathBuf,
}

impl ControlServer {
    /// Opens the socket; `connect` begins a conversation with the node.
    ///
    /// The caller holds the lock of `data_dir`, so a socket that nobody answers is a dead node's
    /// and is replaced.
    ///
    /// # Errors
    /// When a node of another data directory answers there, or the file cannot be made.
    pub async fn open(
        socket: &Path,
        data_dir: &Path,
        connect: impl Fn() -> Client + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let listener = socket::bind(socket).await.map_err(|error| cannot_open(socket, &error))?;
        let door = Door {
            listener,
            socket: socket.to_owned(),
            node: Hello::ours(data_dir),
            connect: Arc::new(connect),
        };
        Ok(Self { accepting: tokio::spawn(door.keep()), socket: socket.to_owned() })
    }

    /// Where the socket is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.accepting.abort();
        // The node's lock is still held here, so the file is ours.
        let _ = fs::remove_file(&self.socket);
    }
}

fn cannot_open(socket: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AddrInUse {
        let message = format!("a node of another data directory answers at {}", socket.display());
        return Failure::new(FailureKind::Error, message)
            .hint("give this node a folder of its own: --data-dir DIR");
    }
    let message = format!("cannot open the control socket {}: {error}", socket.display());
    Failure::new(FailureKind::Error, message)
        .hint("choose a folder that can be written: --data-dir DIR")
}

/// The task that lets clients in.
struct Door {
    listener: UnixListener,
    socket: PathBuf,
    node: Hello,
    connect: Connect,
}

impl Door {
    async fn keep(mut self) {
        let places = Arc::new(Semaphore::new(MAX_CLIENTS));
        let mut visits = JoinSet::new();
        let mut look_after = interval(LOOK_AFTER);
        look_after.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let place = places.clone().try_acquire_owned().ok();
                        let (node, connect) = (self.node.clone(), self.connect.clone());
                        visits.spawn(async move {
                            let has_place = place.is_some();
                            visit(stream, node, connect, has_place).await;
                            drop(place);
                        });
                    }
                    // Out of descriptors, for instance: it passes, and must not spin until then.
                    Err(error) => {
                        tracing::warn!(%error, "control socket: cannot accept");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = visits.join_next() => {}
                _ = look_after.tick() => self.look_after().await,
            }
        }
    }

    async fn look_after(&mut self) {
        if self.socket.symlink_metadata().is_ok() {
            return;
        }
        match socket::bind(&self.socket).await {
            Ok(listener) => self.listener = listener,
            Err(error) => {
                tracing::debug!(%error, socket = %self.socket.display(), "cannot open it again");
            }
        }
    }
}

/// One connection, from the first line to the last.
async fn visit(stream: UnixStream, node: Hello, connect: Connect, has_place: bool) {
    let (read, write) = stream.into_split();
    let mut lines = FramedRead::new(read, wire::client_lines());
    let mut out = FramedWrite::new(write, wire::node_lines());
    let conversation = async {
        greet(&mut lines, &node, has_place).await?;
        send(&mut out, NodeLine::Welcome(node.clone())).await?;
        let (requests, outputs) = connect().into_parts();
        tokio::select! {
            end = carry_requests(&mut lines, requests) => end,
            end = carry_outputs(outputs, &mut out) => end,
        }
    };
    if let Err(End::Refused(why)) = conversation.await {
        tracing::debug!(%why, "control socket: refused a client");
        let _ = timeout(PATIENCE, send(&mut out, NodeLine::Refused(why))).await;
    }
}

/// Why a conversation is over before the client left.
enum End {
    /// The connection broke: nobody is there to be told.
    Broken,
    /// The node will not go on; the client is told why.
    Refused(Failure),
}

async fn greet(lines: &mut Lines, node: &Hello, has_place: bool) -> Result<(), End> {
    let line = timeout(PATIENCE, next_line(lines)).await.map_err(|_| End::Broken)??;
    let Some(ClientLine::Hello(client)) = line else {
        return Err(refused("a client introduces itself first, with a line like {\"hello\":…}"));
    };
    Hello::fits(node, &client).map_err(End::Refused)?;
    if has_place {
        Ok(())
    } else {
        let message = format!("the node talks to {MAX_CLIENTS} clients already");
        let hint = "close one of them and try again";
        Err(End::Refused(Failure::new(FailureKind::Error, message).hint(hint)))
    }
}

async fn carry_requests(lines: &mut Lines, requests: mpsc::Sender<Request>) -> Result<(), End> {
    while let Some(line) = next_line(lines).await? {
        let ClientLine::Request(request) = line else {
            return Err(refused("a client introduces itself only once"));
        };
        if requests.send(request).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn carry_outputs(mut outputs: mpsc::Receiver<Output>, out: &mut Out) -> Result<(), End> {
    while let Some(output) = outputs.recv().await {
        send(out, NodeLine::Output(output)).await?;
    }
    Ok(())
}

async fn next_line(lines: &mut Lines) -> Result<Option<ClientLine>, End> {
    match lines.next().await {
        None => Ok(None),
        Some(Ok(line)) => match wire::decode_client(&line) {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(refused(&error.to_string())),
        },
        Some(Err(LinesCodecError::MaxLineLengthExceeded)) => {
            Err(refused(&wire::BadLine::TooLong { max: wire::MAX_REQUEST }.to_string()))
        }
        Some(Err(LinesCodecError::Io(error))) if error.kind() == io::ErrorKind::InvalidData => {
            Err(refused("not a message of the control socket: not UTF-8"))
        }
        Some(Err(LinesCodecError::Io(_))) => Err(End::Broken),
    }
}

async fn send(out: &mut Out, line: NodeLine) -> Result<(), End> {
    let text = match wire::encode_node(&line) {
        Ok(text) => text,
        // The client waits for the reply to this command: it gets one that can be sent.
        Err(error) => match line {
            NodeLine::Output(Output::Reply { id, .. }) => {
                let message = format!("the reply {error}");
                let failure = Failure::new(FailureKind::Error, message).hint("ask for fewer rows");
                let reply = Output::Reply { id, result: Err(failure) };
                wire::encode_node(&NodeLine::Output(reply)).map_err(|_| End::Broken)?
            }
            // A hint may be lost: what it speaks of can be read again.
            _ => return Ok(()),
        },
    };
    out.send(text).await.map_err(|_| End::Broken)
}

fn refused(message: &str) -> End {
    End::Refused(Failure::new(FailureKind::Usage, message))
}
