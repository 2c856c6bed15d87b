//! What the service does on threads of its own: scanning, hashing, remembering.
//!
//! Every function here blocks. What was remembered of a file is believed only with its outboard,
//! and forgotten as soon as the file is not shared any more.

mod finding;
mod hashing;
mod looking;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use self::looking::root_is_absent;
use super::{
    index::{Index, IndexError},
    locked::LockedLibrary,
    scan::{self, shown},
    watching::Watching,
};
use crate::{
    application::{
        catalog::{Catalog, SharedFile},
        message::{Failure, FailureKind, Notice, NoticeLevel, RootRow},
    },
    domain::ContentId,
    network::content::hash::{self, Stamp, is_shortage, open_regular},
};

/// What the handle and the threads of the service have in common.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) data_dir: PathBuf,
    /// Whether remembered roots are shared and may be changed.
    pub(super) remembers: bool,
    pub(super) library: Arc<LockedLibrary>,
    pub(super) catalog: Catalog,
    pub(super) index: Index,
    pub(super) watching: Watching,
    /// Held while the remembered roots are written, so that the last to change them is the last
    /// to write.
    pub(super) saving: Mutex<()>,
    /// Files hashed since the start.
    pub(super) hashed: AtomicU64,
}

impl Work {
    /// Ends all work, soon.
    pub(super) fn stop(&self) {
        self.library.stop();
        self.watching.stop();
    }

    /// Shares a path and scans it.
    pub(super) fn share(&self, path: &Path, remember: bool) -> Result<RootRow, Failure> {
        let root = self.add_root(path, remember)?;
        self.save_roots();
        self.scan(&root);
        self.library.with(|library| library.root_row(&root)).ok_or_else(|| {
            let text = format!("{} was unshared while it was scanned", shown(&root));
            Failure::new(FailureKind::Interrupted, text)
        })
    }

    /// Checks a path and makes it a root, without scanning it.
    pub(super) fn add_root(&self, path: &Path, remember: bool) -> Result<PathBuf, Failure> {
        let root = scan::check_root(path)?;
        scan::check_not_own(&root, &self.data_dir)?;
        let caution = scan::caution(&root, std::env::home_dir().as_deref());
        self.library.with(|library| {
            library.add_root(&root, remember && self.remembers, BTreeSet::new());
            caution.into_iter().for_each(|notice| library.notify(notice));
        });
        Ok(root)
    }

    /// Stops sharing a path and all beneath it.
    pub(super) fn unshare(&self, path: &Path) -> Result<u64, Failure> {
        let real = fs::canonicalize(path);
        let there = real.is_ok();
        let names: Vec<PathBuf> = real.into_iter().chain([path.to_owned()]).collect();
        let removed =
            self.library.with(|library| names.iter().find_map(|name| library.remove(name, there)));
        let Some((files, served)) = removed else {
            let text = format!("{} is not shared", shown(path));
            let hint = "see what is shared: p2pfs-tui shares";
            return Err(Failure::new(FailureKind::Error, text).hint(hint));
        };
        self.save_roots();
        let roots = self.root_paths();
        names.iter().for_each(|name| self.watching.unwatch(name, &roots));
        self.forget(&served);
        self.index.flush();
        Ok(files)
    }

    /// A served file turned out to be another one: it is withdrawn and read again.
    pub(super) fn changed(&self, path: &Path) {
        let now = match open_regular(path) {
            Ok((_, stamp)) => Some(stamp),
            // It may well be what it was; whoever is next to ask for it finds out.
            Err(error) if is_shortage(&error) => return,
            Err(_) => None,
        };
        self.library.with(|library| {
            if let Some(file) = library.changed(path, now) {
                // Under the lock, so that what the next hash of the file leaves is left alone.
                self.index.forget(vec![path.into()]);
                self.drop_outboard(&file.manifest.content);
            }
        });
    }

    /// Scans the roots of an earlier run, then forgets what is remembered of files that are gone.
    pub(super) fn scan_all(&self, roots: &[PathBuf]) {
        let mut absent = Vec::new();
        for root in roots {
            match scan::check_root(root) {
                Ok(_) => self.scan(root),
                Err(failure) => {
                    absent.push(root);
                    self.watching.vanished(root);
                    self.notify(root_is_absent(&failure, root));
                }
            }
        }
        if !self.remembers || self.library.is_stopping() {
            return;
        }
        let shared = |paths: &mut Vec<PathBuf>| {
            self.library.with(|library| paths.retain(|path| !library.contains(path)));
        };
        let pruned = self.index.prune(shared, |path, stamp| {
            absent.iter().any(|root| path.starts_with(root))
                || self.is_of_another_disk(path, stamp)
                || fs::symlink_metadata(path).is_ok_and(|now| Stamp::of(&now) == *stamp)
        });
        match pruned {
            Ok(contents) => contents.iter().for_each(|content| self.drop_outboard(content)),
            Err(error) => tracing::warn!(%error, "cannot prune the index"),
        }
    }

    /// Whether a file was on a disk that is not there now: its shared path is on another one.
    fn is_of_another_disk(&self, path: &Path, stamp: &Stamp) -> bool {
        let root = self.library.with(|library| library.roots.owner(path));
        let now = root.and_then(|root| fs::metadata(root).ok());
        now.is_some_and(|now| now.dev() != stamp.dev)
    }

    /// Scans a root; what is new in it is hashed behind.
    fn scan(&self, root: &Path) {
        let number = self.library.with(|library| library.begin_scan());
        let skipped = self.walk(number, root, root, |_| false);
        // A scan that was cut short says nothing of what it did not find.
        if self.library.is_stopping() {
            return;
        }
        let gone = self.library.with(|library| {
            let notices = scan::notices(root, &skipped);
            notices.into_iter().for_each(|notice| library.notify(notice));
            library.end_scan(number, root, root)
        });
        self.forget(&gone);
    }

    /// Forgets hashes of files that are not shared any more.
    fn forget(&self, files: &[Arc<SharedFile>]) {
        self.index.forget(files.iter().map(|file| Arc::clone(&file.path)).collect());
        files.iter().for_each(|file| self.drop_outboard(&file.manifest.content));
    }

    /// Removes the outboard of a content that no path has any more. If one gets it back in this
    /// very moment, serving finds no outboard, and the file is hashed again.
    fn drop_outboard(&self, content: &ContentId) {
        if !self.catalog.has_root(&content.root)
            && let Err(error) = hash::remove_outboard(&self.data_dir, &content.root)
        {
            tracing::warn!(%error, "cannot remove an outboard");
        }
    }

    fn save_roots(&self) {
        if !self.remembers {
            return;
        }
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let roots = self.library.with(|library| library.roots.remembered());
        if let Err(error) = self.index.set_roots(&roots) {
            self.library.with(|library| library.notify(not_remembered(&error)));
        }
    }
}

/// A change of the shared paths could not be written down.
pub(super) fn not_remembered(error: &IndexError) -> Notice {
    Notice {
        level: NoticeLevel::Error,
        text: format!("the index cannot be written, so this is lost at a restart: {error}").into(),
        hint: Some("see that the disk of the data directory has room and can be written".into()),
    }
}
