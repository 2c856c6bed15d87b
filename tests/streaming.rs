//! Files read at a URL of this machine, while they arrive and where they are shared.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{collections::HashMap, future::Future};

use p2pfs_tui::{
    application::message::{Command, FailureKind, Rate, Reply, TransferId, TransferState},
    domain::Link,
};
use support::{PATIENCE, TestNode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const MIB: usize = 1 << 20;

/// Bytes that compress to nothing recognisable, the same for the same seed.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// A connection on which a request was sent.
struct Asked {
    stream: TcpStream,
}

/// `http://HOST/PATH` in its parts.
fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split_at(rest.find('/').unwrap())
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it does not take for ever")
}

impl Asked {
    /// Sends a request as it is given, but for the host where none is among its headers.
    async fn new(method: &str, url: &str, headers: &[(&str, &str)]) -> Self {
        let (host, path) = parts(url);
        let mut stream = TcpStream::connect(host).await.unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        Self { stream }
    }

    async fn head(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(self.stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Answer { status, headers: headers.collect(), body: Vec::new() }
    }

    async fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        soon(self.stream.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        soon(self.stream.read_to_end(&mut body)).await.unwrap();
        body
    }

    /// All that comes before the connection ends, however it does.
    async fn all(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let _ = soon(self.stream.read_to_end(&mut all)).await;
        all
    }

    async fn answer(mut self) -> Answer {
        let mut answer = self.head().await;
        // One that is broken off is told by what is missing.
        let _ = soon(self.stream.read_to_end(&mut answer.body)).await;
        answer
    }
}

async fn ask(method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
    Asked::new(method, url, headers).await.answer().await
}

impl TestNode {
    async fn stream(&mut self, link: &Link, temporary: bool) -> (Option<TransferId>, String) {
        let command = Command::Stream { link: link.clone(), temporary };
        match self.call(command).await.unwrap() {
            Reply::Stream { transfer, url, .. } => (transfer, url),
            other => panic!("{other:?}"),
        }
    }

    /// Shares some bytes under a name; returns the link.
    async fn offer(&mut self, name: &str, bytes: &[u8]) -> Link {
        let path = self.write(name, bytes);
        self.share(&path).await;
        self.announced(1).await;
        match self.call(Command::Link { path, with_peers: false }).await.unwrap() {
            Reply::Link { link, .. } => link,
            other => panic!("{other:?}"),
        }
    }
}

/// A node that sends a MiB in a second, and one that knows it.
async fn slow_pair() -> (TestNode, TestNode) {
    let slow = |config: &mut p2pfs_tui::application::config::NodeConfig| {
        config.limits.up = Rate(Some(1 << 20));
    };
    let mut provider = TestNode::start_with(vec![], slow).await;
    let reader = TestNode::start(vec![provider.address().await]).await;
    (provider, reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_comes_first_wherever_it_is() {
    let (mut provider, mut reader) = slow_pair().await;
    let data = bytes(1, 8 * MIB + 4_321);
    // Both meet before anything is announced, so that somebody else keeps the records too.
    reader.until("it knows the provider", |snapshot| snapshot.peers > 0).await;
    let link = provider.offer("long film.mkv", &data).await;
    let (transfer, url) = reader.stream(&link, false).await;
    let transfer = transfer.unwrap();
    assert!(url.ends_with("/long%20film.mkv"), "{url}");

    let start = data.len() - 100_000;
    let range = format!("bytes={start}-");
    let answer = ask("GET", &url, &[("Range", &range)]).await;
    let row = reader.transfer(transfer).await.unwrap();
    assert!(answer.body == data[start..], "{} bytes", answer.body.len());
    assert_eq!(answer.status, 206);
    let expected = format!("bytes {start}-{}/{}", data.len() - 1, data.len());
    assert_eq!(answer.headers["content-range"], expected);
    assert_eq!(answer.headers["etag"], format!("\"{}\"", link.root.unwrap()));
    assert!(row.done < row.size.unwrap(), "the rest is not here yet: {row:?}");

    // From the beginning, in order, as it comes.
    let mut asked = Asked::new("GET", &url, &[]).await;
    let head = asked.head().await;
    assert_eq!((head.status, &head.headers["content-length"]), (200, &data.len().to_string()));
    let mut read = asked.bytes(1_000).await;
    let row = reader.transfer(transfer).await.unwrap();
    assert!(row.done < row.size.unwrap(), "the rest is not here yet: {row:?}");
    read.extend(asked.rest().await);
    assert!(read == data, "{} bytes of {}", read.len(), data.len());

    // The same link is the same transfer and the same URL, also when it is done.
    let done = async {
        loop {
            let row = reader.transfer(transfer).await.unwrap();
            if row.state.is_over() {
                return row;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let row = soon(done).await;
    assert_eq!(row.state, TransferState::Done);
    assert!(std::fs::read(&row.path).unwrap() == data);
    assert_eq!(reader.stream(&link, false).await, (Some(transfer), url.clone()));
    assert!(ask("GET", &url, &[("Range", "bytes=5-9")]).await.body == data[5..10]);
    // What it was has been verified; what somebody makes of it afterwards is not given out.
    std::fs::write(&row.path, b"something else").unwrap();
    // The connection is cut, before or after the head.
    let given = Asked::new("GET", &url, &[]).await.all().await;
    let given = String::from_utf8_lossy(&given);
    assert!(!given.contains("something else"), "{given}");
    assert!(given.split_once("\r\n\r\n").is_none_or(|(_, body)| body.is_empty()), "{given}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_one_reader_goes_with_him() {
    let mut provider = TestNode::start(vec![]).await;
    let mut reader = TestNode::start(vec![provider.address().await]).await;
    let data = bytes(2, 2 * MIB);
    let link = provider.offer("once.bin", &data).await;

    // Two readers do not take it away from each other.
    let (first, url) = reader.stream(&link, true).await;
    let (second, other_url) = reader.stream(&link, true).await;
    assert!(first != second && url != other_url);
    assert!(ask("GET", &url, &[]).await.body == data);
    reader.call(Command::Cancel { transfer: first.unwrap() }).await.unwrap();
    assert!(ask("GET", &other_url, &[]).await.body == data);
    assert_eq!(ask("GET", &url, &[]).await.status, 502);
    reader.call(Command::Cancel { transfer: second.unwrap() }).await.unwrap();

    let transfers = reader.dir.path().join("data/transfers");
    let gone = async {
        while std::fs::read_dir(&transfers).unwrap().count() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    soon(gone).await;
    assert_eq!(reader.transfer(first.unwrap()).await, None);
    assert!(!reader.dir.path().join("downloads").exists(), "nothing was put there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sha1_alone_proves_only_the_whole() {
    let (mut provider, mut reader) = slow_pair().await;
    let data = bytes(3, 3 * MIB);
    reader.until("it knows the provider", |snapshot| snapshot.peers > 0).await;
    let link = provider.offer("old.bin", &data).await;
    let bare: Link = link.sha1.unwrap().to_string().parse().unwrap();
    let (transfer, url) = reader.stream(&bare, false).await;
    let mut asked = Asked::new("GET", &url, &[]).await;
    asked.head().await;
    let row = reader.transfer(transfer.unwrap()).await.unwrap();
    assert_eq!(row.state, TransferState::Done);
    assert!(asked.rest().await == data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_fails_says_why() {
    let mut node = TestNode::start(vec![]).await;
    let link: Link = "a".repeat(40).parse().unwrap();
    let (transfer, url) = node.stream(&link, false).await;
    let answer = ask("GET", &url, &[]).await;
    assert_eq!(answer.status, 502);
    let why = String::from_utf8(answer.body).unwrap();
    let row = node.transfer(transfer.unwrap()).await.unwrap();
    let TransferState::Failed(failure) = row.state else { panic!("{row:?}") };
    assert_eq!((failure.kind, why.trim_end()), (FailureKind::NoPeers, failure.message.as_str()));
    // Asked for again, it is tried again.
    assert_ne!(node.stream(&link, false).await.0, transfer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_file_is_read_as_http_wants() {
    let mut node = TestNode::start(vec![]).await;
    // Nobody is there to announce it to.
    let data = bytes(4, 300_000);
    let path = node.write("Vltava \"é\".ogg", &data);
    node.share(&path).await;
    node.until("it is hashed", |snapshot| snapshot.shares.to_hash == 0).await;
    let command = Command::Link { path: path.clone(), with_peers: false };
    let Reply::Link { link, .. } = node.call(command).await.unwrap() else { panic!("no link") };
    let (transfer, url) = node.stream(&link, false).await;
    assert_eq!(transfer, None, "it is here");
    let etag = format!("\"{}\"", link.root.unwrap());

    let answer = ask("GET", &url, &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body == data);
    let is = |answer: &Answer, name: &str, value: &str| {
        assert_eq!(answer.headers.get(name).map(String::as_str), Some(value), "{name}");
    };
    for (name, value) in [
        ("content-length", "300000"),
        ("accept-ranges", "bytes"),
        ("content-type", "audio/ogg"),
        ("x-content-type-options", "nosniff"),
        ("etag", &etag),
    ] {
        is(&answer, name, value);
    }
    assert!(
        answer.headers["content-disposition"]
            .starts_with("inline; filename=\"Vltava %22_%22.ogg\"")
    );

    let head = ask("HEAD", &url, &[("Range", "bytes=0-9")]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    is(&head, "content-length", "300000");

    let part = ask("GET", &url, &[("Range", "bytes=-7"), ("If-Range", &etag)]).await;
    assert_eq!(part.status, 206);
    assert!(part.body == data[data.len() - 7..]);
    is(&part, "content-range", "bytes 299993-299999/300000");
    is(&part, "content-length", "7");
    let other = ask("GET", &url, &[("Range", "bytes=-7"), ("If-Range", "\"x\"")]).await;
    assert_eq!((other.status, other.body.len()), (200, data.len()));
    let beyond = ask("GET", &url, &[("Range", "bytes=300000-")]).await;
    assert_eq!(beyond.status, 416);
    is(&beyond, "content-range", "bytes */300000");
    assert_eq!(ask("GET", &url, &[("If-None-Match", &etag)]).await.status, 304);

    let post = ask("POST", &url, &[("Content-Length", "0")]).await;
    assert_eq!(post.status, 405);
    is(&post, "allow", "GET, HEAD");
    for host in ["evil.example", "127.0.0.1:1", "localhost"] {
        assert_eq!(ask("GET", &url, &[("Host", host)]).await.status, 421, "{host}");
    }
    let (host, path_of_url) = parts(&url);
    let by_name = host.replace("127.0.0.1", "localhost");
    assert_eq!(ask("HEAD", &url, &[("Host", &by_name)]).await.status, 200);
    let mut wrong = path_of_url.to_owned();
    let digit = if wrong.as_bytes()[1] == b'0' { "1" } else { "0" };
    wrong.replace_range(1..2, digit);
    for path in [&wrong, "/", "/x", "//", &path_of_url[..33], &format!("{path_of_url}/x")] {
        let url = format!("http://{host}{path}");
        assert_eq!(ask("GET", &url, &[]).await.status, 404, "{path}");
    }
    let endless = "x".repeat(64 * 1024);
    assert_eq!(ask("GET", &url, &[("X", &endless)]).await.status, 431);

    // Changed, it is no longer what the URL stands for.
    std::fs::write(&path, bytes(5, 300_000)).unwrap();
    let changed = ask("GET", &url, &[]).await;
    assert!(changed.status == 502 && changed.body != data);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_leave_make_room_for_others() {
    let mut node = TestNode::start(vec![]).await;
    let data = bytes(6, 16 * MIB);
    let path = node.write("large.bin", &data);
    node.share(&path).await;
    node.until("it is hashed", |snapshot| snapshot.shares.to_hash == 0).await;
    let command = Command::Link { path, with_peers: false };
    let Reply::Link { link, .. } = node.call(command).await.unwrap() else { panic!("no link") };
    let (_, url) = node.stream(&link, false).await;
    // As many as are taken: each has begun to read, and goes no further.
    let mut readers = Vec::new();
    for _ in 0..32 {
        let mut asked = Asked::new("GET", &url, &[]).await;
        assert_eq!(asked.head().await.status, 200);
        readers.push(asked);
    }
    let mut late = Asked::new("GET", &url, &[("Range", "bytes=1-3")]).await;
    let mut first = [0];
    let early = timeout(std::time::Duration::from_millis(300), late.stream.read(&mut first)).await;
    assert!(early.is_err(), "there is no place for it yet");
    drop(readers);
    let answer = late.answer().await;
    assert_eq!(answer.status, 206);
    assert!(answer.body == data[1..4]);
    node.application.stop().await;
    let refused = TcpStream::connect(parts(&url).0).await;
    assert!(refused.is_err(), "it ends with the node");
}
