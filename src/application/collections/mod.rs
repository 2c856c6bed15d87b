//! [`Collections`]: shared folders that have a link of their own.
//!
//! A link to a folder is made when somebody asks for one: the list of the files that are shared
//! beneath it then. The list is kept in the data directory and served as a content like any other;
//! its files are served from the catalog, as far as they are still there and still the same.
//!
//! Invariant: what is in memory of a collection is on the disk.

mod saved;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use sha1::{Digest, Sha1};

use self::saved::Saved;
use super::{
    announcing::Announcer,
    catalog::Catalog,
    message::{Failure, FailureKind},
    transfers::Whole,
};
use crate::{
    domain::{
        Collection, ContentId, Manifest, Query, Root, Sha1Hash, Tags, Untrusted,
        collection::{Entry, MEDIA_TYPE, files_of},
        manifest,
    },
    network::content::{held::Held, layout::Layout, serve::Holdings},
};

/// The most collections that are kept; the oldest makes room.
pub(super) const MAX_COLLECTIONS: usize = 256;

/// Shared folders that have a link. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Collections {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    data_dir: PathBuf,
    catalog: Catalog,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_root: HashMap<Root, Arc<Shared>>,
    /// By the root under which its files are followed.
    by_files: HashMap<Root, Arc<Shared>>,
}

/// A collection that is shared.
#[derive(Debug)]
struct Shared {
    manifest: Manifest,
    folder: PathBuf,
    /// In Unix seconds.
    made: u64,
    /// What is here of it, when it was last looked.
    held: RwLock<Arc<Held>>,
}

impl Collections {
    /// Those that were made before.
    pub(super) fn open(data_dir: &Path, catalog: Catalog) -> Self {
        let mut known = Known::default();
        for (saved, list) in saved::all(data_dir) {
            known.insert(Shared::new(&saved, &list));
        }
        let inner = Inner { data_dir: data_dir.to_owned(), catalog, known: RwLock::new(known) };
        Self { inner: Arc::new(inner) }
    }

    /// Announces those that were made before.
    pub(super) async fn announce(&self, announcer: &Announcer) {
        let manifests: Vec<_> = self.read().by_root.values().map(|c| c.manifest.clone()).collect();
        for manifest in manifests {
            announcer.add(&manifest).await;
        }
    }

    /// Makes a collection of the shared files beneath a folder. Returns what is to be announced of
    /// it, unless it was there already, and what is said of it. Blocks the thread.
    ///
    /// # Errors
    /// When nothing is shared there, a file is not hashed yet, or it cannot be written down.
    pub(super) fn make(
        &self,
        folder: &Path,
        files: Vec<(Arc<Path>, Option<ContentId>)>,
        now: u64,
    ) -> Result<(Manifest, bool), Failure> {
        let list = list_of(folder, files)?;
        let content = content_of(&list);
        if let Some(known) = self.read().by_root.get(&content.root) {
            return Ok((known.manifest.clone(), false));
        }
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
        let name = name[..name.floor_char_boundary(manifest::MAX_NAME)].to_owned();
        let saved = Saved { name, folder: folder.to_owned(), made: now, content };
        saved.write(&self.inner.data_dir, &list).map_err(|error| {
            let message = format!("the list of {} cannot be written: {error}", folder.display());
            Failure::new(FailureKind::Error, message)
        })?;
        let shared = Shared::new(&saved, &list);
        let manifest = shared.manifest.clone();
        let mut known = self.write();
        known.insert(shared);
        let oldest = known.by_root.values().min_by_key(|shared| shared.made);
        let oldest = oldest.map(|shared| shared.manifest.content.root);
        if known.by_root.len() > MAX_COLLECTIONS
            && let Some(oldest) = oldest
        {
            known.remove(&oldest);
            saved::remove(&self.inner.data_dir, &oldest);
        }
        Ok((manifest, true))
    }

    /// Forgets the collections of folders at or beneath a path; returns what is to be withdrawn.
    pub(super) fn forget_beneath(&self, path: &Path) -> Vec<Manifest> {
        let mut known = self.write();
        let beneath = known.by_root.values().filter(|shared| shared.folder.starts_with(path));
        let gone: Vec<_> = beneath.map(|shared| shared.manifest.clone()).collect();
        for Manifest { content, .. } in &gone {
            known.remove(&content.root);
            saved::remove(&self.inner.data_dir, &content.root);
        }
        gone
    }

    /// What is said of a collection.
    pub(super) fn by_root(&self, root: &Root) -> Option<Manifest> {
        self.read().by_root.get(root).map(|shared| shared.manifest.clone())
    }

    /// Collections whose lists have a SHA-1.
    pub(super) fn by_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest> {
        let known = self.read();
        let with = known.by_root.values().filter(|shared| shared.manifest.content.sha1 == *sha1);
        with.map(|shared| shared.manifest.clone()).collect()
    }

    /// What answers a query, at most `limit`.
    pub(super) fn answer(&self, query: &Query, limit: usize) -> Vec<Manifest> {
        let known = self.read();
        let manifests = known.by_root.values().map(|shared| &shared.manifest);
        manifests.filter(|manifest| query.matches(manifest)).take(limit).cloned().collect()
    }

    /// The list of a collection, to be read by peers. Blocks the thread.
    pub(super) fn open_list(&self, root: &Root) -> Option<Arc<Whole>> {
        self.by_root(root)?;
        let list = saved::list(&self.inner.data_dir, root)?;
        Some(Arc::new(Whole::new(list)))
    }

    /// Which spans are here, of the list or of the files. Blocks the thread.
    pub(super) fn holdings(&self, root: &Root) -> Option<Holdings> {
        let shared = {
            let known = self.read();
            if known.by_root.contains_key(root) {
                return Some(Holdings::All);
            }
            known.by_files.get(root)?.clone()
        };
        let list = saved::list(&self.inner.data_dir, &shared.manifest.content.root)?;
        let collection = Collection::decode(&list).ok()?;
        Some(shared.look(&collection, &self.inner.catalog))
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.inner.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.inner.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn insert(&mut self, shared: Shared) {
        let shared = Arc::new(shared);
        let root = shared.manifest.content.root;
        self.by_files.insert(files_of(&root), shared.clone());
        self.by_root.insert(root, shared);
    }

    fn remove(&mut self, root: &Root) {
        self.by_root.remove(root);
        self.by_files.remove(&files_of(root));
    }
}

impl Shared {
    fn new(saved: &Saved, list: &[u8]) -> Self {
        let spans = Collection::decode(list).ok().and_then(|list| layout(&list));
        let held = Held::new(spans.map_or(0, |layout| layout.spans()));
        Self {
            manifest: Manifest {
                name: saved.name.clone(),
                content: saved.content,
                media_type: Some(MEDIA_TYPE.to_owned()),
                tags: Tags::default(),
            },
            folder: saved.folder.clone(),
            made: saved.made,
            held: RwLock::new(Arc::new(held)),
        }
    }

    /// Looks which files are still shared.
    fn look(&self, collection: &Collection, catalog: &Catalog) -> Holdings {
        let Some(layout) = layout(collection) else { return Holdings::Nothing };
        let fresh = Held::new(layout.spans());
        for file in layout.files().iter().filter(|file| catalog.by_root(&file.root).is_some()) {
            file.spans().for_each(|span| fresh.insert(span));
        }
        let count = *fresh.count().borrow();
        if fresh.is_complete() {
            return Holdings::All;
        }
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if *held.count().borrow() != count {
            *held = Arc::new(fresh);
        }
        if count == 0 { Holdings::Nothing } else { Holdings::Growing(held.clone()) }
    }
}

fn layout(collection: &Collection) -> Option<Layout> {
    Layout::new(collection.files().iter().map(|file| (file.content.root, file.content.size))).ok()
}

fn list_of(folder: &Path, files: Vec<(Arc<Path>, Option<ContentId>)>) -> Result<Vec<u8>, Failure> {
    let shown = Untrusted::new(folder.display().to_string());
    if files.is_empty() {
        return Err(Failure::new(FailureKind::Error, format!("nothing in {shown} is shared"))
            .hint(format!("share it first: p2pfs-tui share {shown}")));
    }
    let waiting = files.iter().filter(|(_, content)| content.is_none()).count();
    if waiting > 0 {
        let message = format!("{waiting} of the files in {shown} are not hashed yet");
        return Err(Failure::new(FailureKind::Error, message).hint("wait for it: p2pfs-tui shares"));
    }
    let entry = |(path, content): (Arc<Path>, Option<ContentId>)| {
        let path = path.strip_prefix(folder).ok()?.to_string_lossy().into_owned();
        Some(Entry { path, content: content? })
    };
    let entries = files.into_iter().filter_map(entry).collect();
    Collection::new(entries).and_then(|collection| collection.encode()).map_err(|error| {
        let message = format!("{shown} cannot be one link: {error}");
        Failure::new(FailureKind::Error, message).hint("link its parts instead")
    })
}

fn content_of(list: &[u8]) -> ContentId {
    ContentId {
        sha1: Sha1Hash::from_bytes(Sha1::digest(list).into()),
        root: Root::from_bytes(*blake3::hash(list).as_bytes()),
        size: list.len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(n: u8) -> ContentId {
        let (sha1, root) = (Sha1Hash::from_bytes([n; 20]), Root::from_bytes([n; 32]));
        ContentId { sha1, root, size: u64::from(n) }
    }

    #[test]
    fn a_folder_has_one_link_as_long_as_it_stays_the_same_also_after_a_restart() {
        let data = tempfile::tempdir().expect("temporary directory");
        let folder = Path::new("/music/Mixtape");
        let files = |n: u8| -> Vec<(Arc<Path>, Option<ContentId>)> {
            (1..=n).map(|n| (folder.join(format!("d/{n}")).into(), Some(content(n)))).collect()
        };
        let collections = Collections::open(data.path(), Catalog::default());
        let (one, new) = collections.make(folder, files(2), 1).expect("made");
        assert!(new && one.name == "Mixtape");
        assert!(!collections.make(folder, files(2), 2).expect("there").1);
        let (other, new) = collections.make(folder, files(3), 3).expect("made");
        assert!(new && other.content != one.content);

        let again = Collections::open(data.path(), Catalog::default());
        assert_eq!(again.by_root(&one.content.root), Some(one.clone()));
        assert!(matches!(again.holdings(&one.content.root), Some(Holdings::All)), "the list is");
        let files_root = files_of(&one.content.root);
        assert!(matches!(again.holdings(&files_root), Some(Holdings::Nothing)), "no file is");
        assert!(again.open_list(&one.content.root).is_some());
        assert_eq!(again.forget_beneath(Path::new("/music")).len(), 2);
        assert!(
            Collections::open(data.path(), Catalog::default()).by_root(&one.content.root).is_none()
        );
    }

    #[test]
    fn what_is_not_shared_or_not_hashed_has_no_link() {
        let data = tempfile::tempdir().expect("temporary directory");
        let collections = Collections::open(data.path(), Catalog::default());
        let folder = Path::new("/music");
        let nothing = collections.make(folder, Vec::new(), 1).expect_err("nothing");
        assert!(nothing.message.contains("nothing in /music"), "{nothing}");
        let waiting = vec![(folder.join("a").into(), None)];
        let waiting = collections.make(folder, waiting, 1).expect_err("not hashed");
        assert!(waiting.message.contains("not hashed yet"), "{waiting}");
    }
}
