//! [`DataDirLock`]: one node per data directory.
//!
//! Owns the file `lock` in it. The lock is the kernel's (`flock`), so it goes with the process
//! however that ends, and what the file says (the process that holds it) is only for people.
//! It alone decides who runs: sockets and the like that a killed node left are replaced.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::message::{Failure, FailureKind};

/// The file's name in the data directory.
const FILE: &str = "lock";
/// A client that asks who holds the lock holds it itself for an instant; so a node tries again
/// this often before it gives up.
const TRIES: u32 = 10;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The right to run a node in a data directory, for as long as this lives.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// Who holds a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process, if it has written that down already.
    pub pid: Option<u32>,
}

/// Why the lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another node runs here.
    #[error("a node{} already runs in {}", of_process(*pid), dir.display())]
    Held {
        /// The data directory.
        dir: PathBuf,
        /// The node's process, if known.
        pid: Option<u32>,
    },
    /// The directory or the file in it cannot be used.
    #[error("cannot use the data directory {}: {source}", dir.display())]
    Io {
        /// The data directory.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl DataDirLock {
    /// Takes the lock; creates the directory (0700) if it is missing.
    ///
    /// # Errors
    /// When another node holds it, or the directory cannot be written.
    pub fn acquire(data_dir: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io { dir: data_dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(io)?;
        let mut file = open(data_dir, true).map_err(io)?;
        for attempt in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    write_pid(&mut file).map_err(io)?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) if attempt + 1 < TRIES => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        Err(LockError::Held { dir: data_dir.to_owned(), pid: read_pid(&mut file) })
    }

    /// Who holds the lock now; `None` if nobody does, or if it cannot be known.
    #[must_use]
    pub fn holder(data_dir: &Path) -> Option<Holder> {
        let mut file = open(data_dir, false).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(Holder { pid: read_pid(&mut file) }),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let hint = match &error {
            LockError::Held { pid: Some(pid), .. } => format!(
                "talk to it (p2pfs-tui status), stop it (kill {pid}), or give this one a folder \
                 of its own: --data-dir DIR"
            ),
            LockError::Held { pid: None, .. } => {
                "stop it first, or give this one a folder of its own: --data-dir DIR".to_owned()
            }
            LockError::Io { .. } => {
                "choose a folder that can be written: --data-dir DIR".to_owned()
            }
        };
        Self::new(FailureKind::Error, error.to_string()).hint(hint)
    }
}

fn open(data_dir: &Path, create: bool) -> io::Result<File> {
    let path = data_dir.join(FILE);
    OpenOptions::new().read(true).write(create).create(create).mode(0o600).open(path)
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn of_process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_at_a_time() {
        let dir = tempfile::tempdir().expect("tempdir");
        let data = dir.path().join("data");
        assert_eq!(DataDirLock::holder(&data), None, "no directory, no node");

        let lock = DataDirLock::acquire(&data).expect("free");
        let me = Some(std::process::id());
        assert_eq!(DataDirLock::holder(&data), Some(Holder { pid: me }));
        let second = Failure::from(DataDirLock::acquire(&data).expect_err("held"));
        assert!(second.message.contains(&format!("process {}", std::process::id())), "{second}");
        assert!(second.hint.is_some());

        drop(lock);
        assert_eq!(DataDirLock::holder(&data), None);
        DataDirLock::acquire(&data).expect("free again");
    }

    #[test]
    fn asking_does_not_keep_a_node_from_starting() {
        let dir = tempfile::tempdir().expect("tempdir");
        drop(DataDirLock::acquire(dir.path()).expect("free"));
        let probe = open(dir.path(), false).expect("open");
        probe.try_lock_shared().expect("probe");
        let asker = thread::spawn(move || {
            thread::sleep(PAUSE);
            drop(probe);
        });
        DataDirLock::acquire(dir.path()).expect("once the asker is gone");
        asker.join().expect("joined");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().expect("tempdir");
        let file = dir.path().join("file");
        std::fs::write(&file, "").expect("write");
        let error = DataDirLock::acquire(&file.join("data")).expect_err("not a folder");
        assert!(error.to_string().contains("file/data"), "{error}");
    }
}
