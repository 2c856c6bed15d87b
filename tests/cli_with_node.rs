//! The binary as a client of a running node, which the test plays itself behind a real socket.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use libp2p_identity::PeerId;
use p2pfs_tui::{
    application::{
        client::{Client, ClientEnd},
        lock::DataDirLock,
        message::*,
    },
    control::ControlServer,
    domain::{ContentId, Field, Link, Root, Sha1Hash, query::QueryText},
};
use tempfile::TempDir;

const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
const HOSTILE: &str = "a\u{1b}[2Jb\u{202e}.txt";

/// What a played node says to a command: outputs, of which `Say::Reply` answers it.
enum Say {
    Reply(Result<Reply, Failure>),
    Tell(Box<Output>),
}

type Script = Arc<dyn Fn(&Command) -> Vec<Say> + Send + Sync>;

/// A node that follows a script, and remembers what it was asked.
struct Node {
    dir: TempDir,
    asked: Arc<Mutex<Vec<Command>>>,
    server: ControlServer,
}

struct Ran {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Node {
    async fn new(script: impl Fn(&Command) -> Vec<Say> + Send + Sync + 'static) -> Self {
        Self::at(tempfile::tempdir().unwrap(), script).await
    }

    async fn at(
        dir: TempDir,
        script: impl Fn(&Command) -> Vec<Say> + Send + Sync + 'static,
    ) -> Self {
        let asked: Arc<Mutex<Vec<Command>>> = Arc::default();
        let (script, heard): (Script, _) = (Arc::new(script), asked.clone());
        let connect = move || {
            let (client, end) = Client::pair();
            tokio::spawn(play(end, script.clone(), heard.clone()));
            client
        };
        let socket = dir.path().join("node.sock");
        let server = ControlServer::open(&socket, dir.path(), connect).await.unwrap();
        Self { dir, asked, server }
    }

    fn command(&self, args: &[&str]) -> Process {
        let mut command = Process::new(env!("CARGO_BIN_EXE_p2pfs-tui"));
        command.env_clear().env("HOME", "/nonexistent").current_dir(self.dir.path());
        command.arg("--data-dir").arg(self.dir.path()).args(args).stdin(Stdio::null());
        command
    }

    async fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.command(args);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn was_asked(&self, wanted: &Command) -> bool {
        self.asked.lock().unwrap().contains(wanted)
    }

    fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }
}

async fn play(mut end: ClientEnd, script: Script, heard: Arc<Mutex<Vec<Command>>>) {
    while let Some(Request { id, command }) = end.requests.recv().await {
        heard.lock().unwrap().push(command.clone());
        for say in script(&command) {
            let output = match say {
                Say::Reply(result) => Output::Reply { id, result },
                Say::Tell(output) => *output,
            };
            if end.outputs.send(output).await.is_err() {
                return;
            }
        }
    }
}

impl Ran {
    fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    #[track_caller]
    fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out(), self.stderr);
        self
    }

    /// The JSON objects of the output; each has a schema and a kind, and its own line.
    #[track_caller]
    fn rows(&self) -> Vec<serde_json::Value> {
        let rows: Vec<serde_json::Value> =
            self.out().lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        for row in &rows {
            assert_eq!(row["schema"], 1, "{row}");
            assert!(row["kind"].is_string(), "{row}");
        }
        rows
    }
}

fn reply(reply: Reply) -> Vec<Say> {
    vec![Say::Reply(Ok(reply))]
}

fn fail(kind: FailureKind) -> Vec<Say> {
    vec![Say::Reply(Err(Failure::new(kind, "it went \u{1b}wrong").hint("do this")))]
}

fn peer() -> PeerId {
    PEER.parse().unwrap()
}

fn snapshot(peers: u32) -> Snapshot {
    Snapshot {
        node: NodeInfo {
            peer_id: peer(),
            version: "0.1.0".into(),
            network: "p2pfs".into(),
            overlay: "libp2p".into(),
            pid: 7,
            started: 1,
            data_dir: "/data".into(),
            download_dir: "/downloads".into(),
        },
        listen: vec!["/ip4/127.0.0.1/tcp/4001".parse().unwrap()],
        reachability: Reachability { verdict: Verdict::Lan, reason: "no public address".into() },
        peers,
        routing: peers,
        shares: ShareTotals {
            files: 3,
            bytes: 2048,
            keys: 4,
            keys_announced: 4,
            ..Default::default()
        },
        transfers: TransferTotals::default(),
        rates: Rates { up_limit: Some(8 << 20), ..Rates::default() },
        generations: Generations::default(),
    }
}

fn content(n: u8) -> ContentId {
    ContentId { sha1: Sha1Hash::from_bytes([n; 20]), root: Root::from_bytes([n; 32]), size: 1536 }
}

fn result(n: u8, name: &str, sources: usize, generation: u64) -> ResultRow {
    ResultRow {
        content: content(n),
        name: name.into(),
        media_type: Some("audio/flac".into()),
        tags: ResultTags {
            artist: Some("Artist".into()),
            title: None,
            album: None,
            duration_ms: Some(187_000),
        },
        sources: vec![peer(); sources],
        variant: false,
        have: false,
        link: Link::of(&content(n), name),
        generation,
    }
}

fn page<T>(rows: Vec<T>, window: Window, generation: u64) -> Page<T> {
    window.page(rows.into_iter(), generation)
}

/// The answers that every node gives.
fn common(command: &Command) -> Vec<Say> {
    match command {
        Command::Snapshot | Command::Watch => reply(Reply::Snapshot(Box::new(snapshot(2)))),
        Command::CloseSearch { .. } | Command::Cancel { .. } => reply(Reply::Done),
        other => panic!("unexpected: {other:?}"),
    }
}

fn search_row(generation: u64, rows: u64, end: Option<SearchEnd>) -> SearchRow {
    SearchRow {
        search: 9,
        query: QueryText { text: "swan lake".into(), field: None },
        generation,
        rows,
        dht_requests: 12,
        asked: 3,
        answered: 2,
        words: vec![
            WordRow { word: "lake".into(), holders: 2 },
            WordRow { word: "swan".into(), holders: 0 },
        ],
        end,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_has_its_fields_at_the_top() {
    let node = Node::new(common).await;
    let ran = node.run(&["status", "--json"]).await;
    let rows = ran.ends(0).rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["kind"], "status");
    assert_eq!(rows[0]["peer_id"], PEER);
    assert_eq!(rows[0]["listen"][0], "/ip4/127.0.0.1/tcp/4001");
    assert_eq!((&rows[0]["peers"], &rows[0]["shared_files"]), (&2.into(), &3.into()));

    let ran = node.run(&["status"]).await;
    for part in [PEER, "from the local network: no public address", "3 files", "/downloads"] {
        assert!(ran.ends(0).out().contains(part), "{part}: {}", ran.out());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_for_a_node_that_is_just_starting() {
    let dir = tempfile::tempdir().unwrap();
    // The lock is what a node takes first, and the socket what it opens last.
    let _lock = DataDirLock::acquire(dir.path()).unwrap();
    let mut command = Process::new(env!("CARGO_BIN_EXE_p2pfs-tui"));
    command.args(["status", "--json", "--data-dir"]).arg(dir.path()).stdin(Stdio::null());
    let mut status = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Time in which a command that does not wait would have ended.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(status.try_wait().unwrap().is_none(), "it waits");

    let _node = Node::at(dir, common).await;
    let output = tokio::task::spawn_blocking(move || status.wait_with_output().unwrap());
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_is_told_of_when_flags_cannot_matter() {
    let node = Node::new(common).await;
    let ran = node.run(&["status", "--no-mdns", "--network", "lan"]).await;
    assert!(ran.ends(0).stderr.contains("--network, --no-mdns have no effect"), "{}", ran.stderr);
    let ran = node.run(&["--quiet", "status", "--no-mdns"]).await;
    assert_eq!(ran.ends(0).stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_their_exit_codes_and_their_next_step() {
    for (kind, code) in [
        (FailureKind::Error, 1),
        (FailureKind::Usage, 2),
        (FailureKind::NotFound, 3),
        (FailureKind::NoPeers, 4),
        (FailureKind::TimedOut, 5),
        (FailureKind::Verification, 6),
        (FailureKind::DiskFull, 7),
        (FailureKind::Interrupted, 130),
    ] {
        let node = Node::new(move |_| fail(kind)).await;
        let ran = node.run(&["invite"]).await;
        assert_eq!(ran.ends(code).out(), "");
        assert!(ran.stderr.contains("error: it went ␛wrong"), "{}", ran.stderr);
        assert!(ran.stderr.contains("next: do this"), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_come_on_the_first_line() {
    let link = Link::of(&content(1), "x.flac");
    let short = link.short().unwrap();
    let (said, said_short) = (link.clone(), short.clone());
    let node = Node::new(move |command| match command {
        Command::Link { .. } => {
            reply(Reply::Link { link: said.clone(), short: said_short.clone() })
        }
        Command::Invite => reply(Reply::Invite { link: "p2pfs-join:lan?peer=x".into() }),
        other => common(other),
    })
    .await;
    let ran = node.run(&["link", "music/../x.flac", "--with-peers"]).await;
    assert_eq!(ran.ends(0).out(), format!("{link}\n{short}\n"));
    // `music` is not there: the path is made absolute as it stands.
    let path = node.dir.path().join("music/../x.flac");
    assert!(node.was_asked(&Command::Link { path, with_peers: true }), "{:?}", node.asked);
    let rows = node.run(&["--json", "link", "x.flac"]).await.ends(0).rows();
    assert_eq!(rows[0]["link"], link.to_string());

    let ran = node.run(&["invite"]).await;
    let lines: Vec<_> = ran.ends(0).out().lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "p2pfs-join:lan?peer=x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn search_tells_rows_as_they_grow_and_a_summary() {
    let node = Node::new(|command| match command {
        Command::Search { query, timeout_ms: 10_000, limit: 100 } => {
            assert_eq!(query.text, "swan lake");
            let mut say = reply(Reply::Search { search: 9 });
            say.push(Say::Tell(Box::new(Output::Event(Event::Search(search_row(1, 1, None))))));
            say
        }
        Command::Results { since: 0, window, .. } => {
            let rows = vec![result(1, "a.flac", 1, 1)];
            let mut say = reply(Reply::Results(page(rows, *window, 1)));
            let end = search_row(3, 2, Some(SearchEnd::Complete));
            say.push(Say::Tell(Box::new(Output::Event(Event::Search(end)))));
            say
        }
        Command::Results { since: 1, window, .. } => {
            let rows = vec![result(1, "a.flac", 2, 2), result(2, HOSTILE, 1, 3)];
            reply(Reply::Results(page(rows, *window, 3)))
        }
        other => common(other),
    })
    .await;
    let rows = node.run(&["search", "swan", "lake", "--json"]).await.ends(0).rows();
    let kinds: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["result", "result", "result", "summary"]);
    assert_eq!(rows[0]["sha1"], content(1).sha1.to_string());
    assert_eq!(rows[0]["blake3"], content(1).root.to_string());
    assert_eq!((&rows[0]["size"], &rows[0]["sources"]), (&1536.into(), &1.into()));
    assert_eq!(rows[0]["name"], "a.flac");
    assert_eq!(rows[0]["artist"], "Artist");
    assert!(rows[0]["title"].is_null());
    assert_eq!(rows[0]["near"], false);
    assert!(rows[0]["link"].as_str().unwrap().starts_with("magnet:?xt=urn:sha1:"));
    assert_eq!(rows[1]["sources"], 2, "again, since its sources grew");
    assert_eq!(rows[2]["name"], HOSTILE, "JSON says it as it is");
    assert_eq!((&rows[3]["asked"], &rows[3]["answered"]), (&3.into(), &2.into()));
    assert_eq!(rows[3]["words"][0]["word"], "lake");
    assert_eq!(rows[3]["words_without_holder"][0], "swan");
    assert_eq!(rows[3]["near_words"].as_array().unwrap().len(), 0);
    assert_eq!((&rows[3]["rows"], &rows[3]["end"]), (&2.into(), &"complete".into()));
    assert!(node.was_asked(&Command::CloseSearch { search: 9 }));

    let ran = node.run(&["search", "swan", "lake"]).await;
    assert!(ran.ends(0).out().contains("a.flac  (1.50 KiB, 3:07, 1 source)"), "{}", ran.out());
    assert!(ran.out().contains("a␛[2Jb⟨U+202E⟩.txt"), "{}", ran.out());
    assert!(ran.out().contains(&Link::of(&content(2), "").short().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_search_is_3_and_explains_itself() {
    let node = Node::new(|command| match command {
        Command::Search { query, timeout_ms: 500, limit: 5 } => {
            assert_eq!(query.field, Some(Field::Artist));
            let mut say = reply(Reply::Search { search: 9 });
            let end = search_row(1, 0, Some(SearchEnd::TimedOut));
            say.push(Say::Tell(Box::new(Output::Event(Event::Search(end)))));
            say
        }
        Command::Results { window, .. } => reply(Reply::Results(page(vec![], *window, 1))),
        other => common(other),
    })
    .await;
    let args = ["search", "x", "--field", "artist", "--timeout", "0.5", "--limit=5"];
    let ran = node.run(&args).await;
    assert_eq!(ran.ends(3).out(), "");
    assert!(ran.stderr.contains("nobody has announced swan"), "{}", ran.stderr);
    let ran = node.run(&[&args[..], &["--json"]].concat()).await;
    assert_eq!(ran.ends(3).rows().last().unwrap()["kind"], "summary");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_with_nobody_there_is_4() {
    let node = Node::new(|command| match command {
        Command::Search { .. } => {
            let mut say = reply(Reply::Search { search: 9 });
            let end = search_row(1, 0, Some(SearchEnd::NoPeers));
            say.push(Say::Tell(Box::new(Output::Event(Event::Search(end)))));
            say
        }
        Command::Results { window, .. } => reply(Reply::Results(page(vec![], *window, 1))),
        other => common(other),
    })
    .await;
    let ran = node.run(&["search", "swan"]).await;
    assert!(ran.ends(4).stderr.contains("--bootstrap"), "{}", ran.stderr);
}

fn transfer(path: &Path, state: TransferState) -> TransferRow {
    TransferRow {
        transfer: 5,
        name: HOSTILE.into(),
        sha1: Some(content(1).sha1),
        size: Some(1536),
        done: 512,
        rate: 100,
        sources: 1,
        banned: 0,
        talking: 1,
        from: Some(peer()),
        files: None,
        priority: 0,
        limit: None,
        uploaded: 0,
        state,
        path: path.to_owned(),
        link: Link::of(&content(1), HOSTILE),
    }
}

/// A node whose transfers end at once in this state.
async fn fetching(state: TransferState) -> Node {
    fetching_at(state, String::new()).await
}

/// The same, with a URL at which they can be read.
async fn fetching_at(state: TransferState, url: String) -> Node {
    Node::new(move |command| {
        let row = transfer(Path::new("/downloads/x"), state.clone());
        let mut say = match command {
            Command::Get { .. } => reply(Reply::Transfer { transfer: 5 }),
            Command::Stream { .. } => {
                let (transfer, url) = (Some(5), url.clone());
                reply(Reply::Stream { transfer, url, name: None, size: None })
            }
            Command::Transfers(window) => {
                return reply(Reply::Transfers(page(vec![row], *window, 1)));
            }
            Command::Pause { .. } => reply(Reply::Done),
            other => return common(other),
        };
        say.push(Say::Tell(Box::new(Output::Event(Event::Transfer(row)))));
        say
    })
    .await
}

/// Answers everybody who connects with these bytes; returns the URL.
fn at_a_url(answer: &'static [u8]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                request.push(byte[0]);
            }
            let _ = stream.write_all(answer);
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn get_prints_the_final_path() {
    let node = fetching(TransferState::Done).await;
    let link = Link::of(&content(1), "x").to_string();
    let ran = node.run(&["get", &link]).await;
    assert_eq!(ran.ends(0).out(), "/downloads/x\n");
    let rows = node.run(&["get", &link, "--json", "-o", "there"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["path"]), (&"file".into(), &"/downloads/x".into()));
    let destination = Some(node.path().join("there"));
    assert!(node.was_asked(&Command::Get {
        link: link.parse().unwrap(),
        destination,
        select: Vec::new()
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn get_to_stdout_gives_the_bytes_and_has_them_deleted() {
    let url =
        at_a_url(b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 11\r\n\r\n\x00\xffverified\n");
    let node = fetching_at(TransferState::Done, url).await;
    let sha1 = content(1).sha1.to_string();
    let ran = node.run(&["get", &sha1, "-o", "-"]).await;
    assert_eq!(ran.ends(0).stdout, b"\x00\xffverified\n");
    assert!(ran.stderr.contains("written to stdout, verified"), "{}", ran.stderr);
    assert!(node.was_asked(&Command::Stream { link: sha1.parse().unwrap(), temporary: true }));
    assert!(node.was_asked(&Command::Cancel { transfer: 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn get_to_stdout_has_the_code_of_its_reason_and_leaves_nothing() {
    for (state, code, says) in [
        (failed(FailureKind::Verification), 6, "because"),
        (failed(FailureKind::NotFound), 3, "because"),
        (failed(FailureKind::NoPeers), 4, "because"),
        (waiting(FailureKind::DiskFull), 7, "because"),
        (TransferState::Cancelled, 130, "cancelled elsewhere"),
        (TransferState::Fetching, 5, "33%"),
        (TransferState::Done, 1, "cannot be read from the node"),
    ] {
        let node = fetching_at(state, at_a_url(b"")).await;
        let sha1 = content(1).sha1.to_string();
        let ran = node.run(&["get", &sha1, "-o", "-", "--timeout", "0.2"]).await;
        assert!(ran.ends(code).stderr.contains(says), "{code}: {}", ran.stderr);
        assert!(node.was_asked(&Command::Cancel { transfer: 5 }), "{code}");
    }
    let node = fetching(TransferState::Done).await;
    let sha1 = content(1).sha1.to_string();
    node.run(&["get", &sha1, "-o", "-", "--select", "b"]).await.ends(2);
}

fn failed(kind: FailureKind) -> TransferState {
    TransferState::Failed(Failure::new(kind, "because"))
}

fn waiting(kind: FailureKind) -> TransferState {
    TransferState::Waiting { why: Failure::new(kind, "because"), retry_at: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_prints_the_url_and_returns() {
    let node = fetching_at(TransferState::Fetching, "http://127.0.0.1:1/secret/x".into()).await;
    let link = Link::of(&content(1), "x").to_string();
    let ran = node.run(&["stream", &link]).await;
    assert_eq!(ran.ends(0).out(), "http://127.0.0.1:1/secret/x\n");
    assert!(ran.stderr.contains("mpv http://127.0.0.1:1/secret/x"), "{}", ran.stderr);
    let rows = node.run(&["stream", &link, "--json"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["transfer"]), (&"stream".into(), &5.into()));
    assert!(node.was_asked(&Command::Stream { link: link.parse().unwrap(), temporary: false }));
    assert!(!node.was_asked(&Command::Pause { transfer: 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_selected_from_and_its_place_told() {
    let node = Node::new(|command| match command {
        Command::Get { .. } => reply(Reply::Transfer { transfer: 5 }),
        Command::Transfers(window) => {
            let row = transfer(Path::new("/downloads/folder"), TransferState::Done);
            let row = TransferRow { files: Some(3), ..row };
            reply(Reply::Transfers(page(vec![row], *window, 1)))
        }
        other => common(other),
    })
    .await;
    let link = Link::of(&content(1), "x").to_string();
    let ran = node.run(&["get", &link, "--select", "a/b", "--select", "c"]).await;
    assert_eq!(ran.ends(0).out(), "/downloads/folder\n");
    let select = vec!["a/b".to_owned(), "c".to_owned()];
    let get = Command::Get { link: link.parse().unwrap(), destination: None, select };
    assert!(node.was_asked(&get));
    let rows = node.run(&["get", &link, "--json"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["files"]), (&"folder".into(), &3.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_7_and_what_came_is_kept() {
    let node = fetching(waiting(FailureKind::DiskFull)).await;
    let ran = node.run(&["get", &content(1).sha1.to_string()]).await;
    assert!(ran.ends(7).stderr.contains("kept"), "{}", ran.stderr);
    assert!(node.was_asked(&Command::Pause { transfer: 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transfer_has_the_code_of_its_reason() {
    let why = Failure::new(FailureKind::Verification, "nobody sent the right bytes");
    let node = fetching(TransferState::Failed(why)).await;
    let ran = node.run(&["get", &content(1).sha1.to_string()]).await;
    assert!(ran.ends(6).stderr.contains("nobody sent the right bytes"), "{}", ran.stderr);
    assert_eq!(ran.out(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_takes_too_long_is_5_and_kept() {
    let node = fetching(TransferState::Fetching).await;
    let ran = node.run(&["get", &content(1).sha1.to_string(), "--timeout", "0.2"]).await;
    assert!(ran.ends(5).stderr.contains("33%"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the same command goes on"), "{}", ran.stderr);
    assert!(node.was_asked(&Command::Pause { transfer: 5 }));
    assert!(!node.was_asked(&Command::Cancel { transfer: 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_pauses_the_transfer_and_is_130() {
    let node = fetching(TransferState::Fetching).await;
    let mut command = node.command(&["get", &content(1).sha1.to_string()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let link = content(1).sha1.to_string().parse().unwrap();
    let get = Command::Get { link, destination: None, select: Vec::new() };
    until(|| node.was_asked(&get)).await;
    let pid = child.id().to_string();
    Process::new("kill").args(["-INT", &pid]).status().unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let ended = ended.await.unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("kept") && stderr.contains("the same command goes on"), "{stderr}");
    assert!(node.was_asked(&Command::Pause { transfer: 5 }));
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("in time");
}

/// A node with a transfer in each of some states, numbered from 1.
async fn with_transfers(states: Vec<TransferState>) -> Node {
    Node::new(move |command| match command {
        Command::Transfers(window) => {
            let row = |(n, state): (usize, &TransferState)| TransferRow {
                transfer: n as u64 + 1,
                ..transfer(Path::new("/x"), state.clone())
            };
            let rows: Vec<TransferRow> = states.iter().enumerate().map(row).collect();
            reply(Reply::Transfers(page(rows, *window, 1)))
        }
        Command::Pause { transfer: 9 }
        | Command::Resume { transfer: 9 }
        | Command::Tune { transfer: 9, .. }
        | Command::Sources { transfer: 9 } => {
            let failure = Failure::new(FailureKind::Error, "there is no transfer 9");
            vec![Say::Reply(Err(failure.hint("see which there are: p2pfs-tui transfers")))]
        }
        Command::Pause { .. } | Command::Resume { .. } | Command::Tune { .. } => reply(Reply::Done),
        Command::Sources { .. } => {
            let source = |rate, state| SourceRow {
                peer: peer(),
                rate,
                rtt_ms: Some(40),
                outstanding: 2 << 20,
                state,
            };
            let evidence = format!("block 7 of {HOSTILE} is wrong");
            reply(Reply::Sources(vec![
                source(0, SourceState::Banned { evidence }),
                source(100, SourceState::Waiting(3)),
                source(2_000, SourceState::Serving),
            ]))
        }
        other => common(other),
    })
    .await
}

fn waiting() -> TransferState {
    let why = Failure::new(FailureKind::NotFound, "nobody \u{1b}has it");
    TransferState::Waiting { why, retry_at: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_transfers_are_paused_and_one_that_cannot_be_holds_up_no_other() {
    let node = with_transfers(vec![TransferState::Fetching]).await;
    let ran = node.run(&["pause", "5", "9", "7", "5"]).await;
    assert_eq!(ran.ends(1).out(), "transfer 5 is paused\ntransfer 7 is paused\n");
    assert!(ran.stderr.contains("there is no transfer 9"), "{}", ran.stderr);
    assert!(ran.stderr.contains("next: see which there are"), "{}", ran.stderr);
    let rows = node.run(&["resume", "5", "7", "--json"]).await.ends(0).rows();
    let resumed: Vec<_> = rows.iter().map(|row| (&row["kind"], &row["transfer"])).collect();
    assert_eq!(resumed, [(&"resumed".into(), &5.into()), (&"resumed".into(), &7.into())]);
    let rows = node.run(&["cancel", "7", "--json"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["transfer"]), (&"cancelled".into(), &7.into()));
    assert!(node.was_asked(&Command::Cancel { transfer: 7 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_every_transfer_that_it_makes_sense_for() {
    let failed = TransferState::Failed(Failure::new(FailureKind::Error, "no"));
    let states = vec![
        TransferState::Fetching,
        TransferState::Paused,
        waiting(),
        TransferState::Queued,
        failed,
        TransferState::Done,
        TransferState::Cancelled,
    ];
    let node = with_transfers(states).await;
    let said = |ids: &[u64], told: &str| -> String {
        ids.iter().map(|id| format!("transfer {id} {told}\n")).collect()
    };
    let ran = node.run(&["pause", "all"]).await;
    assert_eq!(ran.ends(0).out(), said(&[1, 3, 4], "is paused"));
    let ran = node.run(&["resume", "all"]).await;
    assert_eq!(ran.ends(0).out(), said(&[2, 3], "goes on"));
    let ran = node.run(&["cancel", "all"]).await;
    assert_eq!(ran.ends(0).out(), said(&[1, 2, 3, 4], "is cancelled"));

    let node = with_transfers(vec![TransferState::Done]).await;
    let ran = node.run(&["pause", "all"]).await;
    assert_eq!((ran.ends(0).out(), ran.stderr.trim()), ("", "there is nothing to pause"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_tuned() {
    let node = with_transfers(Vec::new()).await;
    let args = ["tune", "5", "--priority", "-3", "--first", "--limit", "500K"];
    let ran = node.run(&args).await;
    assert_eq!(
        ran.ends(0).out(),
        "transfer 5: priority -3, first of its priority, at most 500 KiB/s\n"
    );
    let change = Tuning {
        priority: Some(-3),
        place: Some(QueuePlace::First),
        limit: Some(Rate(Some(500 << 10))),
    };
    assert!(node.was_asked(&Command::Tune { transfer: 5, change }));
    let rows = node.run(&["tune", "5", "--limit", "unlimited", "--json"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["transfer"]), (&"tuned".into(), &5.into()));
    let change = Tuning { limit: Some(Rate(None)), ..Tuning::default() };
    assert!(node.was_asked(&Command::Tune { transfer: 5, change }), "{:?}", node.asked);
    let ran = node.run(&["tune", "9", "--last"]).await;
    assert!(ran.ends(1).stderr.contains("next: see which there are"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_tell_where_they_stand_and_who_brings_them() {
    let node = with_transfers(vec![TransferState::Fetching, waiting()]).await;
    let ran = node.run(&["transfers"]).await;
    let lines: Vec<&str> = ran.ends(0).out().lines().collect();
    assert!(lines[1].contains("33%") && lines[1].contains("10s") && lines[1].contains("1/1"));
    assert!(lines[2].contains("waiting, tries again in 0s: nobody ␛has it"), "{}", lines[2]);

    let ran = node.run(&["transfers", "1"]).await;
    for part in ["a␛[2Jb⟨U+202E⟩.txt", "512 B, 33%", "100 B/s, 10s left", "1 known, 1 in use"]
    {
        assert!(ran.ends(0).out().contains(part), "{part}: {}", ran.out());
    }
    let of = |state: &str| ran.out().lines().position(|line| line.contains(state)).unwrap();
    assert!(of("serving") < of("serves 3 others first"), "{}", ran.out());
    assert!(of("banned: block 7 of a␛[2Jb⟨U+202E⟩.txt is wrong") > 0);
    let rows = node.run(&["transfers", "1", "--json"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["transfer"]["done"]), (&"transfer".into(), &512.into()));
    let sources = rows[0]["sources"].as_array().unwrap();
    assert_eq!(sources[1]["state"]["waiting"], 3);
    assert_eq!(sources[2]["state"], "serving");
    let ran = node.run(&["transfers", "9"]).await;
    assert!(ran.ends(1).stderr.contains("next: see which there are"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_shown_and_changed() {
    let hours: Hours = "09:00-17:00 up=1MiB down=unlimited".parse().unwrap();
    let limits = Limits {
        up: Rate(Some(8 << 20)),
        down: Rate(None),
        transfers: 5,
        slots: 8,
        floor: 256 << 20,
        schedule: vec![hours],
        in_force: (Rate(Some(1 << 20)), Rate(None)),
    };
    let node = Node::new(move |command| match command {
        Command::Limits | Command::SetLimits(_) => reply(Reply::Limits(limits.clone())),
        other => common(other),
    })
    .await;
    let ran = node.run(&["limits"]).await;
    let shown = "up         8 MiB/s (now, by the hours: 1 MiB/s)\n\
                 down       unlimited\n\
                 transfers  5 at a time\n\
                 uploads    8 at a time\n\
                 disk       256 MiB left free\n\
                 hours      09:00-17:00 up=1MiB down=unlimited\n";
    assert_eq!((ran.ends(0).out(), ran.stderr.as_str()), (shown, ""));
    assert!(node.was_asked(&Command::Limits));
    let rows = node.run(&["limits", "--json"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["up"]), (&"limits".into(), &(8 << 20).into()));
    assert_eq!(rows[0]["schedule"][0]["from"], 540);

    let args = ["limits", "--up", "2MiB", "--down=0", "--transfers", "3", "--floor", "1G"];
    let ran = node.run(&args).await;
    assert!(ran.ends(0).stderr.contains("until this node ends"), "{}", ran.stderr);
    let change = LimitsChange {
        up: Some(Rate(Some(2 << 20))),
        down: Some(Rate(None)),
        transfers: Some(3),
        floor: Some(1 << 30),
        ..LimitsChange::default()
    };
    assert!(node.was_asked(&Command::SetLimits(change)), "{:?}", node.asked);
    let night = "23:00-06:00 up=unlimited down=unlimited";
    node.run(&["limits", "--hours", &hours.to_string(), "--hours", night]).await.ends(0);
    let schedule = |hours| LimitsChange { schedule: Some(hours), ..LimitsChange::default() };
    let both = schedule(vec![hours, night.parse().unwrap()]);
    assert!(node.was_asked(&Command::SetLimits(both)), "{:?}", node.asked);
    node.run(&["limits", "--no-hours"]).await.ends(0);
    assert!(node.was_asked(&Command::SetLimits(schedule(Vec::new()))));
}

#[tokio::test(flavor = "multi_thread")]
async fn share_goes_on_after_a_path_that_cannot_be_shared() {
    let node = Node::new(|command| match command {
        Command::Share { path, remember: true } if path.ends_with("good") => {
            let root = RootRow { path: path.clone(), remembered: true, files: 2, bytes: 10 };
            reply(Reply::Shared(root))
        }
        Command::Share { .. } => fail(FailureKind::Error),
        Command::Shares(window) => {
            let state = ShareState::Failed { reason: "Permission denied".into() };
            let row = ShareRow {
                path: "/somewhere/good/secret".into(),
                root: "/somewhere/good".into(),
                name: "secret".into(),
                size: 1,
                media_type: None,
                tags: Default::default(),
                content: None,
                state,
            };
            reply(Reply::Shares(page(vec![row], *window, 1)))
        }
        other => common(other),
    })
    .await;
    let ran = node.run(&["share", "bad", "good"]).await;
    assert!(ran.ends(1).stderr.contains("it went ␛wrong"), "{}", ran.stderr);
    let good = node.path().join("good");
    assert_eq!(ran.out(), format!("sharing {} (2 files, 10 B)\n", good.display()));
    let rows = node.run(&["share", "good", "--json", "--no-wait"]).await.ends(0).rows();
    assert_eq!((&rows[0]["kind"], &rows[0]["files"]), (&"shared".into(), &2.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn unshare_says_until_when_records_linger() {
    let later = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
        + Duration::from_secs(7_300);
    let records_until = later.as_secs();
    let node = Node::new(move |command| match command {
        Command::Unshare { .. } => reply(Reply::Unshared { files: 4, records_until }),
        other => common(other),
    })
    .await;
    let ran = node.run(&["unshare", "music"]).await;
    assert!(ran.ends(0).out().contains("(4 files)"), "{}", ran.out());
    assert!(ran.stderr.contains("2h 01m"), "{}", ran.stderr);
    let rows = node.run(&["unshare", "music", "--json"]).await.ends(0).rows();
    assert_eq!(rows[0]["records_until"], records_until);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_to_their_end() {
    let node = Node::new(|command| match command {
        Command::Peers(window) => {
            let row = PeerRow {
                peer_id: peer(),
                address: "/ip4/127.0.0.1/tcp/1".parse().unwrap(),
                inbound: true,
                agent: Some(HOSTILE.into()),
                rtt_ms: Some(12),
                since: 1,
            };
            reply(Reply::Peers(page(vec![row; 1_234], *window, 1)))
        }
        Command::Routing => {
            let contact = Contact {
                peer_id: peer(),
                addresses: vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()],
                connected: true,
                rtt_ms: None,
            };
            let buckets = vec![Bucket { prefix_bits: 3, peers: vec![contact] }];
            reply(Reply::Routing(RoutingTable { buckets }))
        }
        Command::Transfers(window) => {
            let row = transfer(Path::new("/x"), TransferState::Fetching);
            reply(Reply::Transfers(page(vec![row], *window, 1)))
        }
        Command::Roots => reply(Reply::Roots(vec![])),
        Command::Shares(window) => reply(Reply::Shares(page(vec![], *window, 1))),
        other => common(other),
    })
    .await;
    let rows = node.run(&["peers", "--json"]).await.ends(0).rows();
    assert_eq!(rows[0]["peers"].as_array().unwrap().len(), 1_234);
    let ran = node.run(&["peers"]).await;
    assert_eq!(ran.ends(0).out().lines().count(), 1 + 1_234);
    assert!(!ran.out().contains('\u{1b}'));
    assert!(ran.out().contains("…j4kx6nXTN") || ran.out().contains("4kx6nXTN"));

    let ran = node.run(&["routing"]).await;
    assert!(ran.ends(0).out().contains("connected"), "{}", ran.out());
    assert_eq!(node.run(&["routing", "--json"]).await.ends(0).rows()[0]["kind"], "routing");
    let ran = node.run(&["transfers"]).await;
    assert!(ran.ends(0).out().contains("33%"), "{}", ran.out());
    let ran = node.run(&["shares"]).await;
    assert!(ran.ends(0).stderr.contains("nothing is shared"), "{}", ran.stderr);
    assert_eq!(
        node.run(&["shares", "--json"]).await.ends(0).rows()[0]["files"],
        serde_json::json!([])
    );
    assert!(node.server.socket().exists());
}
