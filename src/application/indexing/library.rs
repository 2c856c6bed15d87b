//! [`Library`]: every shared file and how far it is. Pure: no file is read here.
//!
//! Invariants: a file is in exactly one state; it is in the catalog while it is served and at no
//! other time; each entry into the catalog is one [`Change::Added`], each exit one
//! [`Change::Removed`], told in order; the totals are the sum over the files.

mod read;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Change,
    file::{self, Described, LibraryFile, State},
    roots::Roots,
    scan::Found,
};
use crate::{
    application::{
        catalog::{Catalog, SharedFile},
        message::{Notice, ShareTotals},
    },
    network::content::hash::Stamp,
};

/// How often a file that changes while it is read is read again before it is given up.
const MAX_ATTEMPTS: u8 = 3;

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
    files: BTreeMap<Arc<Path>, LibraryFile>,
    /// Files to be hashed: the newest scan first, then by path.
    queue: BTreeSet<(Reverse<ScanNumber>, Arc<Path>)>,
    changes: VecDeque<Change>,
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
        self.files
            .get(&*found.path)
            .is_none_or(|file| file.stamp != found.stamp || matches!(file.state, State::Failed(_)))
    }

    /// A scan of `root` found a file; `known` is what is remembered of it.
    pub(super) fn found(
        &mut self,
        scan: ScanNumber,
        root: &Path,
        found: Found,
        known: Option<Described>,
    ) {
        // The root may be gone by now, or the file excluded from it.
        let Some(owner) = self.roots.owner(&found.path).filter(|owner| **owner == *root) else {
            return;
        };
        let path: Arc<Path> = Arc::clone(&found.path);
        if !self.is_news(&found) {
            self.seen(path, scan);
            return;
        }
        self.take(&path);
        let state = State::Waiting;
        let file = LibraryFile { root: owner, stamp: found.stamp, scan, attempts: 0, state };
        self.put(Arc::clone(&path), file);
        match known {
            Some(described) => self.serve(&path, described),
            None => self.enqueue(path, scan),
        }
    }

    /// A scan of `root` is over: what it did not find is gone. Returns what was served of that.
    pub(super) fn end_scan(&mut self, scan: ScanNumber, root: &Path) -> Vec<Arc<SharedFile>> {
        let gone = |path: &Arc<Path>| {
            self.files.get(path).is_some_and(|file| file.scan < scan && *file.root == *root)
        };
        let gone: Vec<_> = self.beneath(root).into_iter().filter(gone).collect();
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

    /// The next file to be hashed.
    pub(super) fn next_job(&mut self) -> Option<Job> {
        let (_, path) = self.queue.pop_first()?;
        self.jobs += 1;
        let job = self.jobs;
        self.edit(&path, |file| file.state = State::Hashing { job, read: 0 });
        Some(Job { number: job, path })
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
            self.serve(&job.path, described);
        }
        current
    }

    /// A file could not be hashed. Returns whether it is given up, for the first time in this run.
    pub(super) fn not_hashed(&mut self, job: &Job, why: NotHashed) -> bool {
        if !self.is_current(job) {
            return false;
        }
        let attempts = self.files.get(&job.path).map_or(0, |file| file.attempts + 1);
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
        self.edit(&job.path, |file| file.state = State::Failed(reason));
        first
    }

    /// A served file is no longer what was hashed, and looks like `now`, if it is there at all.
    /// Returns what was served.
    pub(super) fn changed(&mut self, path: &Path, now: Option<Stamp>) -> Option<Arc<SharedFile>> {
        let served = match &self.files.get(path)?.state {
            State::Served { described, .. } => Arc::clone(&described.file),
            _ => return None,
        };
        match now {
            Some(stamp) => self.read_again(path, stamp, 0),
            None => {
                self.take(path);
            }
        }
        Some(served)
    }

    /// Notes how many keys of a file are announced.
    pub(super) fn announced(&mut self, shared: &SharedFile, done: u32, keys: u32) {
        let is_it = |file: &LibraryFile| {
            matches!(&file.state, State::Served { described, .. }
                if described.file.manifest == shared.manifest)
        };
        if self.files.get(&*shared.path).is_some_and(is_it) {
            self.edit(&shared.path, |file| {
                if let State::Served { described, announced } = &mut file.state {
                    described.keys = keys;
                    *announced = done.min(keys);
                }
            });
        }
    }

    /// Something to tell a person.
    pub(super) fn notify(&mut self, notice: Notice) {
        self.changes.push_back(Change::Notice(notice));
    }

    /// What was not told yet, oldest first.
    pub(super) fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    fn is_current(&self, job: &Job) -> bool {
        self.files.get(&job.path).is_some_and(
            |file| matches!(file.state, State::Hashing { job: number, .. } if number == job.number),
        )
    }

    fn serve(&mut self, path: &Path, described: Described) {
        self.catalog.insert(Arc::clone(&described.file));
        self.changes.push_back(Change::Added(Arc::clone(&described.file)));
        self.edit(path, |file| {
            file.stamp = described.file.stamp;
            file.state = State::Served { described, announced: 0 };
        });
    }

    fn withdraw(&mut self, path: &Path) -> Option<Arc<SharedFile>> {
        let file = self.catalog.remove(path)?;
        self.changes.push_back(Change::Removed(Arc::clone(&file)));
        Some(file)
    }

    fn read_again(&mut self, path: &Path, stamp: Stamp, attempts: u8) {
        self.withdraw(path);
        let again = |file: &mut LibraryFile| {
            file.stamp = stamp;
            file.attempts = attempts;
            file.state = State::Waiting;
            file.scan
        };
        if let Some(scan) = self.edit(path, again) {
            self.enqueue(path.into(), scan);
        }
    }

    fn enqueue(&mut self, path: Arc<Path>, scan: ScanNumber) {
        self.queue.insert((Reverse(scan), path));
    }

    /// A file that is known was found again.
    fn seen(&mut self, path: Arc<Path>, scan: ScanNumber) {
        let seen = |file: &mut LibraryFile| {
            let before = file.scan;
            file.scan = before.max(scan);
            before
        };
        if let Some(before) = self.edit(&path, seen)
            && self.queue.remove(&(Reverse(before), Arc::clone(&path)))
        {
            self.enqueue(path, scan.max(before));
        }
    }

    /// Adds a file that is not there.
    fn put(&mut self, path: Arc<Path>, file: LibraryFile) {
        self.count(&file, file::add);
        self.files.insert(path, file);
    }

    /// Takes a file away altogether. The inner value is what was served of it.
    fn take(&mut self, path: &Path) -> Option<Option<Arc<SharedFile>>> {
        let (path, file) = self.files.remove_entry(path)?;
        self.count(&file, file::subtract);
        self.queue.remove(&(Reverse(file.scan), Arc::clone(&path)));
        Some(self.withdraw(&path))
    }

    fn edit<T>(&mut self, path: &Path, edit: impl FnOnce(&mut LibraryFile) -> T) -> Option<T> {
        let (path, mut file) = self.files.remove_entry(path)?;
        self.count(&file, file::subtract);
        let out = edit(&mut file);
        self.count(&file, file::add);
        self.files.insert(path, file);
        Some(out)
    }

    /// Adds a file to the totals, or takes it out.
    fn count(&mut self, file: &LibraryFile, apply: fn(&mut u64, u64)) {
        self.generation += 1;
        if let Some(root) = self.roots.get_mut(&file.root) {
            apply(&mut root.files, 1);
            apply(&mut root.bytes, file.stamp.size);
        }
        file.count(&mut self.totals, apply);
    }

    /// The files at or beneath a path: neighbours, as paths are compared part by part.
    fn beneath(&self, path: &Path) -> Vec<Arc<Path>> {
        let from = (Bound::Included(path), Bound::Unbounded);
        let files = self.files.range::<Path, _>(from).map(|(path, _)| path);
        files.take_while(|file| file.starts_with(path)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
