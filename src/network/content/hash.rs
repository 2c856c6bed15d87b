//! Hashing: one read of a file gives its SHA-1, its BLAKE3 root and its outboard.
//!
//! The outboard is the inside of the BLAKE3 tree down to the block: with it any part of the file
//! can be proven without reading the rest. It is stored in pre-order, without a size, under the
//! root's name, and only for files of more than one block. Memory does not grow with the file.
//!
//! Invariant: an outboard appears under its final name complete or not at all. It is not synced
//! to the disk: whoever serves from it validates against the root, so one that a power failure
//! tore is found out, and the file is hashed again.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read},
    ops::ControlFlow,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use bao_tree::{
    BaoTree, BlockSize,
    io::{
        outboard::{EmptyOutboard, PreOrderOutboard},
        sync::ReadAt,
    },
};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use crate::domain::{ContentId, Root, Sha1Hash, blocks};

/// The tree's leaves are blocks: 16 KiB, 2^4 chunks of BLAKE3.
pub const BLOCK_SIZE: BlockSize = BlockSize::from_chunk_log(4);
const _: () = assert!(1024 << 4 == blocks::BLOCK);

/// Bytes read at once.
const READ: usize = 512 * 1024;
/// What an unfinished outboard's name begins with.
const UNFINISHED: &str = "unfinished-";

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

/// Hashes a file in one read and stores its outboard under `data_dir`.
///
/// `progress` hears of the bytes read so far, about every 512 KiB, and may stop the work.
/// Blocks the thread.
///
/// # Errors
/// See [`HashError`]. Nothing is stored then.
pub fn hash_file(
    file: &File,
    data_dir: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Hashed, HashError> {
    let stamp = Stamp::of(&file.metadata()?);
    let tree = BaoTree::new(stamp.size, BLOCK_SIZE);
    let mut tee = Tee { file, left: stamp.size, read: 0, sha1: Sha1::new(), progress };
    let (root, unfinished) = {
        // A small file needs no large buffer; a hundred thousand of them notice.
        let capacity = usize::try_from(stamp.size).map_or(READ, |size| size.clamp(1, READ));
        let reader = BufReader::with_capacity(capacity, &mut tee);
        if tree.outboard_size() == 0 {
            let nowhere = EmptyOutboard { tree, root: blake3::Hash::from_bytes([0; 32]) };
            (bao_tree::io::sync::outboard(reader, tree, nowhere).map_err(explain)?, None)
        } else {
            let mut outboard = create_unfinished(data_dir)?;
            let sink = PreOrderOutboard {
                root: blake3::Hash::from_bytes([0; 32]),
                tree,
                data: outboard.as_file_mut(),
            };
            (bao_tree::io::sync::outboard(reader, tree, sink).map_err(explain)?, Some(outboard))
        }
    };
    let sha1 = Sha1Hash::from_bytes(tee.sha1.finalize().into());
    if Stamp::of(&file.metadata()?) != stamp {
        return Err(HashError::Changed);
    }
    let root = Root::from_bytes(*root.as_bytes());
    if let Some(outboard) = unfinished {
        let path = outboard_path(data_dir, &root);
        fs::create_dir_all(path.parent().unwrap_or(data_dir))?;
        outboard.persist(path).map_err(|error| error.error)?;
    }
    Ok(Hashed { content: ContentId { sha1, root, size: stamp.size }, stamp })
}

/// The outboard of a content that was hashed here, ready to prove parts of it.
pub type Outboard = PreOrderOutboard<OutboardFile>;

/// The stored part of an [`Outboard`]; none where the whole file is one block.
#[derive(Debug)]
pub struct OutboardFile(Option<File>);

impl ReadAt for OutboardFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_ref().map_or(Ok(0), |file| file.read_at(offset, buffer))
    }
}

/// Opens the outboard of a content that was hashed here.
///
/// # Errors
/// As of `open(2)`, and [`io::ErrorKind::InvalidData`] if it has not the length it must have.
pub fn open_outboard(data_dir: &Path, content: &ContentId) -> io::Result<Outboard> {
    let tree = BaoTree::new(content.size, BLOCK_SIZE);
    let root = blake3::Hash::from_bytes(*content.root.as_bytes());
    if tree.outboard_size() == 0 {
        return Ok(PreOrderOutboard { root, tree, data: OutboardFile(None) });
    }
    let (file, stamp) = open_regular(&outboard_path(data_dir, &content.root))?;
    if stamp.size != tree.outboard_size() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the outboard is damaged"));
    }
    Ok(PreOrderOutboard { root, tree, data: OutboardFile(Some(file)) })
}

/// Forgets the outboard of a content, if there is one.
///
/// # Errors
/// As of `unlink(2)`.
pub fn remove_outboard(data_dir: &Path, root: &Root) -> io::Result<()> {
    match fs::remove_file(outboard_path(data_dir, root)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what an earlier run left unfinished. Nothing may be hashed meanwhile.
///
/// # Errors
/// When the folder cannot be read.
pub fn sweep_unfinished(data_dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(outboards(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Where outboards are.
fn outboards(data_dir: &Path) -> PathBuf {
    data_dir.join("outboards")
}

/// `<data_dir>/outboards/<first two digits>/<root>.obao`
fn outboard_path(data_dir: &Path, root: &Root) -> PathBuf {
    let hex = root.to_string();
    outboards(data_dir).join(&hex[..2]).join(format!("{hex}.obao"))
}

fn create_unfinished(data_dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = outboards(data_dir);
    fs::create_dir_all(&folder)?;
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)
}

/// Reads a file for two hashes at once, and never past the size it had at first.
struct Tee<'a> {
    file: &'a File,
    left: u64,
    read: u64,
    sha1: Sha1,
    progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.take(self.left).read(buffer)?;
        self.sha1.update(&buffer[..n]);
        self.left -= n as u64;
        self.read += n as u64;
        match (self.progress)(self.read) {
            ControlFlow::Continue(()) => Ok(n),
            ControlFlow::Break(()) => Err(io::Error::other(HashError::Stopped)),
        }
    }
}

/// What an error of the tree's reader means: the file shrank, or somebody stopped it.
fn explain(error: io::Error) -> HashError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return HashError::Changed;
    }
    error.downcast::<HashError>().unwrap_or_else(HashError::Io)
}

#[cfg(test)]
mod tests;
