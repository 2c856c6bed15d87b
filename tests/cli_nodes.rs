//! Real nodes as processes of their own, as people run them.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/processes.rs"]
mod processes;

use std::{
    fs,
    path::{Path, PathBuf},
};

use processes::{Daemon, rows, run, succeed, until_it_has_a_peer};
use tempfile::TempDir;

/// A folder with a file that only this test's network has.
fn music(folder: &Path) -> (PathBuf, Vec<u8>) {
    let shared = folder.join("music");
    fs::create_dir(&shared).unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(shared.join("Zephyr Serenade.bin"), &bytes).unwrap();
    (shared, bytes)
}

#[test]
fn what_one_shares_another_finds_and_fetches() {
    let home = TempDir::new().unwrap();
    let folder = home.path();
    let (shared, bytes) = music(folder);
    let keeper = Daemon::start(folder, &["--data-dir", "keeper"]);
    let other = Daemon::start(folder, &["--data-dir", "other", "--bootstrap", &keeper.address]);

    // Without a peer there is nobody to announce to, and `share` would not wait for one.
    until_it_has_a_peer(folder, "keeper");
    let told = succeed(folder, &["--data-dir", "keeper", "share", shared.to_str().unwrap()]);
    assert!(told.contains("1 file"), "{told}");
    let file = shared.join("Zephyr Serenade.bin");
    let links = succeed(folder, &["link", "--data-dir", "keeper", file.to_str().unwrap()]);
    let [magnet, short] = links.lines().collect::<Vec<_>>()[..] else { panic!("{links}") };

    // Through a node that runs.
    let found = rows(&succeed(folder, &["--data-dir", "other", "search", "zephyr", "--json"]));
    assert_eq!(found[0]["kind"], "result", "{found:?}");
    assert_eq!(found[0]["link"], magnet);
    assert_eq!(found[0]["sources"], 1);
    assert_eq!(found.last().unwrap()["kind"], "summary");
    let path = succeed(folder, &["--data-dir", "other", "get", short]);
    assert_eq!(fs::read(path.trim_end()).unwrap(), bytes);

    // From a directory without one, which afterwards has none again.
    let fresh = ["--data-dir", "fresh", "--bootstrap", &other.address, "--listen"];
    let fresh = [&fresh[..], &["/ip4/127.0.0.1/tcp/0"]].concat();
    let name = ["search", "--field", "filename", "zephyr serenade.bin", "--json"];
    let found = rows(&succeed(folder, &[&fresh[..], &name].concat()));
    assert_eq!(found[0]["name"], "Zephyr Serenade.bin");
    let sha1 = found[0]["sha1"].as_str().unwrap();
    let output = run(folder, &[&fresh[..], &["get", sha1, "-o", "-"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, bytes);
    assert!(!folder.join("fresh/node.sock").exists());

    let nothing = run(folder, &[&fresh[..], &["search", "nonesuch", "--timeout", "5"]].concat());
    assert_eq!(nothing.status.code(), Some(3));
    let why = String::from_utf8(nothing.stderr).unwrap();
    assert!(why.contains("nobody has announced nonesuch"), "{why}");
}

#[test]
fn nobody_there_is_4() {
    let home = TempDir::new().unwrap();
    let alone = ["--data-dir", "alone", "--listen", "/ip4/127.0.0.1/tcp/0", "search", "word"];
    let output = run(home.path(), &alone);
    let why = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{why}");
    assert!(why.contains("no peer is connected") && why.contains("next:"), "{why}");
}

#[test]
fn an_invitation_brings_two_nodes_together() {
    let home = TempDir::new().unwrap();
    let folder = home.path();
    let _host = Daemon::start(folder, &["--data-dir", "host"]);
    let _guest = Daemon::start(folder, &["--data-dir", "guest"]);
    let invitation = succeed(folder, &["--data-dir", "host", "invite"]);
    let link = invitation.lines().next().unwrap();
    assert!(link.starts_with("p2pfs-join:test-cli?peer="), "{link}");
    let joined = rows(&succeed(folder, &["--data-dir", "guest", "join", link, "--json"]));
    assert_eq!(joined[0]["peers"], 1);
    let peers = rows(&succeed(folder, &["--data-dir", "guest", "peers", "--json"]));
    assert_eq!(peers[0]["peers"].as_array().unwrap().len(), 1);
}

#[test]
fn one_data_directory_has_one_node() {
    let home = TempDir::new().unwrap();
    let folder = home.path();
    let mut first = Daemon::start(folder, &["--data-dir", "data"]);
    let second = run(folder, &["--data-dir", "data", "daemon"]);
    let why = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{why}");
    assert!(why.contains(&format!("process {}", first.child.id())), "{why}");
    assert!(why.contains("--data-dir"), "{why}");
    succeed(folder, &["--data-dir", "data", "status"]);

    // Killed without goodbye: its socket stays behind, and the next node takes its place.
    first.signal("-KILL");
    first.end();
    assert!(folder.join("data/node.sock").exists());
    let gone = run(folder, &["--data-dir", "data", "status"]);
    assert_eq!(gone.status.code(), Some(1));
    let _next = Daemon::start(folder, &["--data-dir", "data"]);
    succeed(folder, &["--data-dir", "data", "status"]);
}

#[test]
fn a_daemon_that_is_told_to_end_ends_well() {
    let home = TempDir::new().unwrap();
    let folder = home.path();
    for signal in ["-TERM", "-INT"] {
        let mut daemon = Daemon::start(folder, &["--data-dir", "data"]);
        daemon.signal(signal);
        assert_eq!(daemon.end().code(), Some(0), "{signal}");
        assert!(!folder.join("data/node.sock").exists(), "{signal}");
    }
}

#[test]
fn the_tour_of_the_demo_passes() {
    let home = TempDir::new().unwrap();
    let steps = rows(&succeed(home.path(), &["demo", "--headless", "--json", "--nodes", "4"]));
    let names: Vec<_> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    for name in ["join", "publish", "search artist", "search word", "fetch", "verify"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(steps.iter().all(|step| step["kind"] == "step" && step["ok"] == true), "{steps:?}");
}
