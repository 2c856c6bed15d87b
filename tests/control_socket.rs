//! The control socket, with a node that the test plays itself.
#![allow(clippy::unwrap_used)]

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use p2pfs_tui::{
    application::{
        client::{Client, ClientEnd},
        message::{
            Command, Event, Failure, FailureKind, Notice, NoticeLevel, Output, Reply, Request,
        },
    },
    control::{
        self, ControlServer,
        client::ConnectError,
        server::MAX_CLIENTS,
        wire::{self, ClientLine, Hello, NodeLine},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    sync::mpsc,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(30);

/// A node that answers every command with `Done`, and an open socket before it.
struct Fixture {
    dir: TempDir,
    server: ControlServer,
    /// The node's ends of the conversations, as they begin.
    ends: mpsc::UnboundedReceiver<ClientEnd>,
}

impl Fixture {
    async fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap(), "node.sock").await
    }

    async fn at(dir: TempDir, socket: &str) -> Self {
        let (sender, ends) = mpsc::unbounded_channel();
        let connect = move || {
            let (client, end) = Client::pair();
            sender.send(end).unwrap();
            client
        };
        let socket = dir.path().join(socket);
        let server = ControlServer::open(&socket, dir.path(), connect).await.unwrap();
        Self { dir, server, ends }
    }

    async fn connect(&self) -> Result<Client, ConnectError> {
        control::connect(self.server.socket(), self.dir.path()).await
    }

    async fn raw(&self) -> BufReader<UnixStream> {
        BufReader::new(UnixStream::connect(self.server.socket()).await.unwrap())
    }

    fn hello(&self) -> String {
        let hello = ClientLine::Hello(Hello::ours(self.dir.path()));
        wire::encode_client(&hello).unwrap()
    }

    async fn end(&mut self) -> ClientEnd {
        timeout(DEADLINE, self.ends.recv()).await.unwrap().unwrap()
    }
}

/// Answers everything on one conversation, until it ends.
fn answer(mut end: ClientEnd) {
    tokio::spawn(async move {
        while let Some(Request { id, .. }) = end.requests.recv().await {
            let reply = Output::Reply { id, result: Ok(Reply::Done) };
            if end.outputs.send(reply).await.is_err() {
                break;
            }
        }
    });
}

async fn read_line(stream: &mut BufReader<UnixStream>) -> NodeLine {
    let mut line = String::new();
    timeout(DEADLINE, stream.read_line(&mut line)).await.unwrap().unwrap();
    wire::decode_node(line.trim_end()).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

async fn write_line(stream: &mut BufReader<UnixStream>, line: &str) {
    stream.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
}

/// What the node says last, to somebody who sent these lines.
async fn refusal(fixture: &Fixture, lines: &[&str]) -> Failure {
    let mut stream = fixture.raw().await;
    for line in lines {
        write_line(&mut stream, line).await;
    }
    let mut last = read_line(&mut stream).await;
    while !matches!(last, NodeLine::Refused(_)) {
        last = read_line(&mut stream).await;
    }
    let mut rest = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("closed").unwrap();
    assert!(rest.is_empty(), "the refusal is the last line");
    let NodeLine::Refused(why) = last else { unreachable!() };
    why
}

fn notice(text: &str) -> Output {
    let notice = Notice { level: NoticeLevel::Info, text: text.into(), hint: None };
    Output::Event(Event::Notice(notice))
}

#[tokio::test]
async fn a_conversation_is_carried_both_ways() {
    let mut fixture = Fixture::new().await;
    let mut client = fixture.connect().await.unwrap();
    let mut end = fixture.end().await;

    let node = tokio::spawn(async move {
        let Request { id, command } = end.requests.recv().await.unwrap();
        assert_eq!(command, Command::Invite);
        end.outputs.send(notice("first")).await.unwrap();
        let result = Ok(Reply::Invite { link: "p2pfs-join:x".into() });
        end.outputs.send(Output::Reply { id, result }).await.unwrap();
        end.requests.recv().await
    });
    let reply = client.call(Command::Invite).await.unwrap();
    assert_eq!(reply, Reply::Invite { link: "p2pfs-join:x".into() });
    assert_eq!(client.next().await, Some(notice("first")));

    drop(client);
    let after = timeout(DEADLINE, node).await.expect("the node sees the end").unwrap();
    assert_eq!(after, None);
}

#[tokio::test]
async fn the_end_of_the_node_is_the_end_of_the_conversation() {
    let mut fixture = Fixture::new().await;
    let mut client = fixture.connect().await.unwrap();
    drop(fixture.end().await);
    assert_eq!(timeout(DEADLINE, client.next()).await.unwrap(), None);
    assert!(client.call(Command::Snapshot).await.unwrap_err().message.contains("ended"));
}

#[tokio::test]
async fn the_socket_is_private_and_goes_with_the_server() {
    let fixture = Fixture::at(tempfile::tempdir().unwrap(), "run/node.sock").await;
    let socket = fixture.server.socket().to_owned();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    drop(fixture.server);
    assert!(!socket.exists());
    let gone = control::connect(&socket, fixture.dir.path()).await;
    assert!(matches!(gone, Err(ConnectError::NoNode)));
}

#[tokio::test]
async fn a_dead_nodes_socket_is_replaced_and_a_living_ones_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("node.sock");
    // A listener that is closed leaves its file, as a killed node does.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let mut fixture = Fixture::at(dir, "node.sock").await;
    let mut client = fixture.connect().await.unwrap();
    answer(fixture.end().await);

    let other = tempfile::tempdir().unwrap();
    let second = ControlServer::open(&socket, other.path(), || Client::pair().0).await;
    let failure = second.expect_err("somebody lives there");
    assert!(failure.message.contains("another data directory"), "{failure}");
    assert!(failure.hint.unwrap().contains("--data-dir"));
    assert_eq!(client.call(Command::Snapshot).await.unwrap(), Reply::Done);
}

#[tokio::test]
async fn a_socket_that_was_deleted_comes_back() {
    let mut fixture = Fixture::new().await;
    std::fs::remove_file(fixture.server.socket()).unwrap();
    let client = timeout(DEADLINE, async {
        loop {
            match fixture.connect().await {
                Ok(client) => break client,
                Err(ConnectError::NoNode) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    });
    let mut client = client.await.expect("opened again");
    answer(fixture.end().await);
    assert_eq!(client.call(Command::Snapshot).await.unwrap(), Reply::Done);
}

#[tokio::test]
async fn a_path_longer_than_a_socket_address_works() {
    let dir = tempfile::tempdir().unwrap();
    let deep: PathBuf = std::iter::repeat_n("a-folder-with-a-long-name", 12).collect();
    let mut fixture = Fixture::at(dir, deep.join("node.sock").to_str().unwrap()).await;
    assert!(fixture.server.socket().as_os_str().len() > 200);
    let mut client = fixture.connect().await.unwrap();
    answer(fixture.end().await);
    assert_eq!(client.call(Command::Snapshot).await.unwrap(), Reply::Done);
    let mode = fixture.server.socket().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn nonsense_is_answered_and_hurts_nobody_else() {
    let mut fixture = Fixture::new().await;
    let mut client = fixture.connect().await.unwrap();
    answer(fixture.end().await);
    let hello = fixture.hello();

    for lines in [
        vec!["GET / HTTP/1.1"],
        vec![r#"{"request":{"id":1,"command":"snapshot"}}"#],
        vec![&hello, "nonsense"],
        vec![&hello, r#"{"request":{"id":1,"command":"format_disk"}}"#],
        vec![&hello, &hello],
    ] {
        let why = refusal(&fixture, &lines).await;
        assert_eq!(why.kind, FailureKind::Usage, "{lines:?}: {why}");
        assert_eq!(client.call(Command::Snapshot).await.unwrap(), Reply::Done, "{lines:?}");
    }
    let long = "x".repeat(wire::MAX_REQUEST + 10);
    assert!(refusal(&fixture, &[&hello, &long]).await.message.contains("longer than"));
}

#[tokio::test]
async fn other_versions_and_other_folders_are_told_apart() {
    let fixture = Fixture::new().await;
    let ours = Hello::ours(fixture.dir.path());
    let old = Hello { control: wire::VERSION + 1, program: "9.9.9".into(), ..ours };
    let old = wire::encode_client(&ClientLine::Hello(old)).unwrap();
    let why = refusal(&fixture, &[&old]).await;
    assert!(why.message.contains("9.9.9"), "{why}");
    assert!(why.hint.is_some());

    let elsewhere = tempfile::tempdir().unwrap();
    let why = control::connect(fixture.server.socket(), elsewhere.path()).await.unwrap_err();
    let ConnectError::Refused(why) = why else { panic!("{why}") };
    assert!(why.message.contains("serves"), "{why}");
}

#[tokio::test]
async fn clients_are_bounded() {
    let mut fixture = Fixture::new().await;
    let mut clients = Vec::new();
    for _ in 0..MAX_CLIENTS {
        clients.push((fixture.connect().await.unwrap(), fixture.end().await));
    }
    let ConnectError::Refused(why) = fixture.connect().await.unwrap_err() else { panic!() };
    assert!(why.message.contains(&MAX_CLIENTS.to_string()), "{why}");

    clients.pop();
    let again = timeout(DEADLINE, async {
        while fixture.connect().await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    again.await.expect("a place is free again");
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_only_itself() {
    let mut fixture = Fixture::new().await;
    let mut idle = fixture.raw().await;
    write_line(&mut idle, &fixture.hello()).await;
    let idle_end = fixture.end().await;
    let mut client = fixture.connect().await.unwrap();
    answer(fixture.end().await);

    // Fill the socket and the queue: the pump waits, `try_send` tells the node so at once.
    let big = notice(&"x".repeat(64 * 1024));
    let mut refused = 0;
    timeout(DEADLINE, async {
        while refused < 100 {
            refused += u32::from(idle_end.outputs.try_send(big.clone()).is_err());
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the queue is bounded");
    assert_eq!(client.call(Command::Snapshot).await.unwrap(), Reply::Done);
}

#[tokio::test]
async fn what_no_line_can_carry_is_a_failure_of_one_command() {
    let mut fixture = Fixture::new().await;
    let mut client = fixture.connect().await.unwrap();
    let mut end = fixture.end().await;
    // Longer than a line of a client, and than one of a node.
    let command = Command::Unshare { path: "/x".repeat(100_000).into() };
    let path = PathBuf::from("/x".repeat(5_000_000));

    let failure = client.call(command).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Usage, "{failure}");

    tokio::spawn(async move {
        let Request { id, .. } = end.requests.recv().await.unwrap();
        let row =
            p2pfs_tui::application::message::RootRow { path, remembered: true, files: 1, bytes: 1 };
        let result = Ok(Reply::Roots(vec![row]));
        end.outputs.send(Output::Reply { id, result }).await.unwrap();
        let Request { id, .. } = end.requests.recv().await.unwrap();
        end.outputs.send(Output::Reply { id, result: Ok(Reply::Done) }).await.unwrap();
        end.requests.recv().await
    });
    let failure = client.call(Command::Roots).await.unwrap_err();
    assert!(failure.message.contains("longer than") && failure.hint.is_some(), "{failure}");
    assert_eq!(client.call(Command::Snapshot).await.unwrap(), Reply::Done, "goes on");
}

#[tokio::test]
async fn a_node_that_sends_nonsense_is_left_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("node.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let said = Arc::new(Mutex::new(String::new()));
    let heard = said.clone();
    let welcome = wire::encode_node(&NodeLine::Welcome(Hello::ours(dir.path()))).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        *heard.lock().unwrap() = line;
        write_line(&mut stream, &welcome).await;
        write_line(&mut stream, "{}").await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    });
    let mut client = control::connect(&socket, dir.path()).await.unwrap();
    assert!(said.lock().unwrap().starts_with("{\"hello\""));
    let last = timeout(DEADLINE, client.next()).await.unwrap();
    let Some(Output::Event(Event::Notice(notice))) = last else { panic!("{last:?}") };
    assert_eq!(notice.level, NoticeLevel::Error);
    assert_eq!(timeout(DEADLINE, client.next()).await.unwrap(), None);
}
