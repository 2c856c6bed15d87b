//! The program as people pipe it: a file that is read while it arrives.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/processes.rs"]
mod processes;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use processes::{DEADLINE, Daemon, command, rows, run, succeed, until_it_has_a_peer};
use serde_json::Value;
use tempfile::TempDir;

/// Sent in six seconds at the least.
const SIZE: u32 = 6 << 20;
const RATE: &str = "1MiB";

/// A provider that sends slowly, a node that knows it, and the link of what it has.
struct Network {
    home: TempDir,
    bytes: Vec<u8>,
    link: String,
    provider: Daemon,
    _reader: Daemon,
}

impl Network {
    fn start() -> Self {
        let home = TempDir::new().unwrap();
        let folder = home.path();
        let bytes: Vec<u8> = (0..SIZE / 4).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        fs::write(folder.join("Slow Waltz.bin"), &bytes).unwrap();
        let slow = ["--data-dir", "provider", "--upload-limit", RATE];
        let provider = Daemon::start(folder, &slow);
        let knows = ["--data-dir", "reader", "--bootstrap", &provider.address];
        let reader = Daemon::start(folder, &knows);
        until_it_has_a_peer(folder, "provider");
        succeed(folder, &["--data-dir", "provider", "share", "Slow Waltz.bin"]);
        let links = succeed(folder, &["--data-dir", "provider", "link", "Slow Waltz.bin"]);
        let link = links.lines().next().unwrap().to_owned();
        Self { home, bytes, link, provider, _reader: reader }
    }

    fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Pipes the file out of the node that runs.
    fn pipe(&self, args: &[&str]) -> Child {
        let get = ["--data-dir", "reader", "get", &self.link, "-o", "-"];
        let mut command = command(self.folder(), &[&get[..], args].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn transfers(&self) -> Vec<Value> {
        let list = ["--data-dir", "reader", "transfers", "--json"];
        let rows = rows(&succeed(self.folder(), &list));
        rows[0]["transfers"].as_array().unwrap().clone()
    }

    /// Waits until the node has nothing left of what was for one reader.
    fn until_nothing_is_left(&self) {
        let deadline = Instant::now() + DEADLINE;
        let transfers = self.folder().join("reader/transfers");
        while !self.transfers().is_empty() || fs::read_dir(&transfers).unwrap().count() > 0 {
            assert!(Instant::now() < deadline, "{:?}", self.transfers());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_pipe_gets_its_first_bytes_before_the_last_are_here() {
    let network = Network::start();
    let mut child = network.pipe(&[]);
    let mut out = child.stdout.take().unwrap();
    let mut read = vec![0; 1000];
    out.read_exact(&mut read).unwrap();
    let row = network.transfers().remove(0);
    assert!(row["done"].as_u64().unwrap() < u64::from(SIZE), "{row}");
    out.read_to_end(&mut read).unwrap();
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{stderr}");
    assert!(read == network.bytes, "{} bytes", read.len());
    assert!(stderr.contains("Slow Waltz.bin (6.00 MiB) written to stdout, verified"), "{stderr}");
    network.until_nothing_is_left();

    // What the node of the file itself shares comes without a transfer.
    let get = ["--data-dir", "provider", "get", &network.link, "-o", "-"];
    let output = run(network.folder(), &get);
    assert!(output.status.success() && output.stdout == network.bytes);
}

#[test]
fn a_pipe_that_ends_early_leaves_nothing() {
    let network = Network::start();
    // Whoever reads has read enough.
    let mut child = network.pipe(&[]);
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(first, network.bytes[..10]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    network.until_nothing_is_left();

    // It takes too long.
    let child = network.pipe(&["--timeout", "1"]);
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(5), "{stderr}");
    assert!(network.bytes.starts_with(&ended.stdout) && ended.stdout.len() < SIZE as usize);
    network.until_nothing_is_left();

    // It is interrupted.
    let mut child = network.pipe(&[]);
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    network.until_nothing_is_left();
}

#[test]
fn a_player_reads_the_end_first_and_the_node_fetches_the_rest() {
    let network = Network::start();
    let folder = network.folder();
    let told = run(folder, &["--data-dir", "reader", "stream", &network.link]);
    let url = String::from_utf8(told.stdout).unwrap();
    let url = url.trim_end();
    assert!(String::from_utf8_lossy(&told.stderr).contains(&format!("mpv {url}")));
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let range = "Range: bytes=-10\r\nConnection: close";
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n{range}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let row = network.transfers().remove(0);
    assert!(answer.starts_with(b"HTTP/1.1 206 "), "{}", String::from_utf8_lossy(&answer));
    assert!(answer.ends_with(&network.bytes[network.bytes.len() - 10..]));
    assert!(row["done"].as_u64().unwrap() < u64::from(SIZE), "{row}");

    let again = ["--data-dir", "reader", "stream", &network.link, "--json"];
    let again = rows(&succeed(folder, &again));
    assert_eq!((&again[0]["url"], &again[0]["transfer"]), (&url.into(), &row["transfer"]));
    let path = succeed(folder, &["--data-dir", "reader", "get", &network.link]);
    assert!(fs::read(path.trim_end()).unwrap() == network.bytes);
    assert_eq!(network.transfers().len(), 1, "it was the same one");
}

#[test]
fn a_get_that_was_interrupted_goes_on() {
    let mut network = Network::start();
    let folder = network.home.path().to_owned();
    // With a node of its own, which ends with it.
    let own = ["--data-dir", "own", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let own = [&own[..], &["--bootstrap", &network.provider.address]].concat();
    let ended = run(&folder, &[&own[..], &["get", &network.link, "--timeout", "4"]].concat());
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("the same command goes on"), "{stderr}");
    assert_eq!(fs::read_dir(folder.join("own/transfers")).unwrap().count(), 1);

    let path = succeed(&folder, &[&own[..], &["get", &network.link]].concat());
    assert!(fs::read(path.trim_end()).unwrap() == network.bytes);
    assert_eq!(fs::read_dir(folder.join("own/transfers")).unwrap().count(), 0);
    network.provider.signal("-TERM");
    assert_eq!(network.provider.end().code(), Some(0));
}
