//! A disk that asks a test before it does anything.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::network::content::{
    hash::Stamp,
    store::disk::{Disk, DiskFile, FilePath, Open, RealDisk},
};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Open,
    Read,
    Write,
    Reserve,
    Sync,
    SyncAll,
}

type Hook = dyn Fn(&Path, Call) -> io::Result<()> + Send + Sync;

/// The disk of this machine, and what a test has to say.
#[derive(Clone)]
pub(super) struct HookedDisk(Arc<Hook>);

impl HookedDisk {
    pub(super) fn new(
        hook: impl Fn(&Path, Call) -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self(Arc::new(hook)))
    }
}

impl std::fmt::Debug for HookedDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookedDisk")
    }
}

impl Disk for HookedDisk {
    fn open(&self, path: &FilePath, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let full = path.full();
        self.0(&full, Call::Open)?;
        let file = RealDisk.open(path, how)?;
        Ok(Box::new(HookedFile { path: full, file, hook: self.0.clone() }))
    }

    fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename_to_free(from, to)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_dir(folder)
    }

    fn sync_all(&self, folder: &Path) -> io::Result<()> {
        self.0(folder, Call::SyncAll)?;
        RealDisk.sync_all(folder)
    }
}

struct HookedFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    hook: Arc<Hook>,
}

impl std::fmt::Debug for HookedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

impl DiskFile for HookedFile {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (self.hook)(&self.path, Call::Read)?;
        self.file.read_exact_at(offset, buffer)
    }

    fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        (self.hook)(&self.path, Call::Write)?;
        self.file.write_all_at(offset, data)
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        (self.hook)(&self.path, Call::Reserve)?;
        self.file.reserve(size)
    }

    fn set_len(&self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        (self.hook)(&self.path, Call::Sync)?;
        self.file.sync()
    }

    fn stamp(&self) -> io::Result<Stamp> {
        self.file.stamp()
    }
}
