//! A store on disks that fail: it says so, and writes nothing down that it is not sure of.

use std::{
    io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;

use super::{
    Truth, assert_complete, blocks_of, crash, here,
    hooked::{Call, HookedDisk},
    open, open_real, put, size,
};
use crate::{
    domain::blocks::SPAN,
    network::content::store::{Failed, QUEUE, Store, UNSYNCED},
};

/// How long a test waits for a thread that only has to be scheduled.
const PATIENCE: Duration = Duration::from_secs(60);

async fn failure(store: &Store) -> Failed {
    let mut failure = store.failure();
    let waiting = failure.wait_for(Option::is_some);
    let failed = tokio::time::timeout(PATIENCE, waiting).await.expect("it fails");
    failed.expect("told").clone().expect("why")
}

fn is_data(path: &Path) -> bool {
    path.ends_with("part")
}

/// A disk that works for a first chunk, and then fails in one way.
struct Failing {
    disk: Arc<HookedDisk>,
    armed: Arc<AtomicBool>,
    /// Writes of what is durable since it was armed.
    written_down: Arc<AtomicU32>,
}

fn failing(call: Call, of: fn(&Path) -> bool, kind: io::ErrorKind) -> Failing {
    let (armed, written_down) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let (is_armed, counter) = (armed.clone(), Arc::<AtomicU32>::clone(&written_down));
    let failed = AtomicBool::new(false);
    let disk = HookedDisk::new(move |path, what| {
        if !is_armed.load(Ordering::SeqCst) {
            return Ok(());
        }
        if what == call && of(path) && !failed.swap(true, Ordering::SeqCst) {
            // Only once: as with fsync, the next try would seem to succeed.
            return Err(kind.into());
        }
        if what == Call::Write && path.ends_with("progress") {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    Failing { disk, armed, written_down }
}

#[tokio::test]
async fn after_a_failure_nothing_more_is_written_down() {
    let truth = Truth::new(&[size(2, 3, 0)]);
    let outboard: fn(&Path) -> bool = |path| path.ends_with("0.obao");
    let progress: fn(&Path) -> bool = |path| path.ends_with("progress");
    let cases = [
        (Call::Write, is_data as fn(&Path) -> bool, io::ErrorKind::StorageFull),
        (Call::Write, outboard, io::ErrorKind::StorageFull),
        (Call::Sync, is_data, io::ErrorKind::Other),
        (Call::Sync, outboard, io::ErrorKind::Other),
        (Call::Sync, progress, io::ErrorKind::Other),
    ];
    for (call, of, kind) in cases {
        let folder = tempfile::tempdir().expect("temporary directory");
        let plan = truth.plan_in(folder.path());
        let Failing { disk, armed, written_down } = failing(call, of, kind);
        let (store, _) = open(disk, plan.clone()).expect("opened");
        let (first, rest) = (truth.pieces()[..3].to_vec(), truth.pieces()[3..].to_vec());
        put(&store, &truth, &first).await;
        store.checkpoint().await;
        // What is asked of the writer comes in turn: this is answered after the checkpoint.
        wait_until_written(&store, &truth).await;
        armed.store(true, Ordering::SeqCst);
        for (span, part) in &rest {
            let _ = store.put(truth.chunk(*span, part)).await;
        }
        store.checkpoint().await;
        assert_eq!(failure(&store).await.0.kind(), kind);
        // Neither of these believes the disk again.
        assert!(store.complete().await.is_err() && store.close().await.is_err());
        crash(store);
        let before = u32::from(call == Call::Sync && of(Path::new("progress")));
        assert_eq!(written_down.load(Ordering::SeqCst), before, "{call:?} {kind:?}");
        let (store, recovered) = open_real(plan.clone());
        truth.check(&store, &recovered);
        if before == 0 {
            assert_eq!(here(&recovered), blocks_of(&first));
        }
        put(&store, &truth, &truth.missing(&recovered.here)).await;
        assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
        assert_complete(&truth, &plan);
    }
}

/// The writer works in order: once a later span is told, whatever was ordered before is done.
async fn wait_until_written(store: &Store, truth: &Truth) {
    let last = truth.layout.spans() - 1;
    store.put(truth.chunk(last, &(0..3))).await.expect("taken");
    let mut count = store.held().count();
    let waiting = count.wait_for(|_| store.held().contains(last));
    tokio::time::timeout(PATIENCE, waiting).await.expect("written").expect("told");
}

#[tokio::test]
async fn an_end_that_fails_is_not_tried_again() {
    let truth = Truth::new(&[size(1, 1, 0)]);
    let pieces = truth.pieces();
    for close in [false, true] {
        let folder = tempfile::tempdir().expect("temporary directory");
        let plan = truth.plan_in(folder.path());
        let Failing { disk, armed, written_down } =
            failing(Call::Sync, is_data, io::ErrorKind::Other);
        let (store, _) = open(disk, plan.clone()).expect("opened");
        put(&store, &truth, &pieces).await;
        store.held().count().wait_for(|count| *count == 2).await.expect("told");
        armed.store(true, Ordering::SeqCst);
        let ended = if close { store.close().await } else { store.complete().await.map(drop) };
        assert!(ended.is_err());
        assert!(store.close().await.is_err(), "what was not synced is not said to be");
        crash(store);
        assert_eq!(written_down.load(Ordering::SeqCst), 0);
        assert_eq!(here(&open_real(plan).1), []);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_before_anything_is_fetched() {
    let truth = Truth::new(&[size(1, 1, 0)]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    let full = HookedDisk::new(|_, call| match call {
        Call::Reserve => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    });
    let error = open(full, plan.clone()).expect_err("no room");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    // And there is room again.
    let (store, recovered) = open_real(plan.clone());
    assert_eq!(recovered.here, []);
    put(&store, &truth, &truth.pieces()).await;
    assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
    assert_complete(&truth, &plan);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_back_is_told() {
    let truth = Truth::new(&[size(3, 1, 0)]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let disk = HookedDisk::new(|path, call| match call {
        Call::Read if is_data(path) => Err(io::Error::other("bad sector")),
        _ => Ok(()),
    });
    let (store, _) = open(disk, truth.plan_in(folder.path())).expect("opened");
    // Backwards, so that the SHA-1 needs what came too early.
    let backwards: Vec<_> = truth.pieces().into_iter().rev().collect();
    put(&store, &truth, &backwards).await;
    let ended = tokio::time::timeout(PATIENCE, store.complete()).await.expect("it ends");
    assert_eq!(ended.expect_err("unreadable").to_string(), "bad sector");
}

#[tokio::test]
async fn so_many_bytes_are_made_durable_without_being_told() {
    let truth = Truth::new(&[UNSYNCED + size(1, 0, 0)]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let plan = truth.plan_in(folder.path());
    let (store, _) = open_real(plan.clone());
    put(&store, &truth, &truth.pieces()).await;
    crash(store);
    let (store, recovered) = open_real(plan);
    let spans = usize::try_from(UNSYNCED / SPAN).expect("a few");
    let expected: Vec<_> = truth.all()[..spans].to_vec();
    assert_eq!((here(&recovered), recovered.verified), (expected, UNSYNCED));
    truth.check(&store, &recovered);
}

#[tokio::test]
async fn only_so_much_waits_to_be_written() {
    let truth = Truth::new(&[size(1, 0, 0)]);
    let folder = tempfile::tempdir().expect("temporary directory");
    let gate = Arc::new((Mutex::new((false, false)), Condvar::new()));
    let held = gate.clone();
    let disk = HookedDisk::new(move |path, call| {
        if call == Call::Write && is_data(path) {
            let mut state = held.0.lock().expect("not poisoned");
            state.0 = true;
            held.1.notify_all();
            drop(held.1.wait_while(state, |(_, open)| !*open).expect("not poisoned"));
        }
        Ok(())
    });
    let (store, _) = open(disk, truth.plan_in(folder.path())).expect("opened");
    let block = |n: usize| truth.chunk(0, &(n as u8..n as u8 + 1));
    store.put(block(0)).await.expect("taken");
    let at_gate = gate.1.wait_while(gate.0.lock().expect("not poisoned"), |(at, _)| !*at);
    drop(at_gate.expect("not poisoned"));
    for n in 1..=QUEUE {
        assert!(!store.is_busy());
        store.put(block(n)).now_or_never().expect("room for it").expect("taken");
    }
    assert!(store.is_busy());
    assert!(store.put(block(QUEUE + 1)).now_or_never().is_none(), "it waits");
    gate.0.lock().expect("not poisoned").1 = true;
    gate.1.notify_all();
    let rest: Vec<_> = (QUEUE as u8 + 1..64).map(|block| (0, block..block + 1)).collect();
    put(&store, &truth, &rest).await;
    assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
}
