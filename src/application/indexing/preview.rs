//! [`Preview`]: what sharing would publish, found out without sharing anything.
//!
//! Reads folders, stamps, and what files say of themselves; hashes nothing, writes nothing and
//! needs no node. It scans by the very rules of the service, so what it counts is what would be
//! shared. Contents are not known without reading everything, so each file counts as another one.

use std::{
    collections::{BTreeMap, HashSet},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::{
    name, scan,
    scan::{Found, KEPT, Reason},
    tags,
};
use crate::{
    application::message::{Failure, RootRow},
    domain::{ContentId, Key, Manifest, Root, Sha1Hash, words},
    network::content::hash::open_regular,
};

/// Keys of a file that follow from its content: its SHA-1 and its root.
const CONTENT_KEYS: u64 = 2;

/// What would be shared.
#[derive(Debug, Default)]
pub struct Preview {
    data_dir: PathBuf,
    roots: Vec<PathBuf>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The words under which they would be found, and how many files each would find.
    pub words: BTreeMap<String, u64>,
    /// What would be left out, by reason.
    pub left_out: BTreeMap<Reason, LeftOut>,
    /// Keys of names, tags and words, each once.
    keys: HashSet<Key>,
}

/// Entries that would be left out for one reason.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// How many; a folder is one.
    pub count: u64,
    /// The first of them.
    pub first: Vec<PathBuf>,
}

impl Preview {
    /// Nothing yet. `data_dir` is never shared: a node has its state there.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        let data_dir = std::fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        Self { data_dir, ..Self::default() }
    }

    /// Adds an absolute path. What an earlier one covers is not counted twice. Blocks the thread.
    ///
    /// # Errors
    /// When it could not be shared, as sharing itself would say.
    pub fn add(&mut self, path: &Path) -> Result<RootRow, Failure> {
        let root = scan::check_root(path)?;
        scan::check_not_own(&root, &self.data_dir)?;
        let known = self.roots.iter().any(|earlier| root.starts_with(earlier));
        let mut row = RootRow { path: root.clone(), remembered: true, files: 0, bytes: 0 };
        let mut found = Vec::new();
        let leave_out =
            |path: &Path| *path == self.data_dir || self.roots.iter().any(|root| root == path);
        let skipped = scan::walk(
            &root,
            &root,
            leave_out,
            |_| {},
            |file| {
                row.files += 1;
                row.bytes += file.stamp.size;
                if !known {
                    found.push(file);
                }
                ControlFlow::Continue(())
            },
        );
        if !known {
            for (reason, passed) in skipped.into_reasons() {
                // What an earlier path covers is shared by that one.
                let mut first = passed.first;
                let all = first.len();
                first.retain(|path| !self.roots.contains(path));
                let count = passed.count - (all - first.len()) as u64;
                self.leave_out(reason, first, count);
            }
            found.iter().for_each(|file| self.count(file));
            self.roots.push(root);
        }
        Ok(row)
    }

    /// How many keys would be announced, at most: files of one content share some.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys.len() as u64 + CONTENT_KEYS * self.files
    }

    fn count(&mut self, found: &Found) {
        let Ok((file, stamp)) = open_regular(&found.path) else {
            return self.leave_out(Reason::Unreadable, vec![found.path.to_path_buf()], 1);
        };
        self.files += 1;
        self.bytes += stamp.size;
        let (media_type, tags) = tags::read(&file, &found.path);
        let (sha1, root) = (Sha1Hash::from_bytes([0; 20]), Root::from_bytes([0; 32]));
        let content = ContentId { sha1, root, size: stamp.size };
        let manifest = Manifest { name: name::of(&found.path), content, media_type, tags };
        let published = manifest.words().into_iter().filter(|word| words::is_published(word));
        for word in published.take(words::MAX_PER_FILE) {
            *self.words.entry(word).or_default() += 1;
        }
        // The first are the content's, which is not known.
        self.keys.extend(manifest.keys().into_iter().skip(CONTENT_KEYS as usize));
    }

    fn leave_out(&mut self, reason: Reason, paths: Vec<PathBuf>, count: u64) {
        if paths.is_empty() {
            return;
        }
        let left_out = self.left_out.entry(reason).or_default();
        left_out.count += count;
        left_out.first.extend(paths);
        left_out.first.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::Builder::new().prefix("preview").tempdir().expect("folder");
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("parent")).expect("folders");
            fs::write(path, text).expect("file");
        }
        folder
    }

    #[test]
    fn it_counts_what_would_be_published_and_what_would_not() {
        let folder = tree(&[
            ("Swan Lake.txt", "12345"),
            ("more/Swan Song.txt", "123"),
            (".git/config", "hidden"),
            ("server.pem", "key"),
            ("data/identity.key", "own"),
            ("movie.part", "unfinished"),
        ]);
        let root = fs::canonicalize(folder.path()).expect("real");
        let mut preview = Preview::new(&root.join("data"));
        let row = preview.add(&root).expect("shared");
        assert_eq!((row.files, row.bytes), (2, 8));
        assert_eq!((preview.files, preview.bytes), (2, 8));
        let words: Vec<_> = preview.words.iter().map(|(word, files)| (&**word, *files)).collect();
        assert_eq!(words, [("lake", 1), ("song", 1), ("swan", 2), ("txt", 2)]);
        // Two names, exact and folded; four words; two contents.
        assert_eq!(preview.keys(), 4 + 4 + 4);
        let left_out: Vec<_> =
            preview.left_out.iter().map(|(why, out)| (*why, out.count)).collect();
        let expected = [Reason::Key, Reason::Hidden, Reason::Unfinished, Reason::System];
        assert_eq!(left_out, expected.map(|reason| (reason, 1)));
        assert_eq!(preview.left_out[&Reason::Key].first, [root.join("server.pem")]);
    }

    #[test]
    fn what_is_covered_twice_counts_once() {
        let folder = tree(&[("a.txt", "1"), ("in/b.txt", "1")]);
        let root = fs::canonicalize(folder.path()).expect("real");
        for paths in [[root.clone(), root.join("in")], [root.join("in"), root.clone()]] {
            let mut preview = Preview::new(Path::new("/nowhere"));
            for path in &paths {
                preview.add(path).expect("shared");
            }
            assert_eq!(preview.files, 2, "{paths:?}");
            assert!(preview.left_out.is_empty(), "{:?}", preview.left_out);
        }
    }

    #[test]
    fn what_could_not_be_shared_says_why() {
        let folder = tree(&[("data/identity.key", "own")]);
        let data = fs::canonicalize(folder.path()).expect("real").join("data");
        let mut preview = Preview::new(&data);
        for path in [data.clone(), data.join("identity.key"), folder.path().join("missing")] {
            let failure = preview.add(&path).expect_err("refused");
            assert!(failure.hint.is_some(), "{failure}");
        }
        assert_eq!(preview.keys(), 0);
    }
}
