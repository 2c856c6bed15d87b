//! [`Watching`]: hears of changes in the shared paths, and has them looked at.
//!
//! The system tells which paths were touched; once they have been quiet they are scanned again,
//! like what is shared anew. What cannot be watched, as the system allows only so many watches, is
//! looked through now and then instead. Shared paths that vanish (a disk that was unmounted) and
//! come back are found by looking at them alone, every few seconds.
//!
//! Each folder is watched by itself, by whoever scans it, before its entries are read: so nothing
//! happens between the two, and what is passed over costs no watch.
//!
//! This module decides nothing about files: it only names paths to [`Work`].

mod quiet;
mod touched;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Bound,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use self::{quiet::Due, touched::Touched};
use super::{scan::shown, work::Work};
use crate::application::message::{Notice, NoticeLevel};

/// How often what cannot be watched is looked through.
const RESCAN: Duration = Duration::from_secs(600);
/// How often the shared paths themselves are looked at: whether they are there, and the same.
const CHECK: Duration = Duration::from_secs(5);

/// The device and the number of what is at a shared path; `None` where nothing is.
type Identity = Option<(u64, u64)>;

/// The watches of a service.
#[derive(Debug, Default)]
pub(super) struct Watching {
    /// What was touched. The system's events come from a thread of their own.
    touched: Arc<Touched>,
    watches: Mutex<Watches>,
}

#[derive(Debug, Default)]
struct Watches {
    /// Made with the first watch.
    watcher: Option<RecommendedWatcher>,
    /// Folders that are watched, each without what is beneath it.
    watched: BTreeSet<PathBuf>,
    /// Shared paths that are looked through now and then, as something of them is not watched.
    unwatched: BTreeSet<PathBuf>,
    /// What was last seen at each shared path.
    seen: BTreeMap<PathBuf, Identity>,
    /// A person was told that not everything can be watched.
    told: bool,
    /// The service stops: nothing is watched any more.
    stopped: bool,
}

/// What is found out by looking at the shared paths alone.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Paths where something else is now.
    pub(super) other: BTreeSet<PathBuf>,
    /// Those of them where nothing was.
    pub(super) back: BTreeSet<PathBuf>,
}

impl Watching {
    /// Watches a folder of a shared path, but not the folders in it; of a file, watch the folder it
    /// is in. What happens there from now on will be noticed: read it afterwards. Returns what a
    /// person should know.
    pub(super) fn watch(&self, root: &Path, folder: &Path) -> Option<Notice> {
        let mut watches = self.watches();
        if watches.stopped {
            return None;
        }
        let error = watches.add(folder, &self.touched).err()?;
        if matches!(error.kind, ErrorKind::PathNotFound) {
            return None;
        }
        tracing::warn!(?folder, %error, "cannot watch a folder");
        watches.unwatched.insert(root.to_owned());
        let told = std::mem::replace(&mut watches.told, true);
        (!told).then(|| cannot_watch(root, &error))
    }

    /// Ends the watches at and beneath a path, but for what these shared paths need.
    pub(super) fn unwatch(&self, path: &Path, roots: &[PathBuf]) {
        let mut watches = self.watches();
        let needed = |folder: &Path| {
            roots.iter().any(|root| root.parent() == Some(folder) || folder.starts_with(root))
                && !folder.starts_with(path)
        };
        for folder in watches.beneath(path) {
            if !needed(&folder) {
                watches.remove(&folder);
            }
        }
        // The folder of a file that was shared alone.
        if let Some(parent) = path.parent().filter(|parent| !needed(parent)) {
            watches.remove(parent);
        }
        watches.unwatched.retain(|root| roots.contains(root));
        watches.seen.retain(|root, _| roots.contains(root));
    }

    /// Forgets the watches of folders that are gone.
    pub(super) fn gone(&self, path: &Path) {
        let mut watches = self.watches();
        watches.beneath(path).iter().for_each(|folder| watches.remove(folder));
    }

    /// Looks at the shared paths, whether something else is there now.
    pub(super) fn check(&self, roots: &[PathBuf]) -> Found {
        let mut found = Found::default();
        let mut watches = self.watches();
        for root in roots {
            let now = identity(root);
            let before = watches.seen.insert(root.clone(), now).unwrap_or(now);
            if before != now {
                found.other.insert(root.clone());
            }
            if before.is_none() && now.is_some() {
                found.back.insert(root.clone());
            }
        }
        found
    }

    /// Nothing is at a shared path. Returns whether that is news.
    pub(super) fn vanished(&self, root: &Path) -> bool {
        self.watches().seen.insert(root.to_owned(), None).is_none_or(|before| before.is_some())
    }

    /// Waits for touched paths to be quiet, and has [`Work`] look at them, until the service stops.
    pub(super) fn run(&self, work: &Work) {
        let (mut next_check, mut next_rescan) = (Instant::now() + CHECK, Instant::now() + RESCAN);
        while let Some(due) = self.touched.wait(next_check) {
            match due {
                Some(Due::Paths(paths)) => work.look_at(&paths),
                Some(Due::Everything) => work.look_at(&work.root_paths().into_iter().collect()),
                None => {}
            }
            let now = Instant::now();
            if now >= next_check {
                work.check_roots();
                next_check = Instant::now() + CHECK;
            }
            if now >= next_rescan {
                let unwatched = self.watches().unwatched.clone();
                if !unwatched.is_empty() {
                    work.look_at(&unwatched);
                }
                next_rescan = Instant::now() + RESCAN;
            }
        }
    }

    /// Whether a file is being written to, as far as one can tell.
    pub(super) fn is_restless(&self, path: &Path) -> bool {
        self.touched.is_restless(path)
    }

    /// Ends [`Watching::run`], and every watch.
    pub(super) fn stop(&self) {
        self.touched.stop();
        let mut watches = self.watches();
        watches.stopped = true;
        let watcher = watches.watcher.take();
        // Its thread may wait for what is locked here, and it is waited for.
        drop(watches);
        drop(watcher);
    }

    fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watches {
    fn add(&mut self, folder: &Path, touched: &Arc<Touched>) -> notify::Result<()> {
        if self.watcher.is_none() {
            let touched = Arc::clone(touched);
            let hear = move |event| touched.hear(event);
            self.watcher = Some(RecommendedWatcher::new(hear, Config::default())?);
        }
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        // Also where it is watched already: it may be another folder of the same name.
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        self.watched.insert(folder.to_owned());
        Ok(())
    }

    fn remove(&mut self, folder: &Path) {
        if self.watched.remove(folder)
            && let Some(watcher) = &mut self.watcher
            && let Err(error) = watcher.unwatch(folder)
        {
            tracing::debug!(?folder, %error, "a watch went with its folder");
        }
    }

    fn beneath(&self, path: &Path) -> Vec<PathBuf> {
        let from = (Bound::Included(path), Bound::Unbounded);
        let folders = self.watched.range::<Path, _>(from);
        folders.take_while(|folder| folder.starts_with(path)).cloned().collect()
    }
}

fn identity(path: &Path) -> Identity {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// A shared path cannot be watched.
fn cannot_watch(path: &Path, error: &notify::Error) -> Notice {
    let limit = match &error.kind {
        ErrorKind::MaxFilesWatch => Some("fs.inotify.max_user_watches=1048576"),
        ErrorKind::Io(error) if error.raw_os_error() == Some(EMFILE) => {
            Some("fs.inotify.max_user_instances=1024")
        }
        _ => None,
    };
    let (why, hint) = match limit {
        Some(limit) => (
            "the system allows no more watches".to_owned(),
            format!("allow more, then start the node again: sudo sysctl {limit}"),
        ),
        None => (error.to_string(), "after a change share the folder again".to_owned()),
    };
    let minutes = RESCAN.as_secs() / 60;
    let text = format!(
        "{} cannot be watched for changes, and is looked through every {minutes} minutes instead: {why}",
        shown(path)
    );
    Notice { level: NoticeLevel::Warning, text: text.into(), hint: Some(hint) }
}

/// Too many instances of inotify, as one process or one user.
const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_end_with_what_needed_them() {
        let home = tempfile::tempdir().expect("folder");
        let at = |name: &str| home.path().join(name);
        for folder in ["m/rock/live", "m/jazz", "n"] {
            fs::create_dir_all(at(folder)).expect("folders");
        }
        let watching = Watching::default();
        for folder in ["m", "m/rock", "m/rock/live", "m/jazz", "n", "gone"] {
            assert_eq!(watching.watch(&at("m"), &at(folder)), None);
        }
        let watched = || watching.watches().watched.iter().cloned().collect::<Vec<_>>();
        assert_eq!(watched(), ["m", "m/jazz", "m/rock", "m/rock/live", "n"].map(at));
        watching.unwatch(&at("m/rock"), &[at("m"), at("n/file")]);
        assert_eq!(watched(), ["m", "m/jazz", "n"].map(at));
        watching.unwatch(&at("n/file"), &[at("m")]);
        assert_eq!(watched(), ["m", "m/jazz"].map(at));
        watching.gone(&at("m/jazz"));
        watching.unwatch(&at("m"), &[at("m/jazz")]);
        assert!(watched().is_empty());
        watching.stop();
        watching.watch(&at("m"), &at("m"));
        assert!(watched().is_empty(), "it is over");
    }

    #[test]
    fn a_limit_of_the_system_is_told_with_what_to_do() {
        let error = notify::Error::new(ErrorKind::MaxFilesWatch);
        let notice = cannot_watch(Path::new("/m"), &error);
        assert!(notice.text.raw().contains("/m cannot be watched"), "{notice:?}");
        assert!(notice.hint.is_some_and(|hint| hint.contains("max_user_watches")));
        let error = notify::Error::io(std::io::Error::from_raw_os_error(EMFILE));
        let notice = cannot_watch(Path::new("/m"), &error);
        assert!(notice.hint.is_some_and(|hint| hint.contains("max_user_instances")));
    }
}
