//! A disk in memory that writes down whatever happens to it, so that afterwards the power can have
//! failed at any moment.
//!
//! What it promises is what POSIX does and no more: bytes and lengths are durable after a sync of
//! their file, names after a sync of their folder. What was not synced may be there in part, in any
//! order. After a sync that failed, what was to be synced is lost for good, although the next sync
//! succeeds: as Linux has it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use rand::{Rng, rngs::StdRng, seq::SliceRandom};

use crate::network::content::{
    hash::Stamp,
    store::disk::{Disk, DiskFile, FilePath, Open},
};

/// What of a write comes to the disk as a whole or not at all.
const PAGE: usize = 4096;

type Inode = usize;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Create(PathBuf, Inode),
    Rename(PathBuf, PathBuf),
    Write(Inode, u64, Vec<u8>),
    SetLen(Inode, u64),
    Sync(Inode),
    SyncFailed(Inode),
    SyncDir(PathBuf),
    SyncAll,
    /// A test's own word for how far it is.
    Mark(usize),
}

/// The disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrashDisk {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, Inode>,
    files: Vec<Vec<u8>>,
    /// What was there from the beginning, durably.
    base: (BTreeMap<PathBuf, Inode>, Vec<Vec<u8>>),
    log: Vec<Op>,
    /// Which sync fails, counted from the first.
    failing_sync: Option<usize>,
    syncs: usize,
}

impl CrashDisk {
    /// An empty one, one sync of which fails.
    pub(crate) fn with_failing_sync(nth: Option<usize>) -> Self {
        let disk = Self::default();
        disk.lock().failing_sync = nth;
        disk
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().expect("not poisoned")
    }

    fn note(&self, op: Op) {
        self.lock().log.push(op);
        self.shared.1.notify_all();
    }

    /// Writes down how far a test is.
    pub(crate) fn mark(&self, number: usize) {
        self.note(Op::Mark(number));
    }

    /// What happened so far.
    pub(crate) fn log(&self) -> Vec<Op> {
        self.lock().log.clone()
    }

    /// Waits until a file was synced since an operation, or any sync failed; whether none did.
    pub(crate) fn wait_for_sync(&self, path: &Path, since: usize) -> bool {
        let is_synced = |state: &State| {
            let inode = state.names.get(path);
            let synced = |op: &Op| match op {
                Op::Sync(of) => (Some(of) == inode).then_some(true),
                Op::SyncFailed(_) => Some(false),
                _ => None,
            };
            state.log[since..].iter().find_map(synced)
        };
        let patience = Duration::from_secs(60);
        let is_not = |state: &mut State| is_synced(state).is_none();
        let waiting = self.shared.1.wait_timeout_while(self.lock(), patience, is_not);
        let state = waiting.expect("not poisoned").0;
        is_synced(&state).unwrap_or_else(|| panic!("{path:?} is never synced"))
    }

    /// How much happened so far.
    pub(crate) fn operations(&self) -> usize {
        self.lock().log.len()
    }

    /// The bytes of a file, if there is one of this name.
    pub(crate) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        state.names.get(path).map(|inode| state.files[*inode].clone())
    }

    /// What is left when the power fails after so many operations.
    pub(crate) fn after_crash(&self, operations: usize, rng: &mut StdRng) -> Self {
        let state = self.lock();
        let log = &state.log[..operations];
        let files: Vec<_> = (0..state.files.len())
            .map(|inode| left_of(inode, state.base.1.get(inode), log, rng))
            .collect();
        let names = names_left(&state.base.0, log, rng);
        let left = State {
            names: names.clone(),
            files: files.clone(),
            base: (names, files),
            ..State::default()
        };
        Self { shared: Arc::new((Mutex::new(left), Condvar::new())) }
    }
}

/// What is left of a file.
fn left_of(inode: Inode, base: Option<&Vec<u8>>, log: &[Op], rng: &mut StdRng) -> Vec<u8> {
    let mut durable = base.cloned().unwrap_or_default();
    let mut pending: Vec<&Op> = Vec::new();
    for op in log {
        match op {
            Op::Write(of, ..) | Op::SetLen(of, _) if *of == inode => pending.push(op),
            Op::SyncAll => pending.drain(..).for_each(|op| apply(&mut durable, op)),
            Op::Sync(of) if *of == inode => {
                pending.drain(..).for_each(|op| apply(&mut durable, op));
            }
            Op::SyncFailed(of) if *of == inode => {
                // The bytes are given up; lengths are kept elsewhere.
                let given_up = std::mem::take(&mut pending);
                let lengths = given_up.into_iter().filter(|op| matches!(op, Op::SetLen(..)));
                lengths.for_each(|op| apply(&mut durable, op));
            }
            _ => {}
        }
    }
    match rng.random_range(0..4_u8) {
        0 => return durable,
        1 => {}
        2 => {
            pending.truncate(rng.random_range(0..=pending.len()));
        }
        _ => {
            pending.retain(|_| rng.random());
            pending.shuffle(rng);
        }
    }
    for op in pending {
        apply(&mut durable, &torn(op, rng));
    }
    durable
}

/// A write of which not every page came to the disk.
fn torn(op: &Op, rng: &mut impl Rng) -> Op {
    let Op::Write(inode, offset, data) = op else { return op.clone() };
    match rng.random_range(0..3_u8) {
        0 => op.clone(),
        1 => {
            let length = rng.random_range(0..=data.len());
            Op::Write(*inode, *offset, data[..length].to_vec())
        }
        _ => {
            // One run of pages, from somewhere in the middle.
            let start = rng.random_range(0..=data.len() / PAGE) * PAGE;
            let end = data.len().min(start + rng.random_range(1..=16) * PAGE);
            Op::Write(*inode, offset + start as u64, data[start.min(end)..end].to_vec())
        }
    }
}

fn apply(file: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(_, offset, data) => {
            let offset = *offset as usize;
            file.resize(file.len().max(offset + data.len()), 0);
            file[offset..offset + data.len()].copy_from_slice(data);
        }
        Op::SetLen(_, size) => file.resize(*size as usize, 0),
        _ => {}
    }
}

/// The names that are left: those that were synced, and any of the others.
fn names_left(
    base: &BTreeMap<PathBuf, Inode>,
    log: &[Op],
    rng: &mut StdRng,
) -> BTreeMap<PathBuf, Inode> {
    let mut names = base.clone();
    let mut pending: Vec<&Op> = Vec::new();
    for op in log {
        match op {
            Op::Create(..) | Op::Rename(..) => pending.push(op),
            Op::SyncAll => pending.drain(..).for_each(|op| rename(&mut names, op)),
            Op::SyncDir(folder) => {
                let is_in = |op: &&Op| match op {
                    Op::Create(path, _) | Op::Rename(_, path) => path.parent() == Some(folder),
                    _ => false,
                };
                let (synced, others): (Vec<_>, _) = pending.drain(..).partition(is_in);
                synced.into_iter().for_each(|op| rename(&mut names, op));
                pending = others;
            }
            _ => {}
        }
    }
    for op in pending {
        if rng.random() {
            rename(&mut names, op);
        }
    }
    names
}

fn rename(names: &mut BTreeMap<PathBuf, Inode>, op: &Op) {
    match op {
        Op::Create(path, inode) => {
            names.insert(path.clone(), *inode);
        }
        Op::Rename(from, to) => {
            // A folder goes with all that is in it.
            let moved: Vec<_> =
                names.keys().filter(|path| path.starts_with(from)).cloned().collect();
            for path in moved {
                let Some(inode) = names.remove(&path) else { continue };
                let rel = path.strip_prefix(from).expect("below it");
                let empty = rel.as_os_str().is_empty();
                names.insert(if empty { to.clone() } else { to.join(rel) }, inode);
            }
        }
        _ => {}
    }
}

impl Disk for CrashDisk {
    fn open(&self, path: &FilePath, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let full = path.full();
        let mut state = self.lock();
        let inode = match (state.names.get(&full).copied(), how) {
            (Some(_), Open::New) => return Err(io::ErrorKind::AlreadyExists.into()),
            (None, Open::Existing) => return Err(io::ErrorKind::NotFound.into()),
            (Some(inode), _) => inode,
            (None, _) => {
                let inode = state.files.len();
                state.files.push(Vec::new());
                state.names.insert(full.clone(), inode);
                state.log.push(Op::Create(full, inode));
                inode
            }
        };
        drop(state);
        Ok(Box::new(CrashFile { disk: self.clone(), inode }))
    }

    fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        if state.names.keys().any(|path| path.starts_with(to)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let op = Op::Rename(from.to_owned(), to.to_owned());
        rename(&mut state.names, &op);
        state.log.push(op);
        Ok(())
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        self.note(Op::SyncDir(folder.to_owned()));
        Ok(())
    }

    fn sync_all(&self, _: &Path) -> io::Result<()> {
        self.note(Op::SyncAll);
        Ok(())
    }
}

#[derive(Debug)]
struct CrashFile {
    disk: CrashDisk,
    inode: Inode,
}

impl CrashFile {
    fn change(&self, op: Op) {
        apply(&mut self.disk.lock().files[self.inode], &op);
        self.disk.note(op);
    }
}

impl DiskFile for CrashFile {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let state = self.disk.lock();
        let end = offset as usize + buffer.len();
        let data = state.files[self.inode].get(offset as usize..end);
        buffer.copy_from_slice(data.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Op::Write(self.inode, offset, data.to_vec()));
        Ok(())
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn set_len(&self, size: u64) -> io::Result<()> {
        self.change(Op::SetLen(self.inode, size));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.syncs += 1;
        let fails = Some(state.syncs - 1) == state.failing_sync;
        drop(state);
        self.disk.note(if fails { Op::SyncFailed(self.inode) } else { Op::Sync(self.inode) });
        if fails { Err(io::Error::other("the disk does not answer")) } else { Ok(()) }
    }

    /// A file looks the same while nobody writes to it, whatever became of it in a crash: nothing
    /// can be read from that.
    fn stamp(&self) -> io::Result<Stamp> {
        let size = self.disk.lock().files[self.inode].len() as u64;
        Ok(Stamp { dev: 0, inode: self.inode as u64, size, mtime: 0, mtime_ns: 0 })
    }
}
