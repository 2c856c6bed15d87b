//! What a store believes of files that were changed behind its back.

use std::{fs, path::Path};

use super::{Truth, assert_complete, blocks_of, crash, here, open_real, put, size, truth::Blocks};
use crate::{
    domain::blocks::{BLOCK, SPAN},
    network::content::{layout::mask, store::Plan},
};

/// What is done to the files behind the back of their store.
type Damage = fn(&Plan);

/// Turns a bit of a file.
fn flip(path: &Path, at: u64) {
    let mut data = fs::read(path).expect("readable");
    data[at as usize] ^= 1;
    fs::write(path, data).expect("written");
}

fn cut(path: &Path, length: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("there");
    file.set_len(length).expect("cut");
}

/// Work up to the end, which then did not end in good order; or did.
async fn fetched(truth: &Truth, plan: &Plan, in_good_order: bool) {
    let (store, _) = open_real(plan.clone());
    put(&store, truth, &truth.pieces()).await;
    if in_good_order {
        return store.close().await.expect("closed");
    }
    store.checkpoint().await;
    crash(store);
}

/// Fetches what lacks, and looks whether everything is right then.
async fn assert_mended(truth: &Truth, plan: &Plan, (what, expected): (&str, &[(u32, u64)])) {
    let (store, recovered) = open_real(plan.clone());
    truth.check(&store, &recovered);
    assert_eq!(here(&recovered), expected, "after {what}");
    put(&store, truth, &truth.missing(&recovered.here)).await;
    assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
    (0..truth.layout.spans()).for_each(|span| truth.check_served(&store, span));
    assert_complete(truth, plan);
}

#[tokio::test]
async fn after_a_crash_only_what_is_right_is_believed() {
    let truth = Truth::new(&[size(2, 5, 100)]);
    let all = truth.all();
    let without =
        |span: u32| all.iter().copied().filter(move |(other, _)| *other != span).collect();
    let cases: [(&str, Damage, Blocks); 9] = [
        ("nothing", |_| {}, all.clone()),
        ("a byte of block 70", |plan| flip(&plan.paths[0].full(), 70 * BLOCK + 9), {
            vec![all[0], (1, all[1].1 & !mask(&(6..7))), all[2]]
        }),
        ("the last byte", |plan| flip(&plan.paths[0].full(), size(2, 5, 99)), {
            vec![all[0], all[1], (2, all[2].1 & !mask(&(5..6)))]
        }),
        ("the root's pair", |plan| flip(&plan.state.join("0.obao"), 3), vec![]),
        // Pre-order: the root, the left half's top, and then the first span's 63 pairs.
        ("a pair of span 0", |plan| flip(&plan.state.join("0.obao"), 64 * 40), without(0)),
        ("half of the bytes cut", |plan| cut(&plan.paths[0].full(), SPAN + SPAN / 2), {
            vec![all[0], (1, mask(&(0..32)))]
        }),
        ("the outboard cut", |plan| cut(&plan.state.join("0.obao"), 0), vec![]),
        ("the part gone", |plan| fs::remove_file(plan.paths[0].full()).expect("there"), vec![]),
        (
            "the record gone",
            |plan| {
                fs::remove_file(plan.state.join("progress")).expect("there");
            },
            vec![],
        ),
    ];
    for (what, damage, expected) in cases {
        let folder = tempfile::tempdir().expect("temporary directory");
        let plan = truth.plan_in(folder.path());
        fetched(&truth, &plan, false).await;
        damage(&plan);
        assert_mended(&truth, &plan, (what, &expected)).await;
    }
}

#[tokio::test]
async fn after_an_end_in_good_order_a_change_is_seen() {
    let truth = Truth::new(&[size(1, 40, 1)]);
    let all = truth.all();
    let cases: [(Damage, Blocks); 4] = [
        (|plan| flip(&plan.paths[0].full(), 0), vec![(0, all[0].1 & !1), all[1]]),
        (|plan| cut(&plan.paths[0].full(), SPAN), vec![all[0]]),
        (|plan| fs::remove_file(plan.paths[0].full()).expect("there"), vec![]),
        // Whoever serves with a wrong proof is banned by those whom it serves.
        (|plan| flip(&plan.state.join("0.obao"), 0), vec![]),
    ];
    for (damage, expected) in cases {
        let folder = tempfile::tempdir().expect("temporary directory");
        let plan = truth.plan_in(folder.path());
        fetched(&truth, &plan, true).await;
        damage(&plan);
        assert_mended(&truth, &plan, ("a change", &expected)).await;
    }
}

#[tokio::test]
async fn of_small_files_the_damaged_one_is_fetched_again() {
    let truth = Truth::new(&[100, size(0, 3, 0), size(1, 0, 0), 7]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    for in_good_order in [true, false] {
        fetched(&truth, &plan, in_good_order).await;
        flip(&plan.paths[1].full(), 17);
        fs::remove_file(plan.paths[3].full()).expect("there");
        let all = truth.all();
        assert_mended(&truth, &plan, ("two files", &[all[0], all[2]])).await;
        fs::remove_dir_all(&plan.state).expect("there");
        fs::create_dir(&plan.state).expect("made");
    }
}

#[tokio::test]
async fn a_link_in_place_of_the_part_is_not_followed() {
    let truth = Truth::new(&[size(1, 1, 0)]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    fetched(&truth, &plan, false).await;
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "mine").expect("written");
    fs::remove_file(plan.paths[0].full()).expect("there");
    std::os::unix::fs::symlink(&elsewhere, plan.paths[0].full()).expect("made");
    assert!(super::open(std::sync::Arc::new(super::RealDisk), plan).is_err());
    assert_eq!(fs::read(&elsewhere).expect("kept"), b"mine");
}

#[tokio::test]
async fn unfinished_spans_are_remembered_block_by_block() {
    let truth = Truth::new(&[size(3, 0, 0)]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    let parts = [(0, 3..9), (0, 20..21), (1, 0..64), (2, 62..64)];
    let (store, _) = open_real(plan.clone());
    put(&store, &truth, &parts).await;
    store.checkpoint().await;
    crash(store);
    flip(&plan.paths[0].full(), 5 * BLOCK);
    let mut expected = blocks_of(&parts);
    expected[0].1 &= !mask(&(5..6));
    assert_mended(&truth, &plan, ("one block", &expected)).await;
}
