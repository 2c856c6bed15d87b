//! The power fails at every moment of a fetch, and what was not synced is lost, torn or reordered.
//!
//! `P2PFS_SEEDS=20000` runs more of it; `P2PFS_SEED=123` runs one.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{
    Truth, blocks_of,
    crash_disk::{CrashDisk, Op},
    open, put, size,
    truth::Blocks,
};
use crate::{
    domain::blocks::SPAN,
    network::content::{
        layout::{Mask, SpanNo},
        store::{Plan, Recovered, Store},
    },
};

/// Seeds that are run unless told otherwise.
const SEEDS: u64 = 2_000;

/// Runs a scenario for every seed.
fn for_seeds(run: impl Fn(u64)) {
    let number = |name| std::env::var(name).ok().map(|said| said.parse().expect("a number"));
    if let Some(seed) = number("P2PFS_SEED") {
        return run(seed);
    }
    for seed in 0..number("P2PFS_SEEDS").unwrap_or(SEEDS) {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed))).is_err() {
            panic!("it fails with P2PFS_SEED={seed}");
        }
    }
}

/// The contents that arrive: made once, as their trees take most of the time.
fn truths() -> &'static [Truth] {
    static TRUTHS: OnceLock<Vec<Truth>> = OnceLock::new();
    TRUTHS.get_or_init(|| {
        vec![
            Truth::new(&[size(2, 3, 77)]),
            Truth::new(&[size(0, 5, 1)]),
            Truth::new(&[3, size(1, 2, 0), 0, size(0, 20, 9), size(1, 0, 5)]),
            Truth::new(&vec![size(0, 1, 1); 40]),
        ]
    })
}

/// A fetch that was under way.
struct Fetch {
    disk: CrashDisk,
    plan: Plan,
    /// What was written down as durable when the test marked it so, by the number of the mark.
    durable: BTreeMap<usize, Blocks>,
}

/// Fetches some of a content onto a disk, in random order, with checkpoints now and then.
async fn fetch(truth: &Truth, disk: CrashDisk, rng: &mut StdRng) -> Fetch {
    let plan = truth.plan(Path::new("/disk"));
    let progress = plan.state.join("progress");
    let mut durable = BTreeMap::new();
    let (store, recovered) = open(Arc::new(disk.clone()), plan.clone()).expect("opened");
    truth.check(&store, &recovered);
    let mut pieces = truth.missing(&recovered.here);
    pieces.shuffle(rng);
    pieces.truncate(rng.random_range(0..=pieces.len()));
    let mut here = recovered.here.clone();
    let mut failed = false;
    for (number, piece) in pieces.iter().enumerate() {
        store.put(truth.chunk(piece.0, &piece.1)).await.expect("taken");
        merge(&mut here, std::slice::from_ref(piece));
        if rng.random_range(0..4) == 0 && !failed {
            let since = disk.operations();
            store.checkpoint().await;
            failed = !disk.wait_for_sync(&progress, since);
            if !failed {
                disk.mark(number);
                durable.insert(number, here.clone());
            }
        }
    }
    if end(&store, &here, truth, rng).await {
        disk.mark(usize::MAX);
        durable.insert(usize::MAX, here);
    }
    Fetch { disk, plan, durable }
}

/// Ends work in one of the ways in which it may; whether all is durable then.
async fn end(store: &Store, here: &Blocks, truth: &Truth, rng: &mut StdRng) -> bool {
    let complete = here.len() == truth.layout.spans() as usize && truth.missing(here).is_empty();
    if complete && rng.random() {
        let _ = store.complete().await;
    }
    store.close().await.is_ok()
}

fn merge(here: &mut Blocks, pieces: &[(SpanNo, std::ops::Range<u8>)]) {
    for (span, blocks) in blocks_of(pieces) {
        match here.iter_mut().find(|(other, _)| *other == span) {
            Some((_, mask)) => *mask |= blocks,
            None => here.push((span, blocks)),
        }
    }
}

/// Whether everything that was durable is there, but for parts of a file of a single span: those can
/// be verified as a whole only.
fn assert_kept(truth: &Truth, recovered: &Recovered, durable: &Blocks) {
    let here: BTreeMap<SpanNo, Mask> = recovered.here.iter().copied().collect();
    let is_provable = |(span, blocks): &&(SpanNo, Mask)| {
        let file = truth.layout.place(*span).expect("a span").file;
        truth.files[file].len() as u64 > SPAN || *blocks == truth.all_of(*span)
    };
    for (span, blocks) in durable.iter().filter(is_provable) {
        let has = here.get(span).copied().unwrap_or(0);
        assert_eq!(has & blocks, *blocks, "of span {span} blocks are lost that were durable");
    }
}

/// One that fails, and what is left of it; the marks that were made before.
fn crash(fetch: &Fetch, rng: &mut StdRng) -> (CrashDisk, Option<usize>) {
    let log = fetch.disk.log();
    let at = rng.random_range(0..=log.len());
    let mark = log[..at].iter().rev().find_map(|op| match op {
        Op::Mark(number) => Some(*number),
        _ => None,
    });
    (fetch.disk.after_crash(at, rng), mark)
}

/// Whatever is recovered is right; what was durable is there; and the rest makes it complete.
#[test]
fn nothing_wrong_is_kept_and_nothing_durable_is_lost() {
    for_seeds(|seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let truth = &truths()[seed as usize % truths().len()];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let mut disk = CrashDisk::default();
            for _ in 0..rng.random_range(1..4) {
                let fetched = fetch(truth, disk, &mut rng).await;
                let (left, mark) = crash(&fetched, &mut rng);
                let (store, recovered) =
                    open(Arc::new(left.clone()), fetched.plan.clone()).expect("opened");
                truth.check(&store, &recovered);
                if let Some(mark) = mark {
                    assert_kept(truth, &recovered, &fetched.durable[&mark]);
                }
                drop(store);
                // The power fails again at once, or after more was fetched.
                disk = left;
            }
            finish(truth, &disk).await;
        });
    });
}

/// Fetches the rest and looks at the files.
async fn finish(truth: &Truth, disk: &CrashDisk) -> Plan {
    let plan = truth.plan(Path::new("/disk"));
    let (store, recovered) = open(Arc::new(disk.clone()), plan.clone()).expect("opened");
    truth.check(&store, &recovered);
    put(&store, truth, &truth.missing(&recovered.here)).await;
    assert_eq!(store.complete().await.expect("complete"), truth.sha1s());
    for (file, path) in plan.paths.iter().enumerate() {
        let data = disk.content(&path.full()).expect("there");
        assert!(data == truth.files[file], "file {file} is wrong");
    }
    plan
}

/// A sync fails once, and the next one seems to succeed: what was to be synced is lost all the same.
#[test]
fn a_sync_that_failed_is_never_trusted_again() {
    for_seeds(|seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let truth = &truths()[seed as usize % truths().len()];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let nth = rng.random_range(1..12);
            let disk = CrashDisk::with_failing_sync(Some(nth));
            let fetched = fetch(truth, disk, &mut rng).await;
            let (left, mark) = crash(&fetched, &mut rng);
            let (store, recovered) =
                open(Arc::new(left.clone()), fetched.plan.clone()).expect("opened");
            truth.check(&store, &recovered);
            if let Some(mark) = mark {
                assert_kept(truth, &recovered, &fetched.durable[&mark]);
            }
            drop(store);
            finish(truth, &left).await;
        });
    });
}
