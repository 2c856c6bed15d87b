//! [`Library`]: every shared file and how far it is. Pure: no file is read here.
//!
//! Invariants: a file is in exactly one state; it is in the catalog while it is served and at no
//! other time; each entry into the catalog is one [`Change::Added`](super::Change::Added), each exit one
//! [`Change::Removed`](super::Change::Removed), told in order; the totals are the sum over the files.

mod read;
mod untold;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::untold::{Change, Untold};
use super::{
    file::{self, Described, LibraryFile, State},
    place::{Place, Placed, is_at_or_beneath},
    roots::Roots,
    scan::Found,
};
use crate::{
    application::{
        catalog::{Catalog, SharedFile},
        message::ShareTotals,
    },
    domain::ContentId,
    network::content::hash::Stamp,
};

/// How often a file that changes while it is read is read again before it is given up.
const MAX_ATTEMPTS: u8 = 3;
/// Files that a worker takes at once: small ones cost less than the lock that they are taken under.
const JOBS: usize = 64;
/// The most bytes of them, so that none waits long behind others.
const JOBS_BYTES: u64 = 1 << 20;

/// Counts scans; a later one has a larger number.
pub(super) type ScanNumber = u64;

/// A file to be hashed.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Names this reading of the file, and no other.
    pub(super) number: u64,
    /// Where it is.
    pub(super) path: Arc<Path>,
}

/// How the reading of a file ended, if not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotHashed {
    /// It is not there any more.
    Gone,
    /// It changed meanwhile, and looks like this now.
    Changed(Stamp),
    /// It cannot be read.
    Failed(String),
}

/// Every shared file.
#[derive(Debug, Default)]
pub(super) struct Library {
    /// The shared paths.
    pub(super) roots: Roots,
    files: BTreeMap<Place, LibraryFile>,
    /// Files to be hashed: the newest scan first, then by path.
    queue: BTreeSet<(Reverse<ScanNumber>, Place)>,
    untold: Untold,
    catalog: Catalog,
    totals: ShareTotals,
    generation: u64,
    scans: ScanNumber,
    jobs: u64,
}

impl Library {
    pub(super) fn new(catalog: Catalog) -> Self {
        Self { catalog, ..Self::default() }
    }

    /// Shares a path, whole: files below it that another root had are its own now.
    pub(super) fn add_root(&mut self, path: &Path, remembered: bool, excluded: BTreeSet<PathBuf>) {
        self.roots.add(path, remembered, excluded);
        self.generation += 1;
        for below in self.beneath(path) {
            if let Some(owner) = self.roots.owner(&below) {
                self.edit(&below, |file| file.root = owner);
            }
        }
    }

    /// Begins a scan, which [`Library::found`] and [`Library::end_scan`] name.
    pub(super) fn begin_scan(&mut self) -> ScanNumber {
        self.scans += 1;
        self.scans
    }

    /// Whether a file that a scan found is news, so that what is remembered of it is of interest.
    pub(super) fn is_news(&self, found: &Found) -> bool {
        self.get(&found.path)
            .is_none_or(|file| file.stamp != found.stamp || matches!(file.state, State::Failed(_)))
    }

    /// A scan of `root` found a file; `known` is what is remembered of it. Returns what was served
    /// in its place.
    pub(super) fn found(
        &mut self,
        scan: ScanNumber,
        root: &Path,
        found: Found,
        known: Option<Described>,
    ) -> Option<Arc<SharedFile>> {
        // The root may be gone by now, or the file excluded from it.
        let owner = self.roots.owner(&found.path).filter(|owner| **owner == *root)?;
        let path: Arc<Path> = Arc::clone(&found.path);
        if !self.is_news(&found) {
            self.saw(&path, scan);
            return None;
        }
        let before = self.take(&path).flatten();
        let (stamp, attempts) = (found.stamp, 0);
        let state = match known {
            Some(described) => self.serve(described),
            None => {
                self.enqueue(Arc::clone(&path), scan);
                State::Waiting
            }
        };
        self.put(path, LibraryFile { root: owner, stamp, scan, attempts, state });
        before
    }

    /// A scan of what `root` has at and beneath a path is over: what it did not find is gone.
    /// Returns what was served of that.
    pub(super) fn end_scan(
        &mut self,
        scan: ScanNumber,
        root: &Path,
        scanned: &Path,
    ) -> Vec<Arc<SharedFile>> {
        let gone = |path: &Arc<Path>| {
            self.get(path).is_some_and(|file| file.scan < scan && *file.root == *root)
        };
        let gone: Vec<_> = self.beneath(scanned).into_iter().filter(gone).collect();
        gone.iter().filter_map(|path| self.take(path)?).collect()
    }

    /// Stops sharing everything at and beneath a path, roots included, and keeps it out of a root
    /// above. Returns how many files that were and those that were served; `None` if nothing was
    /// shared there, and nothing is `there` that a scan could find.
    pub(super) fn remove(
        &mut self,
        path: &Path,
        there: bool,
    ) -> Option<(u64, Vec<Arc<SharedFile>>)> {
        let below = self.beneath(path);
        let roots = self.roots.remove_beneath(path);
        if roots == 0 && below.is_empty() && !there {
            return None;
        }
        let excluded = self.roots.exclude(path);
        if roots == 0 && !excluded {
            return None;
        }
        self.generation += 1;
        let served = below.iter().filter_map(|path| self.take(path)?).collect();
        Some((below.len() as u64, served))
    }

    /// The next files to be hashed: one, or several small ones.
    pub(super) fn next_jobs(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut bytes = 0;
        while jobs.len() < JOBS
            && let Some((_, path)) = self.queue.first()
        {
            bytes += self.get(&path.0).map_or(0, |file| file.stamp.size);
            if bytes > JOBS_BYTES && !jobs.is_empty() {
                break;
            }
            let Some((_, Place(path))) = self.queue.pop_first() else { break };
            self.jobs += 1;
            let number = self.jobs;
            self.edit(&path, |file| file.state = State::Hashing { job: number, read: 0 });
            jobs.push(Job { number, path });
        }
        jobs
    }

    /// Notes how much of a file was read. `false` if nobody wants its hash any more.
    pub(super) fn progress(&mut self, job: &Job, now: u64) -> bool {
        self.is_current(job)
            && self
                .edit(&job.path, |file| {
                    if let State::Hashing { read, .. } = &mut file.state {
                        *read = now.min(file.stamp.size);
                    }
                })
                .is_some()
    }

    /// A file was hashed. `false` if nobody wants that any more.
    pub(super) fn hashed(&mut self, job: &Job, described: Described) -> bool {
        let current = self.is_current(job);
        if current {
            let stamp = described.file().stamp;
            let state = self.serve(described);
            self.edit(&job.path, |file| (file.stamp, file.state) = (stamp, state));
        }
        current
    }

    /// A file could not be hashed. Returns whether it is given up, for the first time in this run.
    pub(super) fn not_hashed(&mut self, job: &Job, why: NotHashed) -> bool {
        if !self.is_current(job) {
            return false;
        }
        let attempts = self.get(&job.path).map_or(0, |file| file.attempts + 1);
        let reason = match why {
            NotHashed::Gone => {
                self.take(&job.path);
                return false;
            }
            NotHashed::Changed(stamp) if attempts < MAX_ATTEMPTS => {
                self.read_again(&job.path, stamp, attempts);
                return false;
            }
            NotHashed::Changed(_) => "it keeps changing while it is read".to_owned(),
            NotHashed::Failed(reason) => reason,
        };
        let first = self.totals.failed == 0;
        self.edit(&job.path, |file| file.state = State::Failed(reason.into()));
        first
    }

    /// A served file is no longer what was hashed, and looks like `now`, if it is there at all.
    /// Returns what was served.
    pub(super) fn changed(&mut self, path: &Path, now: Option<Stamp>) -> Option<Arc<SharedFile>> {
        if !matches!(self.get(path)?.state, State::Served { .. }) {
            return None;
        }
        match now {
            Some(stamp) => self.read_again(path, stamp, 0),
            None => self.take(path)?,
        }
    }

    /// Notes how many keys are announced of the files that have this content and so many keys: a
    /// file with another name may have others.
    pub(super) fn announced(&mut self, content: &ContentId, done: u32, all: u32) {
        for path in self.catalog.paths_of(content) {
            self.edit(&path, |file| match &mut file.state {
                State::Served { keys, announced, .. } if *keys == all => *announced = done.min(all),
                _ => {}
            });
        }
    }

    fn is_current(&self, job: &Job) -> bool {
        self.get(&job.path).is_some_and(
            |file| matches!(file.state, State::Hashing { job: number, .. } if number == job.number),
        )
    }

    /// Puts a file into the catalog.
    fn serve(&mut self, described: Described) -> State {
        let Described { prepared, keys } = described;
        let number = self.catalog.insert(prepared);
        self.untold.push(Change::Added(number));
        State::Served { number, keys, announced: 0 }
    }

    fn withdraw(&mut self, state: &State) -> Option<Arc<SharedFile>> {
        let State::Served { number, .. } = state else { return None };
        let file = Arc::new(self.catalog.remove(*number)?);
        self.untold.push(Change::Removed(*number, Arc::clone(&file)));
        Some(file)
    }

    fn read_again(&mut self, path: &Path, stamp: Stamp, attempts: u8) -> Option<Arc<SharedFile>> {
        let again = |file: &mut LibraryFile| {
            file.stamp = stamp;
            file.attempts = attempts;
            (std::mem::replace(&mut file.state, State::Waiting), file.scan)
        };
        let (before, scan) = self.edit(path, again)?;
        self.enqueue(path.into(), scan);
        self.withdraw(&before)
    }

    fn enqueue(&mut self, path: Arc<Path>, scan: ScanNumber) {
        self.queue.insert((Reverse(scan), Place(path)));
    }

    /// A scan found a file, about which nothing else is to be said.
    pub(super) fn saw(&mut self, path: &Path, scan: ScanNumber) {
        let seen = |file: &mut LibraryFile| {
            let before = file.scan;
            file.scan = before.max(scan);
            before
        };
        if let Some(before) = self.edit(path, seen) {
            let place = Place(path.into());
            let queued = (Reverse(before), place);
            if self.queue.remove(&queued) {
                self.queue.insert((Reverse(scan.max(before)), queued.1));
            }
        }
    }

    /// Adds a file that is not there.
    fn put(&mut self, path: Arc<Path>, file: LibraryFile) {
        self.count(&file, file::add);
        self.files.insert(Place(path), file);
    }

    /// Takes a file away altogether. The inner value is what was served of it.
    fn take(&mut self, path: &Path) -> Option<Option<Arc<SharedFile>>> {
        let (path, file) = self.files.remove_entry(&path as &dyn Placed)?;
        self.count(&file, file::subtract);
        if matches!(file.state, State::Waiting) {
            self.queue.remove(&(Reverse(file.scan), path));
        }
        Some(self.withdraw(&file.state))
    }

    fn edit<T>(&mut self, path: &Path, edit: impl FnOnce(&mut LibraryFile) -> T) -> Option<T> {
        let file = self.files.get_mut(&path as &dyn Placed)?;
        self.generation += 1;
        count(&mut self.roots, &mut self.totals, file, file::subtract);
        let out = edit(file);
        count(&mut self.roots, &mut self.totals, file, file::add);
        Some(out)
    }

    fn count(&mut self, file: &LibraryFile, apply: fn(&mut u64, u64)) {
        self.generation += 1;
        count(&mut self.roots, &mut self.totals, file, apply);
    }

    fn get(&self, path: &Path) -> Option<&LibraryFile> {
        self.files.get(&path as &dyn Placed)
    }

    /// The files at or beneath a path, which are neighbours.
    pub(super) fn beneath(&self, path: &Path) -> Vec<Arc<Path>> {
        let from = (Bound::Included(&path as &dyn Placed), Bound::Unbounded);
        let files = self.files.range::<dyn Placed, _>(from).map(|(place, _)| &place.0);
        files.take_while(|file| is_at_or_beneath(file, path)).cloned().collect()
    }
}

/// Adds a file to the totals and to its root, or takes it out.
fn count(
    roots: &mut Roots,
    totals: &mut ShareTotals,
    file: &LibraryFile,
    apply: fn(&mut u64, u64),
) {
    if let Some(root) = roots.get_mut(&file.root) {
        apply(&mut root.files, 1);
        apply(&mut root.bytes, file.stamp.size);
    }
    file.count(totals, apply);
}

#[cfg(test)]
mod tests;
