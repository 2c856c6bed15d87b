//! The store on a real disk: what goes in comes out, in any order, now or after a restart.

pub(crate) mod crash_disk;
mod damage;
mod faults;
mod hooked;
mod power_loss;
pub(crate) mod truth;

use std::{collections::BTreeSet, ops::Range, path::Path, sync::Arc};

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

use self::truth::{Truth, blocks_of, put, size};
use super::{
    Chunk, Plan, Recovered, Store,
    disk::{Disk, RealDisk},
};
use crate::{
    domain::{Sha1Hash, blocks::BLOCK},
    network::content::layout::{full, mask},
};

/// Opens a store, which need not be told how far its check is.
pub(crate) fn open(disk: Arc<dyn Disk>, plan: Plan) -> std::io::Result<(Store, Recovered)> {
    Store::open(disk, plan, &mut |_| {})
}

fn open_real(plan: Plan) -> (Store, Recovered) {
    open(Arc::new(RealDisk), plan).expect("opened")
}

/// Drops a store without closing it, and waits until its threads are gone.
fn crash(store: Store) {
    let threads = std::mem::take(&mut *store.threads.lock().expect("not poisoned"));
    drop(store);
    threads.into_iter().for_each(|thread| thread.join().expect("it ends"));
}

fn here(recovered: &Recovered) -> Vec<(u32, u64)> {
    let mut here = recovered.here.clone();
    here.sort_unstable();
    here
}

/// Every file is there, as it ought to be.
fn assert_complete(truth: &Truth, plan: &Plan) {
    for (file, path) in plan.paths.iter().enumerate() {
        if plan.unwanted.contains(&file) {
            assert!(!path.full().exists(), "{file} is not wanted");
            continue;
        }
        let data = std::fs::read(path.full()).expect("there");
        assert!(data == truth.files[file], "file {file} is wrong");
    }
}

#[tokio::test]
async fn a_file_arrives_in_any_order() {
    let truth = Truth::new(&[size(2, 37, 5)]);
    let mut pieces = truth.pieces();
    for seed in 0..4 {
        let folder = tempfile::tempdir().expect("temporary directory");
        let plan = truth.plan_in(folder.path());
        let (store, recovered) = open_real(plan.clone());
        assert_eq!(recovered, Recovered::default());
        match seed {
            0 => {}
            1 => pieces.reverse(),
            _ => pieces.shuffle(&mut StdRng::seed_from_u64(seed)),
        }
        put(&store, &truth, &pieces).await;
        assert_eq!(store.complete().await.expect("complete"), truth.sha1s(), "seed {seed}");
        assert!(store.held().is_complete());
        (0..truth.layout.spans()).for_each(|span| truth.check_served(&store, span));
        assert_complete(&truth, &plan);
        assert_eq!(store.unhashed(), 0);
    }
}

#[tokio::test]
async fn single_blocks_make_up_a_span_and_may_come_twice() {
    let truth = Truth::new(&[size(1, 0, 0) + 1]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    let (store, _) = open_real(plan.clone());
    let mut singles: Vec<_> = (0..64).map(|block| (0, block..block + 1)).collect();
    singles.shuffle(&mut StdRng::seed_from_u64(7));
    let (last, others) = singles.split_last().expect("many");
    put(&store, &truth, others).await;
    put(&store, &truth, &[others, &[(1, 0..1)]].concat()).await;
    let mut count = store.held().count();
    count.wait_for(|count| *count == 1).await.expect("told");
    assert!(store.held().contains(1) && !store.held().contains(0), "one block lacks");
    put(&store, &truth, std::slice::from_ref(last)).await;
    assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
    assert_complete(&truth, &plan);
}

#[tokio::test]
async fn many_files_arrive_and_those_not_wanted_do_not() {
    let sizes = [0, 5, size(0, 1, 0), 0, size(1, 0, 0), size(1, 3, 9), 1, size(2, 0, 0), 0];
    let truth = Truth::new(&sizes);
    let unwanted = BTreeSet::from([2, 3, 7]);
    for seed in 0..3 {
        let folder = tempfile::tempdir().expect("temporary directory");
        let plan = Plan { unwanted: unwanted.clone(), ..truth.plan_in(folder.path()) };
        let (store, _) = open_real(plan.clone());
        let file_of = |span| truth.layout.place(span).expect("a span").file;
        let mut pieces = truth.pieces();
        pieces.retain(|(span, _)| !unwanted.contains(&file_of(*span)));
        pieces.shuffle(&mut StdRng::seed_from_u64(seed));
        let (first, second) = pieces.split_at(pieces.len() / 2);
        put(&store, &truth, first).await;
        store.close().await.expect("closed");
        let (store, recovered) = open_real(plan.clone());
        assert_eq!((here(&recovered), recovered.verified), (blocks_of(first), 0));
        put(&store, &truth, second).await;
        let mut expected = truth.sha1s();
        unwanted.iter().for_each(|file| expected[*file] = Sha1Hash::from_bytes([0; 20]));
        assert_eq!(store.complete().await.expect("complete"), expected);
        assert_complete(&truth, &plan);
    }
}

/// More files than are kept open, or synced one by one.
#[tokio::test]
async fn a_hundred_files_come_block_by_block() {
    let sizes: Vec<u64> = (0..100).map(|n| size(u64::from(n % 10 == 0), n % 3, n)).collect();
    let truth = Truth::new(&sizes);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    let mut pieces = truth.pieces();
    pieces.shuffle(&mut StdRng::seed_from_u64(1));
    let (first, second) = pieces.split_at(pieces.len() / 2);
    let (store, _) = open_real(plan.clone());
    put(&store, &truth, first).await;
    store.checkpoint().await;
    crash(store);
    let (store, recovered) = open_real(plan.clone());
    assert!(recovered.verified > 0);
    assert_eq!(here(&recovered), blocks_of(first));
    put(&store, &truth, second).await;
    assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
    assert_complete(&truth, &plan);
}

#[tokio::test]
async fn an_end_in_good_order_costs_no_verification() {
    let truth = Truth::new(&[size(3, 5, 100)]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    let pieces = truth.pieces();
    for end in [0, 1, 5, pieces.len()] {
        let (store, recovered) = open_real(plan.clone());
        assert_eq!(recovered.verified, 0);
        truth.check(&store, &recovered);
        put(&store, &truth, &truth.missing(&recovered.here)[..end.min(5)]).await;
        store.close().await.expect("closed");
        let error = store.put(truth.chunk(0, &(0..1))).await.expect_err("closed");
        assert!(error.to_string().contains("closed"), "{error}");
    }
    let (store, recovered) = open_real(plan.clone());
    assert_eq!((here(&recovered), recovered.verified), (blocks_of(&pieces[..11]), 0));
    put(&store, &truth, &pieces[11..]).await;
    assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
    assert_complete(&truth, &plan);
}

#[tokio::test]
async fn what_is_no_part_of_a_span_is_refused() {
    let truth = Truth::new(&[size(1, 2, 100)]);
    let wrong = |change: fn(&mut Chunk)| {
        let mut chunk = truth.chunk(1, &(1..3));
        change(&mut chunk);
        chunk
    };
    let chunks = [
        wrong(|chunk| chunk.data.truncate(BLOCK as usize - 1)),
        wrong(|chunk| chunk.data.push(0)),
        wrong(|chunk| chunk.data.clear()),
        wrong(|chunk| chunk.first = 0),
        wrong(|chunk| chunk.first = 255),
        wrong(|chunk| chunk.span = 2),
        wrong(|chunk| chunk.span = u32::MAX),
        wrong(|chunk| chunk.data = vec![0; 300 * BLOCK as usize]),
        wrong(|chunk| chunk.proof.as_mut().expect("a proof").pairs.truncate(64)),
        wrong(|chunk| chunk.proof.as_mut().expect("a proof").blocks = 0..200),
    ];
    for (number, chunk) in chunks.into_iter().enumerate() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let (store, _) = open_real(truth.plan_in(folder.path()));
        store.put(chunk).await.expect("taken");
        let mut failure = store.failure();
        let waiting = failure.wait_for(Option::is_some);
        let failed = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
        let failed = failed.unwrap_or_else(|_| panic!("chunk {number} is taken"));
        drop(failed);
        assert!(store.close().await.is_err());
    }
}

#[tokio::test]
async fn only_whole_spans_are_read() {
    let truth = Truth::new(&[size(2, 0, 0), 10]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let (store, _) = open_real(truth.plan_in(folder.path()));
    put(&store, &truth, &[(0, 0..64), (1, 0..63)]).await;
    store.held().count().wait_for(|count| *count == 1).await.expect("told");
    let mut out = Vec::new();
    for (file, blocks) in [
        (0, 64..65),
        (0, 63..65),
        (0, 0..0),
        (0, Range { start: 3, end: 2 }),
        (0, 0..129),
        (0, u64::MAX - 1..u64::MAX),
        (1, 0..1),
        (2, 0..1),
    ] {
        assert!(store.read(file, blocks.clone(), &mut out).is_err(), "{file}: {blocks:?}");
    }
    assert!(out.is_empty());
    put(&store, &truth, &[(1, 63..64), (2, 0..1)]).await;
    store.held().count().wait_for(|count| *count == 3).await.expect("told");
    (0..3).for_each(|span| truth.check_served(&store, span));
    assert_eq!((mask(&(0..64)), full(10)), (truth.all_of(0), truth.all_of(2)));
}

/// Files below a folder, with their bytes.
fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[tokio::test]
async fn nothing_to_fetch_is_complete_at_once() {
    for sizes in [&[0][..], &[0, 0, 0]] {
        let truth = Truth::new(sizes);
        let folder = tempfile::tempdir().expect("temporary directory");
        let plan = truth.plan_in(folder.path());
        let (store, _) = open_real(plan.clone());
        assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
        assert_eq!(files_below(&plan.paths[0].base).len(), sizes.len());
        assert_complete(&truth, &plan);
    }
}
