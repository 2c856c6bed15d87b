//! [`Catalog`]: the hashed files that this node serves, found by what a peer may ask for.
//!
//! By root and by SHA-1 for blocks, by word and by field for queries, by what it looks like from
//! outside for one that was moved. It is in memory, cheap to clone and read from any task; only
//! the indexing service writes it. Two paths with the same content are two files here, and either
//! may serve.
//!
//! A hundred thousand files are common, so a file is kept packed and made into a [`SharedFile`]
//! where it is asked for, and the inverted index holds no text: only numbers of files under keyed
//! 64-bit hashes of terms. Two terms that collide cost a look at a file that is not meant, as
//! every lookup compares what it finds.
//!
//! Invariant: a file is in the postings of all its terms, or in none.

mod packed;
pub(super) mod posting;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fs::File,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use self::{
    packed::{MediaTypes, Packed},
    posting::Posting,
};
use crate::{
    domain::{ContentId, Field, Manifest, Query, Root, Sha1Hash, words},
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

/// Stands for a file while it is in the catalog.
pub(super) type Number = u32;

/// A file that is about to enter the catalog, with the hashes of its terms: they are made before
/// any lock is taken.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) file: SharedFile,
    terms: Vec<u64>,
}

/// The hashed files of this node.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The key of the hashes, another one in each run: nobody can make files whose terms collide.
    key: RandomState,
    inner: RwLock<Inner>,
}

impl Catalog {
    /// A file with this content, if there is one.
    #[must_use]
    pub fn by_root(&self, root: &Root) -> Option<Arc<SharedFile>> {
        let inner = self.read();
        let mut found = inner.files_of(self.hash(&Term::Root(root)));
        let (_, file) = found.find(|(_, file)| file.content().root == *root)?;
        Some(Arc::new(file.unpack()))
    }

    /// A file for each different content with this SHA-1.
    #[must_use]
    pub fn by_sha1(&self, sha1: &Sha1Hash) -> Vec<Arc<SharedFile>> {
        let inner = self.read();
        let mut seen = HashSet::new();
        inner
            .files_of(self.hash(&Term::Sha1(sha1)))
            .filter(|(_, file)| file.content().sha1 == *sha1 && seen.insert(*file.content()))
            .map(|(_, file)| Arc::new(file.unpack()))
            .collect()
    }

    /// What answers a query, each content once, at most `limit`.
    #[must_use]
    pub fn answer(&self, query: &Query, limit: usize) -> Vec<Manifest> {
        let terms: HashSet<u64> = match query.field() {
            Some(field) => [self.hash(&Term::Field(field, &words::fold(query.text())))].into(),
            None => words::tokens(query.text())
                .iter()
                .map(|word| self.hash(&Term::Word(word)))
                .collect(),
        };
        let inner = self.read();
        let mut seen = HashSet::new();
        inner
            .having_all(terms)
            .map(|file| file.unpack().manifest)
            .filter(|manifest| query.matches(manifest) && seen.insert(manifest.content))
            .take(limit)
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

    /// Whether any file has this content.
    pub(super) fn has_root(&self, root: &Root) -> bool {
        let inner = self.read();
        inner.files_of(self.hash(&Term::Root(root))).any(|(_, file)| file.content().root == *root)
    }

    /// A file that looks like this from outside: what is at another path with this stamp is the
    /// same file under another name.
    pub(super) fn by_stamp(&self, stamp: &Stamp) -> Option<SharedFile> {
        let inner = self.read();
        let mut found = inner.files_of(self.hash(&Term::Stamp(stamp)));
        found.find(|(_, file)| file.stamp() == stamp).map(|(_, file)| file.unpack())
    }

    /// The paths of all files with this content.
    pub(super) fn paths_of(&self, content: &ContentId) -> Vec<Arc<Path>> {
        let inner = self.read();
        let found = inner.files_of(self.hash(&Term::Root(&content.root)));
        found.filter(|(_, file)| file.content() == content).map(|(_, file)| file.path()).collect()
    }

    /// A file by its number.
    pub(super) fn get(&self, number: Number) -> Option<SharedFile> {
        self.read().files.get(&number).map(|file| file.unpack())
    }

    /// Cuts what a file says of itself into terms.
    pub(super) fn prepare(&self, file: SharedFile) -> Prepared {
        let terms = self.terms(&file);
        Prepared { file, terms }
    }

    /// Adds a file and gives it a number. A path is added once; whoever does keeps account.
    pub(super) fn insert(&self, prepared: Prepared) -> Number {
        let mut inner = self.write();
        let packed = inner.media_types.pack(prepared.file);
        inner.insert(packed, &prepared.terms)
    }

    /// Removes a file.
    pub(super) fn remove(&self, number: Number) -> Option<SharedFile> {
        let file = self.get(number)?;
        let terms = self.terms(&file);
        self.write().remove(number, &terms);
        Some(file)
    }

    fn terms(&self, file: &SharedFile) -> Vec<u64> {
        let SharedFile { stamp, manifest, .. } = file;
        let ContentId { sha1, root, .. } = &manifest.content;
        let mut terms: Vec<u64> = [Term::Root(root), Term::Sha1(sha1), Term::Stamp(stamp)]
            .map(|it| self.hash(&it))
            .into();
        for field in Field::ALL {
            if let Some(value) = manifest.field(field) {
                terms.push(self.hash(&Term::Field(field, &words::fold(value))));
            }
        }
        terms.extend(manifest.words().iter().map(|word| self.hash(&Term::Word(word))));
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    fn hash(&self, term: &Term<'_>) -> u64 {
        self.shared.key.hash_one(term)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.shared.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.shared.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a file may be found by.
#[derive(Debug, Hash)]
enum Term<'a> {
    Root(&'a Root),
    Sha1(&'a Sha1Hash),
    Stamp(&'a Stamp),
    Word(&'a str),
    /// A field and its value, folded.
    Field(Field, &'a str),
}

/// Terms are hashed with a secret key already: their hashes are as good as any.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[derive(Debug, Default)]
struct Inner {
    last: Number,
    files: HashMap<Number, Box<Packed>>,
    postings: HashMap<u64, Posting, BuildHasherDefault<AsIs>>,
    media_types: MediaTypes,
}

impl Inner {
    fn insert(&mut self, file: Packed, terms: &[u64]) -> Number {
        // In order, and a number only again after four thousand million others: what was told of
        // a file is not mistaken for another one's.
        let mut number = self.last.wrapping_add(1);
        while self.files.contains_key(&number) {
            number = number.wrapping_add(1);
        }
        self.last = number;
        self.files.insert(number, Box::new(file));
        for term in terms {
            self.postings.entry(*term).or_default().insert(number);
        }
        number
    }

    fn remove(&mut self, number: Number, terms: &[u64]) {
        self.files.remove(&number);
        for term in terms {
            if let Entry::Occupied(mut posting) = self.postings.entry(*term) {
                posting.get_mut().remove(number);
                if posting.get().is_empty() {
                    posting.remove();
                }
            }
        }
    }

    fn files_of(&self, term: u64) -> impl Iterator<Item = (Number, &Packed)> {
        let numbers = self.postings.get(&term).into_iter().flat_map(Posting::iter);
        numbers.filter_map(|number| Some((number, &**self.files.get(&number)?)))
    }

    /// Files that have every term; the work is bounded by the rarest of them, however common the
    /// others are.
    fn having_all(&self, terms: HashSet<u64>) -> impl Iterator<Item = &Packed> {
        let postings = terms.iter().map(|term| self.postings.get(term));
        let mut postings = postings.collect::<Option<Vec<_>>>().unwrap_or_default();
        postings.sort_by_key(|posting| posting.len());
        let mut postings = postings.into_iter();
        let rarest = postings.next().into_iter().flat_map(Posting::iter);
        let in_all = move |number: &Number| postings.clone().all(|other| other.contains(*number));
        rarest.filter(in_all).filter_map(|number| self.files.get(&number).map(|file| &**file))
    }
}

#[cfg(test)]
mod tests;
