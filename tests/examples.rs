//! The three example peers, as separate processes.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

/// A process that is ended with the test.
struct Running(Child, BufReader<ChildStdout>);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An example's program: cargo puts it beside this test's folder.
fn example(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    deps.parent().unwrap().join("examples").join(name)
}

fn start(name: &str, address: Option<&str>) -> Running {
    let mut command = Command::new(example(name));
    let mut child = command.args(address).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Running(child, lines)
}

impl Running {
    /// Reads until a line has this in it.
    fn line(&mut self, part: &str) -> String {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(self.1.read_line(&mut line).unwrap() > 0, "no line has {part:?}");
        }
        line
    }
}

#[test]
fn peers_1_and_2_share_and_peer_3_finds_and_fetches_from_both() {
    // `cargo test --test examples` alone does not build them.
    let build = Command::new(env!("CARGO")).args(["build", "--quiet", "--examples"]).status();
    assert!(build.unwrap().success());
    let mut one = start("peer1", None);
    let line = one.line(" at ");
    let address = line.trim().rsplit(' ').next().unwrap();
    let mut two = start("peer2", Some(address));
    one.line("announced everything");
    two.line("announced everything");

    let three = Command::new(example("peer3")).arg(address).output().unwrap();
    let said = String::from_utf8(three.stdout).unwrap();
    assert!(three.status.success(), "{said}");
    for by in ["by filename", "by artist", "by title", "by album", "by words"] {
        let (_, after) = said.split_once(by).unwrap();
        let until_next = after.split("\nby ").next().unwrap();
        assert!(until_next.contains("fetched and verified"), "{by}: {said}");
    }
    assert!(said.contains("Greensleeves.ogg from 2 of our peers"), "{said}");
}
