use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::{
    application::{
        indexing::Change,
        message::{ShareState, Window},
    },
    domain::{ContentId, Manifest, Root, Sha1Hash, Tags},
};

fn stamp(size: u64) -> Stamp {
    Stamp { dev: 1, inode: 1, size, mtime: 1, mtime_ns: 0 }
}

fn found(path: &str, size: u64) -> Found {
    Found { path: Path::new(path).into(), stamp: stamp(size) }
}

/// What a worker would make of a file.
fn described(library: &Library, path: &Path, size: u64) -> Described {
    let content = ContentId {
        sha1: Sha1Hash::from_bytes([1; 20]),
        root: Root::from_bytes([u8::try_from(size).expect("small"); 32]),
        size,
    };
    let name = path.file_name().expect("name").to_string_lossy().into_owned();
    let manifest = Manifest { name, content, media_type: None, tags: Tags::default() };
    Described::new(&library.catalog, SharedFile { path: path.into(), stamp: stamp(size), manifest })
}

fn library(roots: &[&str], files: &[&str]) -> Library {
    let mut library = Library::new(Catalog::default());
    for root in roots {
        library.add_root(Path::new(root), true, BTreeSet::new());
    }
    for root in roots {
        let scan = library.begin_scan();
        for file in files {
            library.found(scan, Path::new(root), found(file, 7), None);
        }
    }
    library
}

/// The next file, as if each were too large to be taken with another.
fn next_job(library: &mut Library) -> Option<Job> {
    let path = library.queue.first()?.1.clone();
    let later = std::mem::take(&mut library.queue);
    let (first, later) = later.into_iter().partition(|(_, other)| *other == path);
    library.queue = first;
    let mut jobs = library.next_jobs();
    library.queue = later;
    jobs.pop()
}

fn hash_all(library: &mut Library) -> Vec<String> {
    let mut order = Vec::new();
    while let Some(job) = next_job(library) {
        let described = described(library, &job.path, 7);
        assert!(library.hashed(&job, described));
        order.push(job.path.to_string_lossy().into_owned());
    }
    order
}

/// Checks every invariant of the library against a look at each file.
fn check(library: &mut Library, told: &mut HashMap<Arc<Path>, Arc<SharedFile>>) {
    let mut totals = ShareTotals::default();
    let mut by_root: HashMap<Arc<Path>, (u64, u64)> = HashMap::new();
    let mut waiting = BTreeSet::new();
    let mut served = HashSet::new();
    for (Place(path), file) in &library.files {
        file.count(&mut totals, file::add);
        let root = by_root.entry(Arc::clone(&file.root)).or_default();
        *root = (root.0 + 1, root.1 + file.stamp.size);
        assert_eq!(library.roots.owner(path), Some(Arc::clone(&file.root)), "{path:?}");
        match &file.state {
            State::Waiting => {
                assert!(waiting.insert((Reverse(file.scan), Place(Arc::clone(path)))))
            }
            State::Served { number, .. } => {
                let shared = library.catalog.get(*number).expect("in the catalog");
                assert_eq!((&shared.path, &shared.stamp), (path, &file.stamp));
                served.insert(Arc::clone(path));
            }
            _ => {}
        }
    }
    assert_eq!(library.totals, totals);
    assert_eq!(library.catalog.len(), served.len());
    assert_eq!(library.queue, waiting);
    for (path, root) in library.roots.iter() {
        let expected = by_root.get(path).copied().unwrap_or_default();
        assert_eq!((root.files, root.bytes), expected, "{path:?}");
    }
    while let Some(change) = library.next_change() {
        match change {
            Change::Added(file) => {
                assert!(told.insert(Arc::clone(&file.path), file).is_none(), "added twice");
            }
            Change::Removed(file) => assert_eq!(told.remove(&file.path), Some(file)),
            Change::Notice(_) => {}
        }
    }
    assert_eq!(told.keys().cloned().collect::<HashSet<_>>(), served);
}

#[test]
fn overlapping_roots_count_a_file_once() {
    let files = ["/m/a", "/m/rock/b", "/m/rock/c"];
    for roots in [["/m", "/m/rock"], ["/m/rock", "/m"]] {
        let mut library = library(&roots, &files);
        check(&mut library, &mut HashMap::new());
        assert_eq!(library.totals().to_hash, 3);
        let counts: Vec<_> = library.root_rows().iter().map(|root| root.files).collect();
        assert_eq!(counts, [1, 2], "a file belongs to the nearest root");
        assert_eq!(library.remove(Path::new("/m/rock"), true).map(|(files, _)| files), Some(2));
        let scan = library.begin_scan();
        library.found(scan, Path::new("/m"), found("/m/rock/b", 7), None);
        assert_eq!(library.rows(Window::first(9)).total, 1, "a part unshared stays out");
    }
}

#[test]
fn the_newest_share_is_hashed_first() {
    let mut library = library(&["/old", "/new"], &["/old/a", "/new/b", "/new/a", "/old/b"]);
    assert_eq!(hash_all(&mut library), ["/new/a", "/new/b", "/old/a", "/old/b"]);
}

#[test]
fn a_file_that_keeps_changing_is_given_up_and_tried_anew_by_the_next_scan() {
    let mut library = library(&["/m"], &["/m/a"]);
    for attempt in 1..=MAX_ATTEMPTS {
        let job = next_job(&mut library).expect("job");
        let first = library.not_hashed(&job, NotHashed::Changed(stamp(u64::from(attempt))));
        assert_eq!(first, attempt == MAX_ATTEMPTS);
    }
    assert!(next_job(&mut library).is_none());
    let row = library.row(Path::new("/m/a")).expect("row");
    assert!(matches!(row.state, ShareState::Failed { .. }), "{row:?}");
    let scan = library.begin_scan();
    library.found(scan, Path::new("/m"), found("/m/a", row.size), None);
    assert_eq!(hash_all(&mut library), ["/m/a"]);
    assert_eq!(library.totals().failed, 0);
}

#[test]
fn a_hash_that_comes_too_late_is_not_taken() {
    let mut library = library(&["/m"], &["/m/a"]);
    let late = next_job(&mut library).expect("job");
    library.remove(Path::new("/m"), true).expect("removed");
    library.add_root(Path::new("/m"), true, BTreeSet::new());
    let scan = library.begin_scan();
    library.found(scan, Path::new("/m"), found("/m/a", 7), None);
    let current = next_job(&mut library).expect("job");
    assert!(!library.progress(&late, 1) && library.progress(&current, 1));
    let described = described(&library, &late.path, 7);
    assert!(!library.hashed(&late, described.clone()));
    assert!(library.hashed(&current, described));
}

#[test]
fn states_and_totals_follow_a_file() {
    let mut library = library(&["/m"], &["/m/a"]);
    let path = Path::new("/m/a");
    let state = |library: &Library| library.row(path).expect("row").state;
    assert_eq!((state(&library), library.totals().bytes_to_hash), (ShareState::Waiting, 7));
    let job = next_job(&mut library).expect("job");
    assert!(library.progress(&job, 5));
    let hashing = ShareState::Hashing { done: 5, size: 7 };
    assert_eq!((state(&library), library.totals().bytes_to_hash), (hashing, 2));
    let described = described(&library, path, 7);
    let (keys, content) = (described.keys, described.file().manifest.content);
    assert!(library.hashed(&job, described));
    assert_eq!(state(&library), ShareState::Announcing { done: 0, keys });
    library.announced(&content, keys, keys);
    assert_eq!(state(&library), ShareState::Announced { keys });
    assert_eq!(library.totals().keys_announced, u64::from(keys));
    assert!(library.changed(path, Some(stamp(9))).is_some());
    library.announced(&content, 1, keys);
    assert_eq!(state(&library), ShareState::Waiting, "a late report changes nothing");
    assert_eq!(library.totals().bytes_to_hash, 9);
}

#[test]
fn what_was_not_shared_cannot_be_unshared() {
    let mut library = library(&["/m"], &["/m/a"]);
    assert!(library.remove(Path::new("/n"), true).is_none());
    assert!(library.remove(Path::new("/m/typo"), false).is_none());
    assert!(library.remove(Path::new("/m/empty"), true).is_some());
    assert!(library.remove(Path::new("/m/empty"), true).is_none(), "it is excluded already");
}

#[derive(Debug, Clone)]
enum Step {
    Share(&'static str),
    Unshare(&'static str),
    Scan(&'static str, Vec<(&'static str, u64, bool)>),
    Begin,
    Finish(usize),
    Fail(usize, u8),
    Change(&'static str, Option<u64>),
    Announce(&'static str, u32),
}

const PATHS: [&str; 4] = ["/m", "/m/a", "/m/a/b", "/n"];
const FILES: [&str; 6] = ["/m/1", "/m/2", "/m/a/1", "/m/a/b/1", "/n/1", "/n/2"];

fn step() -> impl Strategy<Value = Step> {
    let path = || prop::sample::select(&PATHS[..]);
    let file = || prop::sample::select(&FILES[..]);
    let size = || 1_u64..3;
    let finds = prop::collection::vec((file(), size(), any::<bool>()), 0..8);
    prop_oneof![
        path().prop_map(Step::Share),
        prop_oneof![path(), file()].prop_map(Step::Unshare),
        (path(), finds).prop_map(|(path, finds)| Step::Scan(path, finds)),
        Just(Step::Begin),
        Just(Step::Begin),
        (0_usize..4).prop_map(Step::Finish),
        (0_usize..4, 0_u8..3).prop_map(|(job, why)| Step::Fail(job, why)),
        (file(), prop::option::of(size())).prop_map(|(file, size)| Step::Change(file, size)),
        (file(), 0_u32..9).prop_map(|(file, done)| Step::Announce(file, done)),
    ]
}

fn take(library: &mut Library, jobs: &mut Vec<Job>, step: Step) {
    match step {
        Step::Share(path) => library.add_root(Path::new(path), true, BTreeSet::new()),
        Step::Unshare(path) => {
            library.remove(Path::new(path), true);
            assert!(library.beneath(Path::new(path)).is_empty());
        }
        Step::Scan(root, finds) => {
            let scan = library.begin_scan();
            for (path, size, known) in finds {
                let known = known.then(|| described(library, Path::new(path), size));
                library.found(scan, Path::new(root), found(path, size), known);
            }
            library.end_scan(scan, Path::new(root), Path::new(root));
        }
        Step::Begin => jobs.extend(library.next_jobs()),
        Step::Finish(job) if job < jobs.len() => {
            let job = jobs.swap_remove(job);
            let described = described(library, &job.path, 2);
            library.hashed(&job, described);
        }
        Step::Fail(job, why) if job < jobs.len() => {
            let why = match why {
                0 => NotHashed::Gone,
                1 => NotHashed::Changed(stamp(2)),
                _ => NotHashed::Failed("no".to_owned()),
            };
            library.not_hashed(&jobs.swap_remove(job), why);
        }
        Step::Change(path, size) => drop(library.changed(Path::new(path), size.map(stamp))),
        Step::Announce(path, done) => {
            if let Some(manifest) = library.manifest(Path::new(path)) {
                let keys = u32::try_from(manifest.keys().len()).expect("few");
                library.announced(&manifest.content, done, keys);
            }
        }
        Step::Finish(_) | Step::Fail(..) => {}
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_invariants_hold(steps in prop::collection::vec(step(), 0..60)) {
        let mut library = Library::new(Catalog::default());
        let mut told = HashMap::new();
        let mut jobs = Vec::new();
        let mut generation = library.generation();
        for step in steps {
            take(&mut library, &mut jobs, step);
            check(&mut library, &mut told);
            prop_assert!(library.generation() >= generation);
            generation = library.generation();
        }
        library.remove(Path::new("/"), true);
        check(&mut library, &mut told);
        prop_assert_eq!(library.totals(), ShareTotals::default());
    }
}
