//! The program as processes of their own.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Machines are busy; nothing here waits longer than it must.
pub const DEADLINE: Duration = Duration::from_secs(90);

pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pfs-tui"));
    command.env_clear().env("HOME", folder).current_dir(folder).stdin(Stdio::null());
    command.args(["--no-mdns", "--network", "test-cli"]).args(args);
    command
}

/// A daemon, stopped when the test ends however it ends.
pub struct Daemon {
    pub child: Child,
    pub address: String,
}

impl Daemon {
    /// Starts one and waits until it listens.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let listen = ["daemon", "--listen", "/ip4/127.0.0.1/tcp/0"];
        let mut command = command(folder, &[&listen[..], args].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        // Read on, or the daemon would write into a full or broken pipe.
        thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let _ = sender.send(line);
            }
        });
        let line = receiver.recv_timeout(DEADLINE).expect("it listens");
        let address = line.strip_prefix("listening on ").expect("an address").to_owned();
        Self { child, address }
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it ends");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

#[track_caller]
pub fn succeed(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {:?} {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until a node knows somebody.
pub fn until_it_has_a_peer(folder: &Path, node: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let status = rows(&succeed(folder, &["--data-dir", node, "status", "--json"]));
        if status[0]["peers"].as_u64().unwrap() > 0 {
            return;
        }
        assert!(Instant::now() < deadline, "nobody came: {status:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

pub fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
