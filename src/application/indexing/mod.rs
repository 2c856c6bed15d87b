//! [`IndexingService`]: what this node shares, from the paths a person names to the catalog that
//! peers are answered from.
//!
//! Paths go through three hands. A *scan* finds files; those that did not change since an earlier
//! run are taken from the index as they are. *Workers*, about one per core, read the others once and
//! hash and describe them. The *teller* hands each file that enters or leaves the catalog to
//! whoever announces it, through a bounded channel, in order, and waits where that is full.
//!
//! Shared folders are *watched*: what is touched in them is scanned again once it is quiet. A file
//! that changed unheard is found out when it is served ([`IndexingService::mark_changed`]).
//!
//! This service never touches the network, and nothing else writes the [`Catalog`].

mod file;
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod library;
mod locked;
mod name;
mod place;
mod preview;
mod roots;
mod scan;
mod tags;
mod watching;
mod work;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use tokio::sync::{mpsc, watch};

pub use self::{
    preview::{LeftOut, Preview},
    scan::Reason,
};

use self::{
    index::{Index, IndexError},
    library::Library,
    locked::LockedLibrary,
    place::normal,
    scan::shown,
    watching::Watching,
    work::Work,
};
use super::{
    catalog::{Catalog, SharedFile},
    config::NodeConfig,
    message::{
        Failure, FailureKind, Notice, NoticeLevel, Page, RootRow, ShareRow, ShareTotals, Window,
    },
};
use crate::{
    domain::{ContentId, Manifest},
    network::content::hash,
};

/// How many changes may wait for whoever announces them.
const CHANGES: usize = 256;
/// The most workers: a disk serves more no faster, and several nodes may run in one process.
const MAX_WORKERS: usize = 8;

/// Something that others must hear of.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A file is served from now on: announce its keys.
    Added(Arc<SharedFile>),
    /// A file is not served any more: withdraw its keys, as far as no other file has them.
    Removed(Arc<SharedFile>),
    /// Something a person should know.
    Notice(Notice),
}

/// The shared files of a node. Cheap to clone; it works until [`IndexingService::stop`], or until
/// the last clone is gone.
#[derive(Debug, Clone)]
pub struct IndexingService {
    work: Arc<Work>,
    threads: Arc<Threads>,
}

/// Threads that end when nobody has the service any more.
#[derive(Debug)]
struct Threads {
    work: Arc<Work>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    /// Starts one thread that scans, one that watches, and workers that hash.
    fn start(&self, roots: Vec<PathBuf>) -> std::io::Result<()> {
        let start = |name: String, run: Box<dyn FnOnce(&Work) + Send>| {
            let work = Arc::clone(&self.work);
            let handle = std::thread::Builder::new().name(name).spawn(move || run(&work))?;
            self.lock().push(handle);
            Ok(())
        };
        start("scan".to_owned(), Box::new(move |work| work.scan_all(&roots)))?;
        start("watch".to_owned(), Box::new(|work| work.watching.run(work)))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (0..cores.min(MAX_WORKERS))
            .try_for_each(|worker| start(format!("hash-{worker}"), Box::new(Work::hash_all)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.work.stop();
    }
}

impl IndexingService {
    /// Opens the index of the data directory and begins to share: the paths of the configuration,
    /// and the remembered ones if they are to be served. Returns as soon as the paths of the
    /// configuration are known to be there; files are found and hashed behind.
    ///
    /// The receiver must be read: nothing is lost while it is not, but nothing more is told.
    ///
    /// # Errors
    /// When a path of the configuration cannot be shared, or the index cannot be opened.
    pub async fn start(config: &NodeConfig) -> Result<(Self, mpsc::Receiver<Change>), Failure> {
        let config = config.clone();
        let (work, roots) = blocking(move || open(&config)).await?;
        let threads = Threads { work: Arc::clone(&work), handles: Mutex::default() };
        threads.start(roots).map_err(|error| {
            Failure::new(FailureKind::Error, format!("cannot start a thread: {error}"))
                .hint("end other programs and try again")
        })?;
        let (sender, receiver) = mpsc::channel(CHANGES);
        tokio::spawn(tell(Arc::clone(&work.library), sender));
        Ok((Self { work, threads: Arc::new(threads) }, receiver))
    }

    /// The hashed files, to answer peers from.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        self.work.catalog.clone()
    }

    /// Shares a file or folder and scans it; files are hashed behind. Sharing it again scans it
    /// again, and takes back what was unshared within it. `remember`: also after a restart.
    ///
    /// # Errors
    /// When the path is missing, cannot be read, or is neither a file nor a folder.
    pub async fn share(&self, path: PathBuf, remember: bool) -> Result<RootRow, Failure> {
        let work = Arc::clone(&self.work);
        blocking(move || work.share(&path, remember)).await
    }

    /// Stops sharing a path and everything beneath it. What lies within a shared folder is left
    /// out of it from then on, as long as that folder is shared. Returns how many files that is.
    ///
    /// # Errors
    /// When nothing is shared there.
    pub async fn unshare(&self, path: PathBuf) -> Result<u64, Failure> {
        let work = Arc::clone(&self.work);
        blocking(move || work.unshare(&normal(&path))).await
    }

    /// The shared paths.
    #[must_use]
    pub fn roots(&self) -> Vec<RootRow> {
        self.work.library.with(|library| library.root_rows())
    }

    /// Some of the shared files, by path.
    #[must_use]
    pub fn rows(&self, window: Window) -> Page<ShareRow> {
        self.work.library.with(|library| library.rows(window))
    }

    /// The row of one file; also of one that is not hashed yet. Links in the path are followed.
    #[must_use]
    pub fn row(&self, path: &Path) -> Option<ShareRow> {
        let row = |path: &Path| self.work.library.with(|library| library.row(path));
        let path = &*normal(path);
        row(path).or_else(|| row(&std::fs::canonicalize(path).ok()?))
    }

    /// The shared files beneath a folder, by path, and what those are that are hashed. Links in the
    /// path are followed.
    #[must_use]
    pub fn beneath(&self, folder: &Path) -> Vec<(Arc<Path>, Option<ContentId>)> {
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        self.work.library.with(|library| library.contents_beneath(&folder))
    }

    /// The manifest of a file, once it is hashed.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<Manifest> {
        let manifest = |path: &Path| self.work.library.with(|library| library.manifest(path));
        let path = &*normal(path);
        manifest(path).or_else(|| manifest(&std::fs::canonicalize(path).ok()?))
    }

    /// The sums over all shared files.
    #[must_use]
    pub fn totals(&self) -> ShareTotals {
        self.work.library.with(|library| library.totals())
    }

    /// A number that grows whenever anything about the shared files changes: files, states, totals.
    #[must_use]
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.work.library.subscribe()
    }

    /// Takes note of how many keys are announced of the files that have this content and so many
    /// keys. A report on what is not served any more is ignored.
    pub fn announced(&self, content: &ContentId, done: u32, keys: u32) {
        self.work.library.with(|library| library.announced(content, done, keys));
    }

    /// A file was found to be another one than was hashed, or its outboard to be damaged: it is
    /// withdrawn and hashed again.
    pub fn mark_changed(&self, path: &Path) {
        self.work.changed(&normal(path));
    }

    /// How many files were read and hashed since the start: none where nothing changed.
    #[must_use]
    pub fn files_hashed(&self) -> u64 {
        self.work.hashed.load(Ordering::Relaxed)
    }

    /// Ends all work and closes the index. The catalog stays as it is.
    pub async fn stop(&self) {
        self.work.stop();
        let handles = std::mem::take(&mut *self.threads.lock());
        let work = Arc::clone(&self.work);
        let ended = blocking(move || {
            let panicked = handles.into_iter().filter_map(|thread| thread.join().err()).count();
            if panicked > 0 {
                tracing::error!(panicked, "threads of the indexing service panicked");
            }
            work.index.close();
            Ok(())
        });
        if let Err(failure) = ended.await {
            tracing::error!(%failure, "the indexing service did not stop cleanly");
        }
    }
}

/// Opens the index, and makes roots of all that is to be shared. Returns them, to be scanned.
fn open(config: &NodeConfig) -> Result<(Arc<Work>, Vec<PathBuf>), Failure> {
    let no_index = |error: &dyn std::fmt::Display, hint: &str| {
        let text = format!("cannot open the index in {}: {error}", shown(&config.data_dir));
        Failure::new(FailureKind::Error, text).hint(hint)
    };
    let check = "see that the data directory can be written and its disk has room";
    std::fs::create_dir_all(&config.data_dir).map_err(|error| no_index(&error, check))?;
    let data_dir =
        std::fs::canonicalize(&config.data_dir).map_err(|error| no_index(&error, check))?;
    let catalog = Catalog::default();
    let library = Arc::new(LockedLibrary::new(Library::new(catalog.clone())));
    let (index, damaged) = Index::open(&data_dir, tell_once(&library)).map_err(|error| {
        let in_use = "stop the other node, or give this one its own --data-dir";
        no_index(&error, if matches!(error, IndexError::InUse) { in_use } else { check })
    })?;
    if let Some(aside) = damaged {
        library.with(|library| library.notify(set_aside(&aside)));
    }
    if let Err(error) = hash::sweep_unfinished(&data_dir) {
        tracing::warn!(%error, "cannot remove unfinished outboards");
    }
    let remembers = config.serve_remembered;
    let (saving, hashed) = (Mutex::new(()), AtomicU64::new(0));
    let watching = Watching::default();
    let work = Work { data_dir, remembers, library, catalog, index, watching, saving, hashed };
    let remembered = if remembers { work.index.roots() } else { Ok(Default::default()) };
    let remembered = remembered.map_err(|error| no_index(&error, check))?;
    for (root, excluded) in &remembered {
        work.library.with(|library| library.add_root(root, true, excluded.clone()));
    }
    let mut roots = BTreeSet::from_iter(remembered.into_keys());
    for path in &config.shares {
        roots.insert(work.add_root(path, false)?);
    }
    Ok((Arc::new(work), roots.into_iter().collect()))
}

/// The teller: hands on what changed. Without a listener it is forgotten, as it would pile up.
async fn tell(library: Arc<LockedLibrary>, sender: mpsc::Sender<Change>) {
    while let Some(changes) = library.wait_for_changes(CHANGES).await {
        for change in changes {
            tokio::select! {
                _ = sender.send(change) => {}
                () = library.stopped() => return,
            }
        }
    }
}

/// Tells of the first write to the index that failed; the next ones fail for the same reason.
fn tell_once(library: &Arc<LockedLibrary>) -> impl Fn(IndexError) + Send + 'static {
    let library = Arc::downgrade(library);
    let told = std::sync::atomic::AtomicBool::new(false);
    move |error| {
        tracing::warn!(%error, "cannot write the index");
        if let Some(library) = library.upgrade()
            && !told.swap(true, Ordering::Relaxed)
        {
            library.with(|library| library.notify(work::not_remembered(&error)));
        }
    }
}

/// The index was damaged.
fn set_aside(aside: &Path) -> Notice {
    Notice {
        level: NoticeLevel::Error,
        text: format!(
            "the index was damaged and is begun anew; the old one is {}, and what it remembered \
             is not shared any more",
            shown(aside)
        )
        .into(),
        hint: Some("share your folders again: p2pfs-tui share PATH".to_owned()),
    }
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| {
        Err(Failure::new(FailureKind::Error, format!("the indexing service failed: {error}"))
            .hint("this is a bug: please report it with the log"))
    })
}
