//! The shared paths, and which of them a file belongs to.
//!
//! Roots may lie within one another: a file belongs to the nearest root above it, so it counts
//! once. A root may have parts that are excluded, and stays without them however often it is
//! scanned.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::place::{Place, Placed, is_at_or_beneath};
use crate::application::message::RootRow;

/// A shared path.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct SharedRoot {
    /// Whether it is shared again after a restart.
    pub(super) remembered: bool,
    /// What beneath it is not shared.
    pub(super) excluded: BTreeSet<PathBuf>,
    /// Files found in it.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl SharedRoot {
    /// What a client sees of the root.
    pub(super) fn row(&self, path: &Path) -> RootRow {
        let Self { remembered, files, bytes, .. } = *self;
        RootRow { path: path.to_owned(), remembered, files, bytes }
    }
}

/// The shared paths by name.
#[derive(Debug, Default)]
pub(super) struct Roots {
    by_path: BTreeMap<Place, SharedRoot>,
}

impl Roots {
    /// Adds a root, or makes one that was there whole again.
    pub(super) fn add(&mut self, path: &Path, remembered: bool, excluded: BTreeSet<PathBuf>) {
        let root = self.by_path.entry(Place(path.into())).or_default();
        root.remembered |= remembered;
        root.excluded = excluded;
    }

    /// Removes every root at or beneath a path.
    pub(super) fn remove_beneath(&mut self, path: &Path) -> usize {
        let before = self.by_path.len();
        self.by_path.retain(|root, _| !is_at_or_beneath(&root.0, path));
        before - self.by_path.len()
    }

    /// Excludes a path from the root it would belong to. `false` if there is none, or the path is
    /// excluded already.
    pub(super) fn exclude(&mut self, path: &Path) -> bool {
        let Some(owner) = self.owner(path) else { return false };
        let Some(root) = self.get_mut(&owner) else { return false };
        root.excluded.retain(|excluded| !excluded.starts_with(path));
        root.excluded.insert(path.to_owned());
        true
    }

    /// The root a file belongs to, unless it is excluded there.
    pub(super) fn owner(&self, path: &Path) -> Option<Arc<Path>> {
        let nearest = above(path).find_map(|path| self.by_path.get_key_value(&path as &dyn Placed));
        let (Place(path_of_root), root) = nearest?;
        let excluded = !root.excluded.is_empty()
            && path.ancestors().any(|above| root.excluded.contains(above));
        (!excluded).then(|| path_of_root.clone())
    }

    /// What a scan of a root must not enter: other roots beneath it, and what is excluded.
    pub(super) fn leave_out(&self, path: &Path) -> BTreeSet<PathBuf> {
        let beneath = |root: &&Place| is_at_or_beneath(&root.0, path) && *root.0 != *path;
        let nested = self.by_path.keys().filter(beneath).map(|root| root.0.to_path_buf());
        let excluded = self.get(path).into_iter().flat_map(|root| root.excluded.clone());
        nested.chain(excluded).collect()
    }

    pub(super) fn get(&self, path: &Path) -> Option<&SharedRoot> {
        self.by_path.get(&path as &dyn Placed)
    }

    pub(super) fn get_mut(&mut self, path: &Path) -> Option<&mut SharedRoot> {
        self.by_path.get_mut(&path as &dyn Placed)
    }

    /// The roots that are shared again after a restart, and what is excluded from each.
    pub(super) fn remembered(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let remembered = self.by_path.iter().filter(|(_, root)| root.remembered);
        remembered.map(|(path, root)| (path.0.to_path_buf(), root.excluded.clone())).collect()
    }

    /// Every root, by path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Path>, &SharedRoot)> {
        self.by_path.iter().map(|(place, root)| (&place.0, root))
    }
}

/// A path and what is above it, nearest first, as `Path::ancestors`, but for plain absolute paths.
fn above(path: &Path) -> impl Iterator<Item = &Path> {
    std::iter::successors(Some(path), |path| {
        let bytes = path.as_os_str().as_bytes();
        let end = bytes.iter().rposition(|byte| *byte == b'/')?;
        let above = if end == 0 && bytes.len() > 1 { &bytes[..1] } else { &bytes[..end] };
        (!above.is_empty()).then(|| Path::new(OsStr::from_bytes(above)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(paths: &[&str]) -> Roots {
        let mut roots = Roots::default();
        for path in paths {
            roots.add(Path::new(path), true, BTreeSet::new());
        }
        roots
    }

    fn owner(roots: &Roots, path: &str) -> Option<String> {
        roots.owner(Path::new(path)).map(|owner| owner.to_string_lossy().into_owned())
    }

    #[test]
    fn what_is_above_a_path_is_what_the_library_says() {
        for path in ["/", "/a", "/a/b", "/a/bb/c.d"] {
            let path = Path::new(path);
            assert_eq!(above(path).collect::<Vec<_>>(), path.ancestors().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_file_belongs_to_the_nearest_root() {
        let roots = roots(&["/m", "/m/rock", "/m-x"]);
        assert_eq!(owner(&roots, "/m/a").as_deref(), Some("/m"));
        assert_eq!(owner(&roots, "/m/rock/a").as_deref(), Some("/m/rock"));
        assert_eq!(owner(&roots, "/m/rocket").as_deref(), Some("/m"));
        assert_eq!(owner(&roots, "/n/a"), None);
        assert_eq!(roots.leave_out(Path::new("/m")), BTreeSet::from(["/m/rock".into()]));
    }

    #[test]
    fn what_is_excluded_stays_out_until_its_root_is_shared_anew() {
        let mut roots = roots(&["/m"]);
        assert!(roots.exclude(Path::new("/m/a/b")));
        assert!(roots.exclude(Path::new("/m/a")));
        assert!(!roots.exclude(Path::new("/m/a/b")), "it is already");
        assert!(!roots.exclude(Path::new("/n")), "nobody shares it");
        assert_eq!(owner(&roots, "/m/a/b/c"), None);
        assert!(owner(&roots, "/m/ab").is_some());
        assert_eq!(roots.leave_out(Path::new("/m")), BTreeSet::from(["/m/a".into()]));
        roots.add(Path::new("/m"), false, BTreeSet::new());
        assert!(owner(&roots, "/m/a/b/c").is_some());
        assert!(roots.get(Path::new("/m")).is_some_and(|root| root.remembered));
    }

    #[test]
    fn removing_takes_the_roots_beneath_along() {
        let mut roots = roots(&["/m", "/m/rock", "/mm"]);
        assert_eq!(roots.remove_beneath(Path::new("/m")), 2);
        assert_eq!(roots.iter().count(), 1);
    }
}
