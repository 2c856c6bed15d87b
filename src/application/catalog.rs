//! [`Catalog`]: the hashed files that this node serves, found by what a peer may ask for.
//!
//! By root and by SHA-1 for blocks, by word and by field for queries. It is in memory, cheap to
//! clone and read from any task; only the indexing service writes it. Two paths with the same
//! content are two files here, and either may serve.
//!
//! Invariant: a file is in every posting of its words and fields, or in none.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    fs::File,
    hash::Hash,
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    domain::{Field, Manifest, Query, Root, Sha1Hash, words},
    network::content::hash::{Stamp, open_regular},
};

/// A hashed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFile {
    /// Where it is.
    pub path: Arc<Path>,
    /// What it looked like when it was hashed.
    pub stamp: Stamp,
    /// What it is.
    pub manifest: Manifest,
}

/// A file is no longer what was hashed.
#[derive(Debug, thiserror::Error)]
pub enum Changed {
    /// Something else is in its place, or it was written to.
    #[error("{0:?} changed since it was hashed")]
    Stamp(PathBuf),
    /// It cannot be opened any more.
    #[error("{0:?} cannot be opened: {1}")]
    Open(PathBuf, #[source] io::Error),
}

impl SharedFile {
    /// Opens the file if it still looks as it did when it was hashed. Blocks the thread.
    ///
    /// # Errors
    /// Tell the indexing service then (`mark_changed`), so that it is withdrawn and read again.
    pub fn open_unchanged(&self) -> Result<File, Changed> {
        match open_regular(&self.path) {
            Ok((file, stamp)) if stamp == self.stamp => Ok(file),
            Ok(_) => Err(Changed::Stamp(self.path.to_path_buf())),
            Err(error) => Err(Changed::Open(self.path.to_path_buf(), error)),
        }
    }
}

/// The hashed files of this node.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    inner: Arc<RwLock<Inner>>,
}

impl Catalog {
    /// A file with this content, if there is one.
    #[must_use]
    pub fn by_root(&self, root: &Root) -> Option<Arc<SharedFile>> {
        let inner = self.read();
        let number = inner.by_root.get(root)?.first()?;
        inner.files.get(number).cloned()
    }

    /// A file for each different content with this SHA-1.
    #[must_use]
    pub fn by_sha1(&self, sha1: &Sha1Hash) -> Vec<Arc<SharedFile>> {
        let inner = self.read();
        let mut seen = HashSet::new();
        inner
            .files_in(inner.by_sha1.get(sha1))
            .filter(|file| seen.insert(file.manifest.content))
            .cloned()
            .collect()
    }

    /// The file at a path.
    #[must_use]
    pub fn by_path(&self, path: &Path) -> Option<Arc<SharedFile>> {
        let inner = self.read();
        inner.files.get(inner.by_path.get(path)?).cloned()
    }

    /// What answers a query, each content once, at most `limit`.
    #[must_use]
    pub fn answer(&self, query: &Query, limit: usize) -> Vec<Manifest> {
        let inner = self.read();
        let Some(candidates) = inner.candidates(query) else { return Vec::new() };
        let mut seen = HashSet::new();
        candidates
            .filter(|manifest| query.matches(manifest) && seen.insert(manifest.content))
            .take(limit)
            .cloned()
            .collect()
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a file; one that was at its path before is gone.
    pub(super) fn insert(&self, file: Arc<SharedFile>) {
        // Cut into words before the lock is taken: readers answer peers meanwhile.
        let postings = Postings::of(&file.manifest);
        let mut inner = self.write();
        inner.remove(&file.path);
        inner.insert(file, postings);
    }

    /// Removes the file at a path.
    pub(super) fn remove(&self, path: &Path) -> Option<Arc<SharedFile>> {
        self.write().remove(path)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for a file in the postings; never used twice.
type Number = u32;
type Posting = BTreeSet<Number>;

#[derive(Debug, Default)]
struct Inner {
    next: Number,
    files: HashMap<Number, Arc<SharedFile>>,
    by_path: HashMap<Arc<Path>, Number>,
    by_root: HashMap<Root, Posting>,
    by_sha1: HashMap<Sha1Hash, Posting>,
    by_word: HashMap<String, Posting>,
    by_field: HashMap<(Field, String), Posting>,
}

/// Where a file stands in the inverted index.
struct Postings {
    words: Vec<String>,
    fields: Vec<(Field, String)>,
}

impl Postings {
    fn of(manifest: &Manifest) -> Self {
        let fields = Field::ALL.into_iter();
        let folded = |field| Some((field, words::fold(manifest.field(field)?)));
        Self { words: manifest.words(), fields: fields.filter_map(folded).collect() }
    }
}

impl Inner {
    fn insert(&mut self, file: Arc<SharedFile>, postings: Postings) {
        let number = self.next;
        self.next += 1;
        self.by_path.insert(file.path.clone(), number);
        self.by_root.entry(file.manifest.content.root).or_default().insert(number);
        self.by_sha1.entry(file.manifest.content.sha1).or_default().insert(number);
        for word in postings.words {
            self.by_word.entry(word).or_default().insert(number);
        }
        for field in postings.fields {
            self.by_field.entry(field).or_default().insert(number);
        }
        self.files.insert(number, file);
    }

    fn remove(&mut self, path: &Path) -> Option<Arc<SharedFile>> {
        let number = self.by_path.remove(path)?;
        let file = self.files.remove(&number)?;
        let postings = Postings::of(&file.manifest);
        withdraw(&mut self.by_root, file.manifest.content.root, number);
        withdraw(&mut self.by_sha1, file.manifest.content.sha1, number);
        for word in postings.words {
            withdraw(&mut self.by_word, word, number);
        }
        for field in postings.fields {
            withdraw(&mut self.by_field, field, number);
        }
        Some(file)
    }

    /// Files that have every word of the query, or the value of its field; the work is bounded by
    /// the rarest word, however common the others are.
    fn candidates(&self, query: &Query) -> Option<impl Iterator<Item = &Manifest>> {
        let mut postings = if let Some(field) = query.field() {
            vec![self.by_field.get(&(field, words::fold(query.text())))?]
        } else {
            let words = words::tokens(query.text()).into_iter();
            words.map(|word| self.by_word.get(&word)).collect::<Option<Vec<_>>>()?
        };
        postings.sort_by_key(|posting| posting.len());
        let (rarest, others) = postings.split_first()?;
        let (rarest, others) = (*rarest, others.to_vec());
        let in_all = move |number: &&Number| others.iter().all(|posting| posting.contains(number));
        let manifest = |number| Some(&self.files.get(number)?.manifest);
        Some(rarest.iter().filter(in_all).filter_map(manifest))
    }

    fn files_in<'a>(
        &'a self,
        posting: Option<&'a Posting>,
    ) -> impl Iterator<Item = &'a Arc<SharedFile>> {
        posting.into_iter().flatten().filter_map(|number| self.files.get(number))
    }
}

/// Takes a file out of a posting, and the posting away with its last file.
fn withdraw<K: Eq + Hash>(postings: &mut HashMap<K, Posting>, key: K, number: Number) {
    if let Entry::Occupied(mut posting) = postings.entry(key) {
        posting.get_mut().remove(&number);
        if posting.get().is_empty() {
            posting.remove();
        }
    }
}

#[cfg(test)]
mod tests;
