use std::io::Write;

use bao_tree::{
    ChunkNum, ChunkRanges,
    io::{
        BaoContentItem,
        sync::{DecodeResponseIter, encode_ranges_validated},
    },
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A file in which no two blocks are the same.
fn bytes(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(b"bytes").finalize_xof().fill(&mut bytes);
    bytes
}

fn file_of(folder: &TempDir, bytes: &[u8]) -> File {
    let path = folder.path().join("file");
    fs::write(&path, bytes).expect("write");
    open_regular(&path).expect("open").0
}

fn hash(file: &File, folder: &TempDir) -> Result<Hashed, HashError> {
    hash_file(file, folder.path(), &mut |_| ControlFlow::Continue(()))
}

/// Proves a range with the stored outboard and checks the proof as a peer would.
fn proven(data: &[u8], content: &ContentId, folder: &TempDir, range: std::ops::Range<u64>) -> bool {
    let outboard = open_outboard(folder.path(), content).expect("outboard");
    let (root, tree) = (outboard.root, outboard.tree);
    let chunks = ChunkRanges::from(
        ChunkNum::full_chunks(range.start)..ChunkNum::chunks(range.end.max(range.start + 1)),
    );
    let mut wire = Vec::new();
    encode_ranges_validated(data, &outboard, &chunks, &mut wire).expect("encode");
    let items = DecodeResponseIter::new(root, tree, &wire[..], &chunks);
    let mut bytes = 0;
    for item in items {
        if let BaoContentItem::Leaf(leaf) = item.expect("a valid proof") {
            let start = usize::try_from(leaf.offset).expect("offset");
            assert_eq!(leaf.data, data[start..start + leaf.data.len()]);
            bytes += leaf.data.len() as u64;
        }
    }
    bytes >= range.end - range.start
}

fn check(size: usize) {
    let folder = TempDir::new().expect("folder");
    let data = bytes(size);
    let hashed = hash(&file_of(&folder, &data), &folder).expect("hash");
    let sha1: [u8; 20] = Sha1::digest(&data).into();
    assert_eq!(hashed.content.root.as_bytes(), blake3::hash(&data).as_bytes(), "{size}");
    assert_eq!(hashed.content.sha1.as_bytes(), &sha1, "{size}");
    assert_eq!(hashed.content.size, size as u64);
    let size = size as u64;
    for start in [0, size / 2, size.saturating_sub(1)] {
        assert!(proven(&data, &hashed.content, &folder, start..(start + 20_000).min(size)));
    }
    let stored = outboard_path(folder.path(), &hashed.content.root);
    assert_eq!(stored.exists(), size > blocks::BLOCK, "{size}");
}

#[test]
fn hashes_are_those_of_the_plain_functions_and_every_part_can_be_proven() {
    let block = usize::try_from(blocks::BLOCK).expect("block");
    for size in [0, 1, block - 1, block, block + 1, 2 * block, 3 * block + 5, 5_000_000] {
        check(size);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_size_hashes_right(size in 0_usize..600_000) {
        check(size);
    }
}

#[test]
fn progress_reaches_the_size_and_may_stop() {
    let folder = TempDir::new().expect("folder");
    let data = bytes(2_000_000);
    let file = file_of(&folder, &data);
    let mut seen = Vec::new();
    hash_file(&file, folder.path(), &mut |read| {
        seen.push(read);
        ControlFlow::Continue(())
    })
    .expect("hash");
    assert!(seen.is_sorted() && seen.last() == Some(&2_000_000) && seen.len() >= 4);

    let file = file_of(&folder, &data);
    let stopped = hash_file(&file, folder.path(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(HashError::Stopped)));
    let left = fs::read_dir(outboards(folder.path())).expect("outboards");
    assert!(left.flatten().all(|entry| entry.path().is_dir()), "an unfinished outboard stayed");
}

#[test]
fn a_file_that_changes_meanwhile_has_no_hash() {
    let folder = TempDir::new().expect("folder");
    for shrinks in [false, true] {
        let file = file_of(&folder, &bytes(2_000_000));
        let path = folder.path().join("file");
        let mut touched = false;
        let hashed = hash_file(&file, folder.path(), &mut |_| {
            if !std::mem::replace(&mut touched, true) {
                let mut other = OpenOptions::new().append(true).open(&path).expect("open");
                if shrinks {
                    other.set_len(1_000_000).expect("shrink");
                } else {
                    other.write_all(b"more").expect("grow");
                }
            }
            ControlFlow::Continue(())
        });
        assert!(matches!(hashed, Err(HashError::Changed)), "{hashed:?}");
    }
}

#[test]
fn links_and_folders_are_not_opened() {
    let folder = TempDir::new().expect("folder");
    fs::write(folder.path().join("file"), b"x").expect("write");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("file"), &link).expect("link");
    assert!(open_regular(&link).is_err());
    assert!(open_regular(folder.path()).is_err());
}

#[test]
fn a_torn_outboard_is_not_opened_and_leftovers_are_swept() {
    let folder = TempDir::new().expect("folder");
    let content = hash(&file_of(&folder, &bytes(100_000)), &folder).expect("hash").content;
    let path = outboard_path(folder.path(), &content.root);
    OpenOptions::new().write(true).open(&path).expect("open").set_len(64).expect("tear");
    let torn = open_outboard(folder.path(), &content).expect_err("torn");
    assert_eq!(torn.kind(), io::ErrorKind::InvalidData);

    let (_, unfinished) = create_unfinished(folder.path()).expect("create").keep().expect("keep");
    sweep_unfinished(folder.path()).expect("sweep");
    assert!(!unfinished.exists() && path.exists());
    remove_outboard(folder.path(), &content.root).expect("remove");
    remove_outboard(folder.path(), &content.root).expect("remove again");
    assert!(!path.exists());
}

#[test]
fn a_shortage_says_nothing_about_a_file() {
    let errno = |errno: rustix::io::Errno| io::Error::from(errno);
    assert!(is_shortage(&errno(rustix::io::Errno::MFILE)));
    assert!(!is_shortage(&errno(rustix::io::Errno::NOENT)));
    assert!(!is_shortage(&io::ErrorKind::InvalidData.into()));
}
