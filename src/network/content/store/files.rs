//! The open files of a store: data, outboards, and the file that says what is durable.

use std::{
    collections::{HashSet, VecDeque},
    io,
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    Plan, Proof,
    disk::{Disk, DiskFile, FilePath, Open},
};
use crate::{
    domain::blocks::{BLOCK, SPAN},
    network::content::{
        hash::Stamp,
        layout::Placed,
        tree::{PAIR, Parent},
    },
};

/// Files that are kept open at the same time; a collection may have very many.
const MAX_OPEN: usize = 32;
/// Files that are synced one by one; more are synced with all else on their file system.
const MAX_SINGLE_SYNCS: usize = 16;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Data,
    Outboard,
}

type Key = (Kind, usize);
type Handle = Arc<dyn DiskFile>;

/// The files of a store.
#[derive(Debug)]
pub(super) struct Files {
    disk: Arc<dyn Disk>,
    pub(super) plan: Plan,
    open: Mutex<VecDeque<(Key, Handle)>>,
    dirty: Mutex<HashSet<Key>>,
    /// Files may have come whose names are not durable.
    new_names: AtomicBool,
}

impl Files {
    pub(super) fn new(disk: Arc<dyn Disk>, plan: Plan) -> Self {
        Self {
            disk,
            plan,
            open: Mutex::default(),
            dirty: Mutex::default(),
            new_names: AtomicBool::new(true),
        }
    }

    /// The file that says what is durable.
    pub(super) fn progress(&self) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(&FilePath::new(self.plan.state.clone(), "progress"), Open::Either)
    }

    /// Reserves the room for a single file. That of many is taken as they come.
    pub(super) fn make_room(&self, resumed: bool) -> io::Result<()> {
        let [file] = self.plan.layout.files() else { return Ok(()) };
        let data = self.data(0)?;
        if !resumed || data.stamp()?.size != file.size {
            data.reserve(file.size)?;
        }
        Ok(())
    }

    /// The bytes of some blocks of a file.
    pub(super) fn bytes_of(&self, file: usize, blocks: &Range<u64>) -> io::Result<Range<u64>> {
        let size = self.placed(file)?.size;
        let end = blocks.end.saturating_mul(BLOCK).min(size);
        let start = blocks.start.saturating_mul(BLOCK);
        let fits = start < end && blocks.end <= size.div_ceil(BLOCK);
        fits.then_some(start..end).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// Writes bytes of a file.
    pub(super) fn write(&self, file: usize, offset: u64, data: &[u8]) -> io::Result<()> {
        self.data(file)?.write_all_at(offset, data)?;
        self.dirty().insert((Kind::Data, file));
        Ok(())
    }

    /// Keeps the pairs that prove blocks of a file, if it is one that has an outboard.
    pub(super) fn keep(&self, file: usize, proof: &Proof) -> io::Result<()> {
        let placed = *self.placed(file)?;
        if !has_outboard(&placed) {
            return Ok(());
        }
        let outboard = self.outboard(file, Open::Either)?;
        let parents = placed.tree().parents(proof.blocks.clone());
        for (first, pairs) in runs(parents) {
            let bytes = proof.pairs.get(pairs).ok_or(io::ErrorKind::InvalidInput)?;
            outboard.write_all_at(first * PAIR as u64, bytes)?;
        }
        self.dirty().insert((Kind::Outboard, file));
        Ok(())
    }

    /// The pairs that prove blocks of a file, appended to `out`. A file without an outboard must be
    /// here as a whole.
    pub(super) fn pairs(
        &self,
        file: usize,
        blocks: Range<u64>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let placed = *self.placed(file)?;
        let tree = placed.tree();
        if has_outboard(&placed) {
            let outboard = self.outboard(file, Open::Existing)?;
            for (first, pairs) in runs(tree.parents(blocks)) {
                let start = out.len();
                out.resize(start + pairs.len(), 0);
                outboard.read_exact_at(first * PAIR as u64, &mut out[start..])?;
            }
            return Ok(());
        }
        let (mut data, mut all) = (Vec::new(), Vec::new());
        self.append(file, 0..placed.size, &mut data)?;
        tree.subtree(&tree.block_cvs(0, &data), &mut all);
        for (first, pairs) in runs(tree.parents(blocks)) {
            let start = usize::try_from(first).map_err(io::Error::other)? * PAIR;
            out.extend_from_slice(&all[start..start + pairs.len()]);
        }
        Ok(())
    }

    /// Bytes of a file, appended to `out`.
    pub(super) fn append(
        &self,
        file: usize,
        bytes: Range<u64>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let start = out.len();
        let length = usize::try_from(bytes.end - bytes.start).map_err(io::Error::other)?;
        out.resize(start + length, 0);
        self.existing(file)?.read_exact_at(bytes.start, &mut out[start..])
    }

    /// Creates the files that have no bytes.
    pub(super) fn create_empty(&self) -> io::Result<()> {
        let files = self.plan.layout.files().iter().enumerate();
        let empty =
            files.filter(|(file, placed)| placed.size == 0 && !self.plan.unwanted.contains(file));
        for (file, _) in empty {
            self.data(file)?;
        }
        Ok(())
    }

    /// Makes everything durable that was written, and the names under which it is found.
    pub(super) fn sync(&self) -> io::Result<()> {
        let dirty: Vec<Key> = self.dirty().iter().copied().collect();
        let open: Vec<_> = dirty.iter().filter_map(|key| self.opened(*key)).collect();
        let names = self.new_names.swap(false, Ordering::Relaxed);
        let single = matches!(self.plan.layout.files(), [_]);
        let few = open.len() == dirty.len() && dirty.len() <= MAX_SINGLE_SYNCS;
        if few && (single || !names) {
            open.iter().try_for_each(|file| file.sync())?;
            if names {
                self.disk.sync_dir(&self.base())?;
                self.disk.sync_dir(&self.plan.state)?;
            }
        } else {
            self.disk.sync_all(&self.base())?;
            self.disk.sync_all(&self.plan.state)?;
        }
        let mut left = self.dirty();
        left.retain(|key| !dirty.contains(key));
        Ok(())
    }

    /// Makes the names of the files durable as well.
    pub(super) fn sync_names(&self) -> io::Result<()> {
        match self.plan.layout.files() {
            [_] => self.disk.sync_dir(&self.base()),
            _ => self.disk.sync_all(&self.base()),
        }
    }

    /// Stands for what all files look like from outside: changes with any of them. The outboards,
    /// too: a wrong proof would have this node banned by those whom it serves.
    pub(super) fn look(&self) -> io::Result<[u8; 32]> {
        let mut hasher = blake3::Hasher::new();
        for (file, placed) in self.plan.layout.files().iter().enumerate() {
            look_at(self.existing(file), &mut hasher)?;
            if has_outboard(placed) {
                look_at(self.outboard(file, Open::Existing), &mut hasher)?;
            }
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// Closes all files.
    pub(super) fn close(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn placed(&self, file: usize) -> io::Result<&Placed> {
        self.plan.layout.files().get(file).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn data(&self, file: usize) -> io::Result<Handle> {
        self.handle((Kind::Data, file), || {
            self.new_names.store(true, Ordering::Relaxed);
            self.disk.open(&self.plan.paths[file], Open::Either)
        })
    }

    /// A data file, if it is there.
    fn existing(&self, file: usize) -> io::Result<Handle> {
        self.handle((Kind::Data, file), || self.disk.open(&self.plan.paths[file], Open::Existing))
    }

    fn outboard(&self, file: usize, how: Open) -> io::Result<Handle> {
        let path = FilePath::new(self.plan.state.clone(), outboard_name(file));
        self.handle((Kind::Outboard, file), || {
            let opened = self.disk.open(&path, how)?;
            let length = self.placed(file)?.tree().outboard_len();
            if how == Open::Either {
                self.new_names.store(true, Ordering::Relaxed);
                if opened.stamp()?.size != length {
                    opened.set_len(length)?;
                }
            }
            Ok(opened)
        })
    }

    fn handle(
        &self,
        key: Key,
        open: impl FnOnce() -> io::Result<Box<dyn DiskFile>>,
    ) -> io::Result<Handle> {
        if let Some(handle) = self.opened(key) {
            return Ok(handle);
        }
        let handle: Handle = open()?.into();
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_OPEN {
            all.pop_front();
        }
        all.push_back((key, handle.clone()));
        Ok(handle)
    }

    fn opened(&self, key: Key) -> Option<Handle> {
        let all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().rev().find(|(other, _)| *other == key).map(|(_, handle)| handle.clone())
    }

    fn dirty(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base(&self) -> Arc<Path> {
        self.plan.paths.first().map_or_else(|| self.plan.state.clone(), |path| path.base.clone())
    }
}

/// Adds what a file looks like, if it is there.
fn look_at(file: io::Result<Handle>, hasher: &mut blake3::Hasher) -> io::Result<()> {
    let Stamp { dev, inode, size, mtime, mtime_ns } = match file {
        Ok(file) => file.stamp()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            hasher.update(b"-");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for number in [dev, inode, size, mtime.cast_unsigned(), mtime_ns.cast_unsigned()] {
        hasher.update(&number.to_le_bytes());
    }
    Ok(())
}

/// The name of the outboard of a file in the folder of a transfer.
pub(super) fn outboard_name(file: usize) -> String {
    format!("{file}.obao")
}

/// Whether the pairs of a file are stored: of a file of one span they are made when needed.
pub(super) const fn has_outboard(file: &Placed) -> bool {
    file.size > SPAN
}

/// Consecutive parents: the first one's number, and where their pairs lie in a proof.
fn runs(parents: impl Iterator<Item = Parent>) -> Vec<(u64, Range<usize>)> {
    let mut runs: Vec<(u64, Range<usize>)> = Vec::new();
    for (parent, at) in parents.zip((0..).step_by(PAIR)) {
        match runs.last_mut() {
            Some((first, pairs)) if *first + (pairs.len() / PAIR) as u64 == parent.index => {
                pairs.end += PAIR;
            }
            _ => runs.push((parent.index, at..at + PAIR)),
        }
    }
    runs
}
