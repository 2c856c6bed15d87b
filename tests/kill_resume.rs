//! Whatever moment a node is killed at, the next one goes on where it was.
//!
//! Real processes, killed with SIGKILL again and again while they fetch: between any two steps from
//! the first look for sources to the name that a file gets. `P2PFS_KILLS=1000` kills more often;
//! `P2PFS_SEED=7` kills elsewhere.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "kill_resume/watch.rs"]
mod watch;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tempfile::TempDir;
use watch::Moment;

/// Kills unless told otherwise.
const KILLS: usize = 200;
/// Nodes that fetch at the same time, each in its own directory.
const RECEIVERS: usize = 4;
/// Bytes of the file.
const SIZE: usize = 24 << 20;
/// Bytes that a kill may cost.
const MAX_COST: u64 = 16 << 20;
/// How long one step may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);
/// The name of the file.
const NAME: &str = "song.bin";

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|said| said.parse().expect("a number"))
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pfs-tui"));
    command.env_clear().env("HOME", folder).current_dir(folder).stdin(Stdio::null());
    command.args(["--no-mdns", "--network", "test-kill"]).args(args);
    command
}

/// A process that ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn succeed(folder: &Path, args: &[&str]) -> String {
    let output = command(folder, args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {:?} {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A daemon that shares the file, and its address.
fn provider(folder: &Path) -> (Running, String) {
    let args = ["--data-dir", "provider", "daemon", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let args = [&args[..], &["--share", "shared", "--upload-limit", "32MiB"]].concat();
    let mut child = command(folder, &args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            let _ = sender.send(line);
        }
    });
    let line = receiver.recv_timeout(DEADLINE).expect("it listens");
    (running, line.strip_prefix("listening on ").expect("an address").to_owned())
}

/// Waits until the file has a link, with the address of whoever shares it.
fn link(folder: &Path) -> String {
    let began = Instant::now();
    let file = format!("shared/{NAME}");
    loop {
        let args = ["--data-dir", "provider", "link", "--with-peers", &file];
        let output = command(folder, &args).output().unwrap();
        if output.status.success() {
            return String::from_utf8(output.stdout).unwrap().lines().next().unwrap().to_owned();
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(began.elapsed() < DEADLINE, "it is never hashed: {why}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Bytes that the provider has sent, once nothing moves any more.
fn sent(folder: &Path) -> u64 {
    let began = Instant::now();
    let total = || {
        let status = succeed(folder, &["--data-dir", "provider", "status", "--json"]);
        let status: Value = serde_json::from_str(&status).unwrap();
        status["rates"]["total_up"].as_u64().unwrap()
    };
    let mut last = total();
    loop {
        // The total is taken once a second.
        thread::sleep(Duration::from_millis(2_500));
        let now = total();
        if now == last || began.elapsed() > DEADLINE {
            return now;
        }
        last = now;
    }
}

/// Somebody who fetches the file, over and over, and is killed over and over.
struct Receiver {
    home: PathBuf,
    data_dir: String,
    /// The folder that this file goes to.
    place: PathBuf,
    args: Vec<String>,
}

/// What came of all that.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    kills: usize,
    files: usize,
    /// Empty parts, of a kill right after their name was taken.
    strays: usize,
}

impl Receiver {
    fn new(home: &Path, number: usize, (link, bootstrap): (&str, &str)) -> Self {
        let data_dir = format!("receiver-{number}");
        let args = ["--data-dir", &data_dir, "--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap"];
        let args = [&args[..], &[bootstrap, "--quiet", "get", link, "-o"]].concat();
        Self {
            home: home.to_owned(),
            place: home.join(&data_dir).join("files"),
            args: args.into_iter().map(str::to_owned).collect(),
            data_dir,
        }
    }

    fn get(&self) -> Running {
        let place = self.place.to_str().unwrap();
        let args: Vec<&str> = self.args.iter().map(String::as_str).chain([place]).collect();
        let mut command = command(&self.home, &args);
        Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn transfers(&self) -> PathBuf {
        self.home.join(&self.data_dir).join("transfers")
    }

    /// Fetches files until there were kills enough, and a last one in peace.
    fn run(&self, data: &[u8], seed: u64, left: &AtomicUsize) -> Tally {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut tally = Tally::default();
        while left.load(Ordering::Relaxed) > 0 {
            fs::create_dir_all(&self.place).unwrap();
            while !self.is_there() && take(left) {
                let moment = Moment::random(&mut rng);
                let mut running = self.get();
                let killed = watch::kill_at(&mut running.0, moment, &self.place, &self.transfers());
                tally.kills += usize::from(killed);
                if !killed {
                    left.fetch_add(1, Ordering::Relaxed);
                    self.assert_went_well(running);
                }
            }
            // What became of the last kill is looked at by one that may end.
            if !self.is_there() || self.remembers() {
                let running = self.get();
                self.assert_went_well(running);
            }
            tally.files += 1;
            tally.strays += self.assert_right(data);
            fs::remove_dir_all(&self.place).unwrap();
        }
        // One that nothing happens to clears what the others left.
        fs::create_dir_all(&self.place).unwrap();
        let running = self.get();
        self.assert_went_well(running);
        tally.files += 1;
        self.assert_right(data);
        assert_eq!(self.left(), Vec::<String>::new(), "{}: left of transfers", self.data_dir);
        tally
    }

    fn is_there(&self) -> bool {
        self.place.join(NAME).exists()
    }

    /// Whether a transfer is remembered. What is left of one that was being forgotten is not.
    fn remembers(&self) -> bool {
        let is_number = |name: &str| name.bytes().all(|digit| digit.is_ascii_digit());
        self.left().iter().any(|name| is_number(name))
    }

    /// What is in the folder of the transfers.
    fn left(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.transfers()) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn assert_went_well(&self, mut running: Running) {
        let began = Instant::now();
        let status = loop {
            match running.0.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(began.elapsed() < DEADLINE, "{}: no end", self.data_dir),
            }
            thread::sleep(Duration::from_millis(10));
        };
        let stderr = running.0.stderr.take().unwrap();
        let why: Vec<String> = BufReader::new(stderr).lines().map_while(Result::ok).collect();
        assert!(status.success(), "{}: {status:?} {}", self.data_dir, why.join("\n"));
    }

    /// The file is there once and right, and nothing else; the number of empty parts.
    fn assert_right(&self, data: &[u8]) -> usize {
        let mut strays = 0;
        for entry in fs::read_dir(&self.place).unwrap() {
            let path = entry.unwrap().path();
            if path == self.place.join(NAME) {
                assert!(fs::read(&path).unwrap() == data, "{} is wrong", path.display());
                continue;
            }
            let is_part = path.extension().is_some_and(|extension| extension == "part");
            let length = path.metadata().unwrap().len();
            assert!(is_part && length == 0, "{} is left, {length} bytes", path.display());
            strays += 1;
        }
        assert!(!self.remembers(), "{}: a transfer is left", self.data_dir);
        strays
    }
}

/// Takes one of the kills that are left.
fn take(left: &AtomicUsize) -> bool {
    let one_less = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
}

#[test]
fn a_fetch_survives_being_killed_at_any_moment() {
    let home = TempDir::new().unwrap();
    let folder = home.path();
    let mut data = vec![0; SIZE];
    let seed = number("P2PFS_SEED").unwrap_or(1);
    StdRng::seed_from_u64(seed).fill(&mut data[..]);
    fs::create_dir(folder.join("shared")).unwrap();
    fs::write(folder.join("shared").join(NAME), &data).unwrap();
    let (_provider, address) = provider(folder);
    let link = link(folder);

    let kills = number("P2PFS_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    let (left, began) = (Arc::new(AtomicUsize::new(kills)), Instant::now());
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let threads: Vec<_> = (0..RECEIVERS)
            .map(|number| {
                let receiver = Receiver::new(folder, number, (&link, &address));
                let (data, left) = (&data, left.clone());
                let seed = seed * RECEIVERS as u64 + number as u64;
                scope.spawn(move || receiver.run(data, seed, &left))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Tally::default();
    for Tally { kills, files, strays } in tallies {
        (all.kills, all.files, all.strays) =
            (all.kills + kills, all.files + files, all.strays + strays);
    }
    assert!(all.kills >= kills, "{all:?}");
    let (needed, sent) = (all.files as u64 * SIZE as u64, sent(folder));
    let twice = sent.saturating_sub(needed);
    println!(
        "{} kills, {} files, {} MiB of {} MiB sent again, {} KiB a kill; {} empty parts; {:.0} s",
        all.kills,
        all.files,
        twice >> 20,
        needed >> 20,
        (twice >> 10) / all.kills as u64,
        all.strays,
        began.elapsed().as_secs_f64()
    );
    assert!(twice <= all.kills as u64 * MAX_COST, "{twice} bytes were sent again");
}
