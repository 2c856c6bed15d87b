//! [`Watching`]: hears of changes in the shared paths, and has them looked at.
//!
//! The system tells which paths were touched; once they have been quiet they are scanned again,
//! like what is shared anew. What cannot be watched, as the system allows only so many watches, is
//! looked through now and then instead. Shared paths that vanish (a disk that was unmounted) and
//! come back are found by looking at them alone, every few seconds.
//!
//! This module decides nothing about files: it only names paths to [`Work`].

mod quiet;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use notify::{
    Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

use self::quiet::{Due, Quiet};
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
struct Touched {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    quiet: Quiet,
    /// A watch that could not be set as a folder appeared, not told yet.
    failed: Option<notify::Error>,
    stopping: bool,
}

#[derive(Debug, Default)]
struct Watches {
    /// Made with the first watch.
    watcher: Option<RecommendedWatcher>,
    /// What is watched, and whether with all beneath it.
    watched: BTreeMap<PathBuf, RecursiveMode>,
    /// What is looked through now and then instead.
    unwatched: BTreeSet<PathBuf>,
    /// What was last seen at each shared path.
    seen: BTreeMap<PathBuf, Identity>,
    /// A person was told that not everything can be watched.
    told: bool,
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
    /// Watches these shared paths, and nothing else. Returns what a person should know. What
    /// changes from now on will be noticed: scan afterwards.
    pub(super) fn watch(&self, roots: &[PathBuf]) -> Option<Notice> {
        let mut watches = self.watches();
        for root in roots {
            watches.seen.entry(root.clone()).or_insert_with(|| identity(root));
        }
        watches.seen.retain(|root, _| roots.contains(root));
        let wanted = wanted(roots);
        let known = |path: &PathBuf, mode: &RecursiveMode| wanted.get(path) == Some(mode);
        watches.unwatched.retain(|path| wanted.contains_key(path));
        let gone: Vec<PathBuf> = watches
            .watched
            .iter()
            .filter(|(at, mode)| !known(at, mode))
            .map(|(at, _)| at.clone())
            .collect();
        gone.iter().for_each(|path| watches.remove(path));
        let mut notice = None;
        for (path, mode) in wanted {
            if !watches.watched.contains_key(&path)
                && !watches.unwatched.contains(&path)
                && let Err(error) = watches.add(&path, mode, &self.touched)
            {
                tracing::warn!(?path, %error, "cannot watch a shared path");
                watches.unwatched.insert(path.clone());
                let first = !std::mem::replace(&mut watches.told, true);
                notice = notice.or_else(|| first.then(|| cannot_watch(&path, &error)));
            }
        }
        notice
    }

    /// Looks at the shared paths, and watches those anew where something else is now.
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
        for root in &found.other {
            watches.remove(root);
            watches.unwatched.remove(root);
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
            if let Some(notice) = self.take_failure() {
                work.notify(notice);
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

    /// Looks through everything now and then, once some folder of it could not be watched.
    fn take_failure(&self) -> Option<Notice> {
        let error = self.touched.lock().failed.take()?;
        let mut watches = self.watches();
        let watched: Vec<PathBuf> = watches.watched.keys().cloned().collect();
        let first = watched.first().cloned();
        watches.unwatched.extend(watched);
        let told = std::mem::replace(&mut watches.told, true);
        first.filter(|_| !told).map(|path| cannot_watch(&path, &error))
    }

    /// Whether a file is being written to, as far as one can tell.
    pub(super) fn is_restless(&self, path: &Path) -> bool {
        self.touched.lock().quiet.is_restless(path, Instant::now())
    }

    /// Ends [`Watching::run`], and every watch.
    pub(super) fn stop(&self) {
        self.touched.lock().stopping = true;
        self.touched.changed.notify_all();
        let watcher = self.watches().watcher.take();
        drop(watcher);
    }

    fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watches {
    fn add(
        &mut self,
        path: &Path,
        mode: RecursiveMode,
        touched: &Arc<Touched>,
    ) -> notify::Result<()> {
        if self.watcher.is_none() {
            let touched = Arc::clone(touched);
            let hear = move |event| touched.hear(event);
            let config = Config::default().with_follow_symlinks(false);
            self.watcher = Some(RecommendedWatcher::new(hear, config)?);
        }
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        watcher.watch(path, mode)?;
        self.watched.insert(path.to_owned(), mode);
        Ok(())
    }

    fn remove(&mut self, path: &Path) {
        if self.watched.remove(path).is_some()
            && let Some(watcher) = &mut self.watcher
            && let Err(error) = watcher.unwatch(path)
        {
            // It went with what it watched.
            tracing::debug!(?path, %error, "a watch is gone already");
        }
    }
}

impl Touched {
    /// Takes note of an event. Called from the watcher's thread.
    fn hear(&self, event: notify::Result<Event>) {
        let now = Instant::now();
        let mut state = self.lock();
        match event {
            Ok(event) if event.need_rescan() => state.quiet.touch_all(now),
            Ok(event) if is_change(event.kind) => {
                event.paths.iter().for_each(|path| state.quiet.touch(path, now));
            }
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "a watch failed");
                state.quiet.touch_all(now);
                state.failed = Some(error);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until something is due, or until a moment; `None` when the service stops.
    fn wait(&self, until: Instant) -> Option<Option<Due>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.stopping {
                return None;
            }
            let due = state.quiet.due(now);
            if due.is_some() || now >= until {
                return Some(due);
            }
            let next = state.quiet.next().map_or(until, |next| next.min(until));
            let wait = self.changed.wait_timeout(state, next.saturating_duration_since(now));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an event may mean that a file is another one now. Reading a file is an event, too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// What is to be watched: folders with all beneath them, once; of a file the folder it is in, as
/// programs replace a file by another one when they save it.
fn wanted(roots: &[PathBuf]) -> BTreeMap<PathBuf, RecursiveMode> {
    let folders: BTreeSet<&PathBuf> = roots.iter().filter(|root| root.is_dir()).collect();
    let is_covered =
        |path: &Path| path.ancestors().skip(1).any(|above| folders.contains(&above.to_path_buf()));
    let mut wanted = BTreeMap::new();
    for root in roots.iter().filter(|root| !is_covered(root)) {
        if folders.contains(root) {
            wanted.insert(root.clone(), RecursiveMode::Recursive);
        } else if let Some(parent) = root.parent().filter(|parent| parent.is_dir()) {
            wanted.entry(parent.to_owned()).or_insert(RecursiveMode::NonRecursive);
        }
    }
    wanted
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
    fn folders_are_watched_once_and_files_by_their_folder() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("m/rock")).expect("folders");
        fs::create_dir(at("n")).expect("folder");
        for file in ["m/song", "n/one", "n/two"] {
            fs::write(at(file), "").expect("file");
        }
        let roots = ["m", "m/rock", "m/song", "n/one", "n/two", "gone/x"].map(at);
        let expected = BTreeMap::from([
            (at("m"), RecursiveMode::Recursive),
            (at("n"), RecursiveMode::NonRecursive),
        ]);
        assert_eq!(wanted(&roots), expected);
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

    #[test]
    fn reading_is_no_change() {
        assert!(!is_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!is_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(is_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(is_change(EventKind::Any));
    }
}
