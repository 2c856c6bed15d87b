//! The few things that a store asks of a disk, so that a test can be a disk that loses what was
//! not synced.

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FallocateFlags, Mode, OFlags, RenameFlags, ResolveFlags};

use crate::network::content::hash::Stamp;

/// A file below a folder. What leads to it from there is never followed through a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath {
    /// The folder, which is trusted.
    pub base: Arc<Path>,
    /// The way from there, which came from a peer.
    pub rel: PathBuf,
}

impl FilePath {
    /// A file in a folder.
    #[must_use]
    pub fn new(base: impl Into<Arc<Path>>, rel: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), rel: rel.into() }
    }

    /// The whole path.
    #[must_use]
    pub fn full(&self) -> PathBuf {
        self.base.join(&self.rel)
    }
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// It must be there.
    Existing,
    /// It must not be there.
    New,
    /// It is created if it is not there, with the folders that lead to it.
    Either,
}

/// A disk.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// As of `open(2)`.
    fn open(&self, path: &FilePath, how: Open) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file or folder another name, unless that is taken (`AlreadyExists`).
    ///
    /// # Errors
    /// As of `rename(2)`.
    fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// As of `fsync(2)`.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;

    /// Makes everything durable that was written to the file system on which a folder lies.
    ///
    /// # Errors
    /// As of `syncfs(2)`.
    fn sync_all(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Reads into the whole buffer.
    ///
    /// # Errors
    /// `UnexpectedEof` where the file ends before.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of it.
    ///
    /// # Errors
    /// As of `write(2)`.
    fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Gives the file a length and, where the file system can, the room for it.
    ///
    /// # Errors
    /// `StorageFull` when there is no room.
    fn reserve(&self, size: u64) -> io::Result<()>;

    /// Gives the file a length; what is new of it reads as zeros and takes no room.
    ///
    /// # Errors
    /// As of `ftruncate(2)`.
    fn set_len(&self, size: u64) -> io::Result<()>;

    /// Makes what was written durable.
    ///
    /// # Errors
    /// As of `fsync(2)`: what was written since the last time may be lost then.
    fn sync(&self) -> io::Result<()>;

    /// What it looks like from outside.
    ///
    /// # Errors
    /// As of `fstat(2)`.
    fn stamp(&self) -> io::Result<Stamp>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &FilePath, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = match how {
            Open::Existing => flags,
            Open::New => flags | OFlags::CREATE | OFlags::EXCL,
            Open::Either => flags | OFlags::CREATE,
        };
        let open = || open_beneath(path, flags);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && how == Open::Either => {
                std::fs::create_dir_all(path.full().parent().unwrap_or(&path.base))?;
                open()?
            }
            file => file?,
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(Box::new(file))
    }

    fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        let here = rustix::fs::CWD;
        match rustix::fs::renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                // A file system without that flag: a link is refused where a name exists.
                std::fs::hard_link(from, to)?;
                std::fs::remove_file(from)
            }
            result => Ok(result?),
        }
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn sync_all(&self, folder: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(folder)?)?)
    }
}

/// Opens a file so that no link on the way leads elsewhere, also one that was put there a moment
/// ago.
fn open_beneath(path: &FilePath, flags: OFlags) -> io::Result<File> {
    let folder = File::open(&path.base)?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    // A mode without a file to create is an error to openat2.
    let creates = flags.contains(OFlags::CREATE);
    let mode = if creates { Mode::from_raw_mode(0o644) } else { Mode::empty() };
    match rustix::fs::openat2(&folder, &path.rel, flags, mode, resolve) {
        // A kernel before 5.6: the last part of the path at least is not followed.
        Err(rustix::io::Errno::NOSYS) => {
            Ok(rustix::fs::openat(&folder, &path.rel, flags, mode)?.into())
        }
        file => Ok(file?.into()),
    }
}

impl DiskFile for File {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        FileExt::write_all_at(self, data, offset)
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        self.set_len(size)?;
        if size == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(self, FallocateFlags::empty(), 0, size) {
            Ok(()) => Ok(()),
            // Some file systems cannot reserve: look whether there is room at all.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                let free = rustix::fs::fstatvfs(self)?;
                if free.f_bavail.saturating_mul(free.f_frsize) < size {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn set_len(&self, size: u64) -> io::Result<()> {
        Self::set_len(self, size)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn stamp(&self) -> io::Result<Stamp> {
        Ok(Stamp::of(&self.metadata()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_on_the_way_leads_out() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir_all(&inside).expect("folder");
        std::fs::create_dir_all(&outside).expect("folder");
        std::os::unix::fs::symlink(&outside, inside.join("link")).expect("link");
        std::fs::write(outside.join("there"), "x").expect("written");
        std::os::unix::fs::symlink(outside.join("there"), inside.join("file")).expect("link");
        for rel in ["link/new", "link/there", "file", "../out/there", "/etc/hostname"] {
            let path = FilePath::new(inside.as_path(), rel);
            assert!(RealDisk.open(&path, Open::Either).is_err(), "{rel}");
        }
        assert_eq!(std::fs::read_dir(&outside).expect("readable").count(), 1);
        let path = FilePath::new(inside.as_path(), "a/b/c");
        RealDisk.open(&path, Open::Either).expect("its folders are made");
        assert!(RealDisk.open(&path, Open::New).is_err(), "it is there");
    }

    #[test]
    fn a_name_that_is_taken_stays_what_it_is() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, "a").expect("written");
        std::fs::write(&b, "b").expect("written");
        let error = RealDisk.rename_to_free(&a, &b).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&b).expect("kept"), b"b");
        RealDisk.rename_to_free(&a, &folder.path().join("c")).expect("free");
    }

    #[test]
    fn more_than_there_is_cannot_be_reserved() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let path = FilePath::new(folder.path(), "huge");
        let file = RealDisk.open(&path, Open::New).expect("created");
        assert!(file.reserve(1 << 50).is_err());
    }
}
