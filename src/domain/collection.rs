//! [`Collection`]: the files of a folder as one thing with one link.
//!
//! Its list is itself a content: fetched in verified blocks, named by its own root. So a link to a
//! folder is a link like any other, and the list has no practical limit. What is in it is true of
//! the contents, as their roots stand in it; the names are whatever its maker chose, and are made
//! safe before anything is created under them.
//!
//! Pure. Invariant of one that was read: paths are relative, have no empty and no special part, are
//! all different, and none of them leads through another.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::{ContentId, Root, blocks, file_name};

/// What a list begins with, so that it cannot be taken for another file, nor another for it.
const MAGIC: &[u8] = b"p2pfs collection 1\n";
/// The media type that a list is described with.
pub const MEDIA_TYPE: &str = "application/vnd.p2pfs.collection";
/// The longest list that is read, in bytes: about half a million files.
pub const MAX_LIST: u64 = 64 << 20;
/// The most files of a collection.
pub const MAX_FILES: usize = 500_000;
/// The longest path within a collection, in bytes.
pub const MAX_PATH: usize = 4_096;
/// The most folders that lead to a file.
pub const MAX_DEPTH: usize = 32;

/// The files of a folder, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    files: Vec<Entry>,
}

/// A file of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its parts separated by `/`.
    pub path: String,
    /// What it is.
    pub content: ContentId,
}

/// Why a list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCollection {
    /// It is another kind of file.
    #[error("it is no list of a collection")]
    Other,
    /// Its bytes do not parse.
    #[error("the list cannot be read: {0}")]
    Malformed(String),
    /// Over [`MAX_FILES`] or [`MAX_LIST`].
    #[error("the list is longer than {MAX_FILES} files or {MAX_LIST} bytes")]
    TooLong,
    /// A path that is none.
    #[error("a path in the list is impossible: {0:?}")]
    Path(String),
    /// Two files at one path, or a file where another has a folder.
    #[error("two files in the list are at {0:?}")]
    Twice(String),
    /// A size that no file has.
    #[error("a size in the list is impossible")]
    Size,
}

impl Collection {
    /// The collection of some files, in the order of their paths.
    ///
    /// # Errors
    /// When the paths break a rule.
    pub fn new(mut files: Vec<Entry>) -> Result<Self, BadCollection> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let collection = Self { files };
        collection.check()?;
        Ok(collection)
    }

    /// Its files, by path.
    #[must_use]
    pub fn files(&self) -> &[Entry] {
        &self.files
    }

    /// Bytes of all its files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.content.size).fold(0, u64::saturating_add)
    }

    /// The bytes of the list: the same for the same files.
    ///
    /// # Errors
    /// When it is too long.
    pub fn encode(&self) -> Result<Vec<u8>, BadCollection> {
        let body = serde_ipld_dagcbor::to_vec(&self.files)
            .map_err(|error| BadCollection::Malformed(error.to_string()))?;
        let list = [MAGIC, &body].concat();
        if list.len() as u64 > MAX_LIST { Err(BadCollection::TooLong) } else { Ok(list) }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub fn decode(list: &[u8]) -> Result<Self, BadCollection> {
        let body = list.strip_prefix(MAGIC).ok_or(BadCollection::Other)?;
        if list.len() as u64 > MAX_LIST {
            return Err(BadCollection::TooLong);
        }
        let files = serde_ipld_dagcbor::from_slice(body).map_err(|error| {
            BadCollection::Malformed(super::Untrusted::new(error.to_string()).truncated(200))
        })?;
        let collection = Self { files };
        collection.check()?;
        Ok(collection)
    }

    /// Paths to create its files under: safe on every platform, and different from each other also
    /// where case and the form of accents do not count. In the order of the files.
    #[must_use]
    pub fn safe_paths(&self) -> Vec<String> {
        let mut names = Names::default();
        self.files.iter().map(|file| names.of(&file.path)).collect()
    }

    /// Whether a file is at or below a path within the collection.
    #[must_use]
    pub fn is_below(file: &str, path: &str) -> bool {
        let path = path.trim_matches('/');
        let rest = file.strip_prefix(path);
        path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn check(&self) -> Result<(), BadCollection> {
        if self.files.len() > MAX_FILES {
            return Err(BadCollection::TooLong);
        }
        let mut paths = HashSet::with_capacity(self.files.len());
        let twice = |path: &str| {
            BadCollection::Twice(super::Untrusted::new(path.to_owned()).truncated(200))
        };
        for file in &self.files {
            if !is_possible(&file.path) {
                let shown = super::Untrusted::new(file.path.clone()).truncated(200);
                return Err(BadCollection::Path(shown));
            }
            if file.content.size > blocks::MAX_FILE {
                return Err(BadCollection::Size);
            }
            if !paths.insert(file.path.as_str()) {
                return Err(twice(&file.path));
            }
        }
        // Folders are looked up, not kept: a list can name thirty times as many as it has files.
        let folders = self
            .files
            .iter()
            .flat_map(|file| file.path.match_indices('/').map(|(at, _)| &file.path[..at]));
        match folders.into_iter().find(|folder| paths.contains(folder)) {
            Some(path) => Err(twice(path)),
            None => Ok(()),
        }
    }
}

/// Whether a media type says that a content is the list of a collection.
#[must_use]
pub fn is_list(media_type: Option<&str>) -> bool {
    media_type == Some(MEDIA_TYPE)
}

/// Under what the files of a collection are followed: a name of its own, since the root of its list
/// names the list itself, which is a content like others.
#[must_use]
pub fn files_of(list: &Root) -> Root {
    Root::from_bytes(blake3::derive_key("p2pfs-tui 2026 files of a collection", list.as_bytes()))
}

fn is_possible(path: &str) -> bool {
    let mut parts = path.split('/');
    path.len() <= MAX_PATH
        && path.matches('/').count() <= MAX_DEPTH
        && !path.contains('\0')
        && parts.all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255)
}

/// Names that were given, for each folder that was.
#[derive(Default)]
struct Names {
    /// What each part of a path became, by the path as it was.
    given: BTreeMap<String, String>,
    /// What is taken, as it looks where case and form do not count.
    taken: BTreeSet<String>,
}

impl Names {
    fn of(&mut self, path: &str) -> String {
        let mut safe = String::new();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let original = &path[..end];
            if let Some(given) = self.given.get(original) {
                safe.clone_from(given);
                continue;
            }
            let name = original.rsplit('/').next().unwrap_or_default();
            let prefix = if safe.is_empty() { String::new() } else { format!("{safe}/") };
            let name = file_name::safe(name);
            let candidates = (0..).map(|n| match n {
                0 => format!("{prefix}{name}"),
                n => format!("{prefix}{}", file_name::numbered(&name, n)),
            });
            let free = candidates.into_iter().find(|path| self.taken.insert(folded(path)));
            safe = free.unwrap_or_default();
            self.given.insert(original.to_owned(), safe.clone());
        }
        safe
    }
}

/// A path as a file system sees it that cares neither for case nor for the form of accents.
fn folded(path: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    path.nfc().collect::<String>().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Sha1Hash;

    fn entry(path: &str) -> Entry {
        let content = ContentId {
            sha1: Sha1Hash::from_bytes([1; 20]),
            root: Root::from_bytes([2; 32]),
            size: 3,
        };
        Entry { path: path.to_owned(), content }
    }

    fn collection(paths: &[&str]) -> Result<Collection, BadCollection> {
        Collection::new(paths.iter().map(|path| entry(path)).collect())
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_is_the_same_for_the_same_files() {
        let (one, other) = (["b", "a/c", "a/b/c"], ["a/b/c", "b", "a/c"]);
        let list = collection(&one).expect("right").encode().expect("short");
        assert_eq!(list, collection(&other).expect("right").encode().expect("short"));
        let read = Collection::decode(&list).expect("reads");
        assert_eq!(read, collection(&one).expect("right"));
        assert_eq!(read.size(), 9);
        assert_eq!(Collection::decode(b"ID3"), Err(BadCollection::Other));
        assert!(Collection::decode(&list[..list.len() - 1]).is_err());
    }

    #[test]
    fn paths_that_lead_elsewhere_or_meet_are_refused() {
        let deep = "a/".repeat(MAX_DEPTH + 1) + "a";
        for path in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0b", &deep] {
            assert!(matches!(collection(&[path]), Err(BadCollection::Path(_))), "{path:?}");
        }
        for paths in [&["a", "a"][..], &["a", "a/b"], &["a/b", "x", "a/b/c/d"]] {
            assert!(matches!(collection(paths), Err(BadCollection::Twice(_))), "{paths:?}");
        }
        assert!(collection(&["a-b", "a/b", "a.b"]).is_ok());
    }

    #[test]
    fn names_are_safe_everywhere_and_stay_apart() {
        let odd = ["Con/x", "a:b", "A/y", "a/x", "a/Y", "e\u{301}", "\u{e9}", "d/t.txt", "d/T.txt"];
        let safe = collection(&odd).expect("possible").safe_paths();
        let folded: BTreeSet<_> = safe.iter().map(|path| folded(path)).collect();
        assert_eq!(folded.len(), odd.len(), "{safe:?}");
        assert!(safe.iter().all(|path| !path.contains(':')), "{safe:?}");
        assert!(safe.contains(&"_Con/x".to_owned()), "{safe:?}");
        // Files of one folder stay in one folder, whatever it is called now.
        let folder = |end: &str| {
            let path = safe.iter().find(|path| path.ends_with(end)).expect("there");
            path.rsplit_once('/').map(|(folder, _)| folder.to_owned())
        };
        assert_eq!(folder("/x").is_some(), folder("/Y").is_some());
    }

    #[test]
    fn what_is_below_a_path_is_found_by_whole_parts() {
        assert!(Collection::is_below("a/b/c", "a/b") && Collection::is_below("a/b", "a/b"));
        assert!(Collection::is_below("a/b", "") && Collection::is_below("a/b", "/a/"));
        assert!(!Collection::is_below("a/bc", "a/b"));
    }
}
