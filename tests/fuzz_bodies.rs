//! Every decoder holds what its fuzz target asserts: on samples, on what the fuzzer once found,
//! and on a few thousand mutations of both.
//!
//! What is in `fuzz/seeds` is where the fuzzer begins. Samples there are those of `samples.rs`:
//! after a change of a format, `UPDATE_SEEDS=1 cargo test --test fuzz_bodies` writes them again.
//! A finding is a file there, too, named `found-…`.
#![allow(clippy::unwrap_used)]

#[path = "fuzz_bodies/bodies.rs"]
mod bodies;
#[path = "fuzz_bodies/samples.rs"]
mod samples;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use bodies::Body;
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};

/// Inputs tried of each kind, for each body.
const CASES: u32 = 2_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn body(target: &str) -> Body {
    bodies::ALL.iter().find(|(name, _)| *name == target).unwrap().1
}

/// What is in the seeds of a target, by file name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder("seeds").join(target)).unwrap();
    files
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect()
}

#[test]
fn every_body_has_a_target_and_up_to_date_seeds() {
    let update = std::env::var_os("UPDATE_SEEDS").is_some();
    let targets = fs::read_dir(folder("fuzz_targets")).unwrap();
    let targets: BTreeSet<String> = targets
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().into())
        .collect();
    assert_eq!(targets, bodies::ALL.iter().map(|(name, _)| (*name).to_owned()).collect());
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for (target, body) in bodies::ALL {
        assert!(
            manifest.contains(&format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\""))
        );
        for (name, sample) in samples::of(target) {
            assert!(body(&sample), "{target} refuses its sample {name}");
            let path = folder("seeds").join(target).join(name);
            if update {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &sample).unwrap();
            }
            let seed = fs::read(&path).unwrap_or_default();
            assert!(seed == sample, "{}: set UPDATE_SEEDS=1 to write it", path.display());
        }
    }
}

/// A list that claims a million million numbers, of which none is there: serde makes room for
/// 1 MiB of it. This is why no message of peers has lists.
#[test]
#[should_panic(expected = "held 1048576 bytes")]
fn room_for_what_is_only_claimed_is_noticed() {
    let claim = [0x9B, 0, 0, 1, 0, 0, 0, 0, 0];
    let list = || p2pfs_tui::network::wire::decode::<Vec<u64>>(&claim);
    bodies::within(bodies::twice(&claim), list).unwrap();
}

/// What may be done to a byte.
#[derive(Debug, Clone, Copy)]
enum Change {
    Replace(u8),
    Insert(u8),
    Flip(u32),
    Remove,
    Cut,
    Repeat,
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>, at: Index) {
        if bytes.is_empty() {
            return;
        }
        let at = at.index(bytes.len());
        match self {
            Self::Replace(byte) => bytes[at] = byte,
            Self::Insert(byte) => bytes.insert(at, byte),
            Self::Flip(bit) => bytes[at] ^= 1 << bit,
            Self::Remove => drop(bytes.remove(at)),
            Self::Cut => bytes.truncate(at),
            Self::Repeat => bytes.extend_from_within(at..),
        }
    }
}

/// Bytes that are often the edge of something: of a number, of ASCII, of a CBOR head.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), select(b"\x00\x01\x1b\x7f\x80\x9b\xbf\xf6\xff/.%&=\"{[".as_slice())]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => byte().prop_map(Change::Replace),
        4 => byte().prop_map(Change::Insert),
        2 => (0..8_u32).prop_map(Change::Flip),
        2 => Just(Change::Remove),
        1 => Just(Change::Cut),
        1 => Just(Change::Repeat),
    ]
}

/// Any bytes, and a seed after a few changes.
fn inputs(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), change()), 0..8);
    let mutated = (select(seeds), changes).prop_map(|(mut bytes, changes)| {
        changes.into_iter().for_each(|(at, change)| change.apply(&mut bytes, at));
        bytes
    });
    prop_oneof![1 => prop::collection::vec(byte(), 0..300), 3 => mutated]
}

fn hold(target: &str) {
    let body = body(target);
    let seeds: Vec<_> = seeds(target).into_iter().map(|(_, bytes)| bytes).collect();
    for seed in &seeds {
        body(seed);
    }
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&inputs(seeds), |bytes| {
        body(&bytes);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{target}: {error}"));
}

/// A test for each body, so that they run side by side.
macro_rules! holds {
    ($($target:ident)*) => {
        $(#[test] fn $target() { hold(stringify!($target)); })*

        #[test]
        fn every_body_is_run() {
            let run = [$(stringify!($target)),*];
            assert_eq!(run.to_vec(), bodies::ALL.map(|(name, _)| name));
        }
    };
}

holds! {
    banned client_line collection content_answer content_request file_name index_answer
    index_question invite link node_line proof query remembered_file remembered_peers
    remembered_records remembered_root store_progress tags transfer_record wire_stream
}
