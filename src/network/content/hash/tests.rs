use std::io::Write;

use bao_tree::{BlockSize, io::outboard::PreOrderMemOutboard};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{lane::Lane, outboard::path_of, *};
use crate::{
    domain::blocks::{BLOCK, block_count},
    network::content::tree::Tree,
};

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

/// The pairs of a range, picked from those that another implementation made.
fn expected_proof(data: &[u8], blocks: Range<u64>) -> Vec<u8> {
    let theirs = PreOrderMemOutboard::create(data, BlockSize::from_chunk_log(4)).data;
    let parents = Tree::new(data.len() as u64).parents(blocks);
    let at = |parent: u64| usize::try_from(parent * 64).expect("small");
    parents.flat_map(|parent| theirs[at(parent.index)..][..64].to_vec()).collect()
}

fn check(size: usize) {
    let folder = TempDir::new().expect("folder");
    let data = bytes(size);
    let file = file_of(&folder, &data);
    let content = hash(&file, &folder).expect("hash").content;
    let sha1: [u8; 20] = Sha1::digest(&data).into();
    assert_eq!(content.root.as_bytes(), blake3::hash(&data).as_bytes(), "{size}");
    assert_eq!(content.sha1.as_bytes(), &sha1, "{size}");
    assert_eq!(content.size, size as u64);

    let outboard = open_outboard(folder.path(), &content).expect("outboard");
    let blocks = block_count(content.size);
    let some = [0..blocks, 0..blocks.min(1), blocks / 2..blocks, blocks.saturating_sub(2)..blocks];
    for range in some {
        let proof = outboard.proof(&file, range.clone()).expect("proof");
        assert!(proof == expected_proof(&data, range.clone()), "{size} {range:?}");
    }
    let stored = path_of(folder.path(), &content.root);
    assert_eq!(stored.exists(), content.size > SPAN, "{size}");
}

#[test]
fn hashes_are_those_of_the_plain_functions_and_every_part_can_be_proven() {
    let (block, span) =
        (usize::try_from(BLOCK).expect("small"), usize::try_from(SPAN).expect("small"));
    for size in [0, 1, block - 1, block, block + 1, 2 * block, 3 * block + 5, span, span + 1] {
        check(size);
    }
    for spans in 2..=9 {
        check(spans * span);
        check(spans * span + block + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_size_hashes_right(size in 0_usize..6_000_000) {
        check(size);
    }
}

#[test]
fn a_file_that_is_not_what_was_hashed_proves_nothing() {
    let folder = TempDir::new().expect("folder");
    for size in [600_000, 3_000_000] {
        let mut data = bytes(size);
        let content = hash(&file_of(&folder, &data), &folder).expect("hash").content;
        let outboard = open_outboard(folder.path(), &content).expect("outboard");
        data[size / 2] ^= 1;
        let path = path_of(folder.path(), &content.root);
        if path.exists() {
            let stored =
                fs::read(&path).expect("read").iter().map(|byte| !byte).collect::<Vec<_>>();
            fs::write(&path, stored).expect("damage");
        }
        for data in [&data[..], &data[..size / 3]] {
            let refused = outboard.proof(&file_of(&folder, data), 0..4).expect_err("no proof");
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{size}");
        }
    }
}

#[test]
fn a_lane_gives_the_same_hash_however_its_helper_comes_and_goes() {
    // Other tests hash beside this one, so that helpers are had or not had as it happens.
    let data = bytes(100_000);
    for pieces in [1, 2, 30] {
        let sha1 = thread::scope(|scope| {
            let mut lane = Lane::new(scope);
            let mut addresses = std::collections::HashSet::new();
            for _ in 0..pieces {
                let mut buffer = lane.buffer();
                buffer.clear();
                buffer.extend(&data);
                addresses.insert(buffer.as_ptr());
                lane.push(buffer);
            }
            assert!(addresses.len() <= lane::BUFFERS, "buffers are used again");
            lane.finish().expect("hash")
        });
        let plain: [u8; 20] = Sha1::digest(data.repeat(pieces)).into();
        assert_eq!(sha1.as_bytes(), &plain);
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
    assert_eq!(seen, [SPAN, 2_000_000]);

    let file = file_of(&folder, &data);
    let stopped = hash_file(&file, folder.path(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(HashError::Stopped)));
    let left = fs::read_dir(folder.path().join("outboards")).expect("outboards");
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
    let content = hash(&file_of(&folder, &bytes(2_000_000)), &folder).expect("hash").content;
    let path = path_of(folder.path(), &content.root);
    OpenOptions::new().write(true).open(&path).expect("open").set_len(64).expect("tear");
    let torn = open_outboard(folder.path(), &content).expect_err("torn");
    assert_eq!(torn.kind(), io::ErrorKind::InvalidData);

    let unfinished = folder.path().join("outboards/unfinished-0");
    let begun = Unfinished::create(folder.path()).expect("create");
    fs::write(&unfinished, "of an earlier run").expect("write");
    drop(begun);
    assert_eq!(fs::read_dir(folder.path().join("outboards")).expect("outboards").count(), 2);
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
