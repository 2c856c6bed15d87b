//! `share --dry-run`: says what would be published, without a node, and changes nothing.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn tree() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("dry").tempdir().unwrap();
    for (file, text) in [
        ("music/Swan Lake.txt", "12345"),
        ("music/more/Swan Song.txt", "123"),
        ("music/.hidden", "no"),
        ("music/server.pem", "no"),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn share(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_p2pfs-tui"))
        .current_dir(folder)
        .args(["--data-dir", "data", "share", "--dry-run"])
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn a_person_reads_what_would_be_published() {
    let folder = tree();
    let output = share(folder.path(), &["music"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "would share ",
        "2 files, 8 B, to be found by 4 words, under at most 12 keys",
        "swan (2)",
        "left out, as it looks like a key: ",
        "server.pem",
        "left out, as its name begins with a dot: ",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(String::from_utf8(output.stderr).unwrap().contains("nothing was shared"));
    assert!(!folder.path().join("data/index.redb").exists(), "it changed something");
}

#[test]
fn a_script_reads_rows() {
    let folder = tree();
    let output = share(folder.path(), &["--json", "music", "music/more"]);
    assert_eq!(output.status.code(), Some(0));
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        kinds.entry(row["kind"].as_str().unwrap().to_owned()).or_default().push(row);
    }
    let files: Vec<_> = kinds["would_share"].iter().map(|row| row["files"].as_u64()).collect();
    assert_eq!(files, [Some(2), Some(1)]);
    let reasons: Vec<_> = kinds["left_out"].iter().map(|row| row["reason"].as_str()).collect();
    assert_eq!(reasons, [Some("key"), Some("hidden")]);
    assert_eq!(kinds["word"].len(), 4);
    let [total] = &kinds["preview"][..] else { panic!("{kinds:?}") };
    let number = |name: &str| total[name].as_u64().unwrap();
    assert_eq!(["files", "bytes", "words", "keys"].map(number), [2, 8, 4, 12]);
}

#[test]
fn what_could_not_be_shared_is_an_error_and_the_rest_is_told() {
    let folder = tree();
    let output = share(folder.path(), &["missing", "music"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("2 files"));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no such file or folder"));
    let output = share(folder.path(), &["--no-wait", "music"]);
    assert_eq!(output.status.code(), Some(2), "they make no sense together");
}

#[test]
fn where_nothing_can_be_looked_at_only_the_reason_is_told() {
    let folder = tree();
    for args in [&["missing"][..], &["--json", "missing"]] {
        let output = share(folder.path(), args);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("missing") && !told.contains("nothing was shared"), "{told}");
    }
}
