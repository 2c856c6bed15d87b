//! Hashing: one read of a file gives its SHA-1, its BLAKE3 root and its outboard.
//!
//! The outboard is the inside of the BLAKE3 tree down to the block: with it any part of the file
//! can be proven without reading the rest. It is stored only for files of more than a span; of a
//! smaller one it is made from the data when it is asked for ([`Outboard`]).
//!
//! The slow half is SHA-1. Of a large file it is computed on a second thread where a core is
//! idle, so that such a file takes as long as SHA-1 alone; where all cores hash already, each
//! thread does both halves of its own file. Memory does not grow with the file: a few spans are
//! on their way between the two, and no more.
//!
//! Invariant: an outboard appears under its final name complete or not at all. It is not synced
//! to the disk: whoever serves from it validates against the root, so one that a power failure
//! tore is found out, and the file is hashed again.

mod lane;
mod outboard;
mod spans;

use std::{
    fs::{self, File, OpenOptions},
    io,
    ops::{ControlFlow, Range},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
    thread,
};

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

pub use self::outboard::{Outboard, open_outboard, remove_outboard, sweep_unfinished};
use self::{
    lane::{Busy, Lane},
    outboard::Unfinished,
    spans::Spans,
};
use crate::domain::{
    ContentId, Root, Sha1Hash,
    blocks::{SPAN, span, span_count},
};

/// What a file looks like from outside. As long as it stays the same, so does the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The device the file is on.
    pub dev: u64,
    /// The file's number on that device.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When it was last written: seconds since the epoch.
    pub mtime: i64,
    /// And nanoseconds.
    pub mtime_ns: i64,
}

impl Stamp {
    /// The stamp in a file's metadata.
    #[must_use]
    pub fn of(metadata: &fs::Metadata) -> Self {
        Self {
            dev: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime: metadata.mtime(),
            mtime_ns: metadata.mtime_nsec(),
        }
    }
}

/// What a file is, and what it looked like while that was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// What it is.
    pub content: ContentId,
    /// What it looked like, before and after.
    pub stamp: Stamp,
}

/// Why a file has no hash.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// It was written to while it was read.
    #[error("it changed while it was being read")]
    Changed,
    /// The caller stopped it.
    #[error("hashing was stopped")]
    Stopped,
    /// It, or the outboard, could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Opens a file for reading, unless its name is a symbolic link or it is no regular file.
///
/// # Errors
/// As of `open(2)`, and [`io::ErrorKind::InvalidInput`] for what is no file.
pub fn open_regular(path: &Path) -> io::Result<(File, Stamp)> {
    // Without O_NONBLOCK, opening a pipe that took the file's place would hang.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    #[expect(clippy::cast_possible_wrap, reason = "open flags are a C int")]
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    Ok((file, Stamp::of(&metadata)))
}

/// Whether an error says nothing about a file, only that this process has too much open.
#[must_use]
pub fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    error.raw_os_error().is_some_and(|raw| shortages.iter().any(|no| no.raw_os_error() == raw))
}

/// Hashes a file in one read and stores its outboard, if it needs one, under `data_dir`.
///
/// `progress` hears of the bytes read so far, after each MiB, and may stop the work. Blocks the
/// thread, and may take another one to its help for as long as it runs.
///
/// # Errors
/// See [`HashError`]. Nothing is stored then.
pub fn hash_file(
    file: &File,
    data_dir: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Hashed, HashError> {
    let stamp = Stamp::of(&file.metadata()?);
    let _busy = Busy::enter();
    let halves = if stamp.size <= SPAN {
        hash_small(file, stamp.size, progress)?
    } else {
        hash_large(file, stamp.size, data_dir, progress)?
    };
    if Stamp::of(&file.metadata()?) != stamp {
        return Err(HashError::Changed);
    }
    if let Some(outboard) = halves.outboard {
        outboard.keep(data_dir, &halves.root)?;
    }
    let content = ContentId { sha1: halves.sha1, root: halves.root, size: stamp.size };
    Ok(Hashed { content, stamp })
}

/// What one read of a file gives.
struct Halves {
    sha1: Sha1Hash,
    root: Root,
    outboard: Option<Unfinished>,
}

fn hash_small(
    file: &File,
    size: u64,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Halves, HashError> {
    let mut data = Vec::new();
    read(file, &(0..size), &mut data)?;
    tell(progress, size)?;
    let sha1 = Sha1Hash::from_bytes(Sha1::digest(&data).into());
    let root = Root::from_bytes(*blake3::hash(&data).as_bytes());
    Ok(Halves { sha1, root, outboard: None })
}

fn hash_large(
    file: &File,
    size: u64,
    data_dir: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Halves, HashError> {
    let mut spans = Spans::new(size, Unfinished::create(data_dir)?);
    let sha1 = thread::scope(|scope| {
        let mut lane = Lane::new(scope);
        for bytes in (0..span_count(size)).filter_map(|index| span(size, index)) {
            let mut data = lane.buffer();
            read(file, &bytes, &mut data)?;
            spans.push(&data)?;
            lane.push(data);
            tell(progress, bytes.end)?;
        }
        Ok::<_, HashError>(lane.finish()?)
    })?;
    let (root, outboard) = spans.finish()?;
    Ok(Halves { sha1, root, outboard: Some(outboard) })
}

/// Fills a buffer with a range of a file; one that ends before has changed.
fn read(file: &File, bytes: &Range<u64>, data: &mut Vec<u8>) -> Result<(), HashError> {
    let length = usize::try_from(bytes.end - bytes.start).map_err(io::Error::other)?;
    data.resize(length, 0);
    file.read_exact_at(data, bytes.start).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => HashError::Changed,
        _ => error.into(),
    })
}

fn tell(progress: &mut dyn FnMut(u64) -> ControlFlow<()>, read: u64) -> Result<(), HashError> {
    match progress(read) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(HashError::Stopped),
    }
}

#[cfg(test)]
mod tests;
