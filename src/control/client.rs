//! [`connect`]: the client's end of the control socket.
//!
//! Gives a [`Client`] like any other; a task carries its lines. When the connection ends, the
//! conversation ends as if the node had, and its last words come first, as a notice.

use std::{io, path::Path, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc,
    time::timeout,
};
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec};

use super::{
    socket,
    wire::{self, ClientLine, Hello, NodeLine},
};
use crate::application::{
    client::{Client, ClientEnd},
    message::{Event, Failure, FailureKind, Notice, NoticeLevel, Output, Request},
};

/// How long a node may take to answer the first line.
const PATIENCE: Duration = Duration::from_secs(5);

type Lines = FramedRead<OwnedReadHalf, LinesCodec>;
type Out = FramedWrite<OwnedWriteHalf, LinesCodec>;

/// Why no conversation came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers at the socket.
    #[error("no node runs here")]
    NoNode,
    /// The node does not want to talk, and says why.
    #[error(transparent)]
    Refused(Failure),
    /// Somebody is there, but not a node of ours, or it does not answer.
    #[error("the control socket does not answer as a node should: {0}")]
    Strange(String),
    /// The socket cannot be reached.
    #[error("cannot reach the control socket: {0}")]
    Io(io::Error),
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused(failure) => failure,
            ConnectError::NoNode => {
                Self::new(FailureKind::Error, error.to_string()).hint("start one: p2pfs-tui daemon")
            }
            ConnectError::Strange(_) => Self::new(FailureKind::Error, error.to_string())
                .hint("if the node hangs, stop its process and start it again"),
            ConnectError::Io(_) => Self::new(FailureKind::Error, error.to_string())
                .hint("a node answers only to the user who started it"),
        }
    }
}

/// Begins a conversation with the node behind the socket.
///
/// # Errors
/// When nobody answers, or the node refuses: another version, another data directory, too many
/// clients.
pub async fn connect(socket: &Path, data_dir: &Path) -> Result<Client, ConnectError> {
    let stream = socket::connect(socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::NoNode,
        _ => ConnectError::Io(error),
    })?;
    let (read, write) = stream.into_split();
    let mut lines = FramedRead::new(read, wire::node_lines());
    let mut out = FramedWrite::new(write, wire::client_lines());
    let me = Hello::ours(data_dir);
    match timeout(PATIENCE, introduce(&mut lines, &mut out, &me)).await {
        Ok(done) => done?,
        Err(_) => {
            let silence = format!("silent for {} s", PATIENCE.as_secs());
            return Err(ConnectError::Strange(silence));
        }
    }
    let (client, end) = Client::pair();
    tokio::spawn(carry(lines, out, end));
    Ok(client)
}

async fn introduce(lines: &mut Lines, out: &mut Out, me: &Hello) -> Result<(), ConnectError> {
    let hello = wire::encode_client(&ClientLine::Hello(me.clone()));
    let hello = hello.map_err(|error| ConnectError::Strange(error.to_string()))?;
    // A node that is just ending hangs up here: to the client it is gone already.
    out.send(hello).await.map_err(|_| ConnectError::NoNode)?;
    let Some(Ok(line)) = lines.next().await else {
        return Err(ConnectError::NoNode);
    };
    match wire::decode_node(&line) {
        Ok(NodeLine::Welcome(node)) => Hello::fits(&node, me).map_err(ConnectError::Refused),
        Ok(NodeLine::Refused(why)) => Err(ConnectError::Refused(why)),
        Ok(NodeLine::Output(_)) => Err(ConnectError::Strange("it spoke out of turn".into())),
        Err(error) => Err(ConnectError::Strange(error.to_string())),
    }
}

/// Carries lines both ways until either end is gone.
async fn carry(mut lines: Lines, mut out: Out, end: ClientEnd) {
    let ClientEnd { requests, outputs } = end;
    tokio::select! {
        () = carry_requests(requests, &outputs, &mut out) => {}
        () = carry_outputs(&mut lines, &outputs) => {}
    }
}

async fn carry_requests(
    mut requests: mpsc::Receiver<Request>,
    outputs: &mpsc::Sender<Output>,
    out: &mut Out,
) {
    while let Some(request) = requests.recv().await {
        let id = request.id;
        match wire::encode_client(&ClientLine::Request(request)) {
            Ok(text) => {
                if out.send(text).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                let failure = Failure::new(FailureKind::Usage, format!("the command {error}"))
                    .hint("ask for less at a time");
                let reply = Output::Reply { id, result: Err(failure) };
                if outputs.send(reply).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn carry_outputs(lines: &mut Lines, outputs: &mpsc::Sender<Output>) {
    while let Some(Ok(line)) = lines.next().await {
        let (output, is_last) = match wire::decode_node(&line) {
            Ok(NodeLine::Output(output)) => (output, false),
            Ok(NodeLine::Refused(why)) => (last_words(why), true),
            Ok(NodeLine::Welcome(_)) => continue,
            Err(error) => {
                let message = format!("the node sent a line that is {error}");
                (last_words(Failure::new(FailureKind::Error, message)), true)
            }
        };
        if outputs.send(output).await.is_err() || is_last {
            return;
        }
    }
}

fn last_words(why: Failure) -> Output {
    Output::Event(Event::Notice(Notice {
        level: NoticeLevel::Error,
        text: why.message.into(),
        hint: why.hint,
    }))
}
