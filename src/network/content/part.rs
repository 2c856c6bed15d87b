//! A file on its way: written beside its destination, moved there when it is complete and right.
//!
//! Bytes are written in order and hashed on the way, so that the SHA-1 is known with the last
//! one. Nothing that exists is ever overwritten, and a part that is dropped is deleted.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use rustix::fs::{FallocateFlags, RenameFlags, fallocate, renameat_with};
use sha1::{Digest, Sha1};

use crate::domain::{Sha1Hash, file_name};

/// The most names that are tried where the wanted one is taken.
const MAX_NUMBER: u32 = 9_999;

/// A file that is being fetched.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    path: PathBuf,
    sha1: Sha1,
    written: u64,
    finished: bool,
}

impl PartFile {
    /// Begins a file that is to be called `destination`.
    ///
    /// # Errors
    /// When the folder is missing or cannot be written to.
    pub fn create(destination: &Path) -> io::Result<Self> {
        for n in 0..MAX_NUMBER {
            let path = part_path(destination, n);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let sha1 = Sha1::new();
                    return Ok(Self { file, path, sha1, written: 0, finished: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Reserves room for the whole file. To be called only when the size is certain.
    ///
    /// # Errors
    /// `StorageFull` when there is no room.
    pub fn reserve(&self, size: u64) -> io::Result<()> {
        if size == 0 {
            return Ok(());
        }
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, size) {
            Ok(()) => Ok(()),
            // Some file systems cannot reserve; writing will tell.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends verified blocks.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append(&mut self, blocks: &[Bytes]) -> io::Result<()> {
        for block in blocks {
            self.file.write_all(block)?;
            self.sha1.update(block);
            self.written += block.len() as u64;
        }
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The SHA-1 of what was written so far.
    #[must_use]
    pub fn sha1(&self) -> Sha1Hash {
        Sha1Hash::from_bytes(self.sha1.clone().finalize().into())
    }

    /// Makes the file durable and gives it its name, or the next free one; returns where it is.
    ///
    /// # Errors
    /// When the disk fails; the part is then deleted.
    pub fn finish(mut self, destination: &Path) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        for n in 0..MAX_NUMBER {
            let path = numbered_path(destination, n);
            match rename_to_free(&self.path, &path) {
                Ok(()) => {
                    self.finished = true;
                    if let Some(folder) = path.parent() {
                        File::open(folder)?.sync_all()?;
                    }
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Renames unless something is there already, in one step where the system can.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    let here = rustix::fs::CWD;
    match renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            // A file system without that flag: a link is refused where a name exists.
            std::fs::hard_link(from, to)?;
            std::fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

fn part_path(destination: &Path, n: u32) -> PathBuf {
    let mut name = numbered_path(destination, n).into_os_string();
    name.push(".part");
    name.into()
}

fn numbered_path(destination: &Path, n: u32) -> PathBuf {
    if n == 0 {
        return destination.to_owned();
    }
    let name = destination.file_name().unwrap_or_default().to_string_lossy();
    destination.with_file_name(file_name::numbered(&name, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("readable");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_finished_part_takes_the_next_free_name() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let wanted = folder.path().join("a.txt");
        std::fs::write(&wanted, "mine").expect("written");
        let mut part = PartFile::create(&wanted).expect("created");
        part.reserve(5).expect("room");
        part.append(&[Bytes::from_static(b"he"), Bytes::from_static(b"llo")]).expect("written");
        assert_eq!(part.written(), 5);
        assert_eq!(part.sha1().to_string(), "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
        let path = part.finish(&wanted).expect("finished");
        assert_eq!(path, folder.path().join("a (1).txt"));
        assert_eq!(std::fs::read(&wanted).expect("kept"), b"mine");
        assert_eq!(std::fs::read(&path).expect("there"), b"hello");
        assert_eq!(names(folder.path()), ["a (1).txt", "a.txt"]);
    }

    #[test]
    fn two_parts_of_one_name_stay_apart_and_leave_nothing() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let wanted = folder.path().join("a.txt");
        let (one, two) = (PartFile::create(&wanted), PartFile::create(&wanted));
        assert_eq!(names(folder.path()), ["a (1).txt.part", "a.txt.part"]);
        drop((one, two));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("temporary directory");
        assert!(PartFile::create(&folder.path().join("none/a.txt")).is_err());
    }
}
