//! [`Place`]: a path as a key that is compared quickly.
//!
//! The order is that of paths, part by part: what is beneath a folder comes right after it. `Path`
//! takes paths apart for each comparison, which in a library of a hundred thousand files is most
//! of the work; here bytes are compared, with `/` before all others. That is the same for paths
//! that are absolute, without `..` and written in one way only, and such are all that are given
//! here ([`normal`]).

use std::{
    borrow::Borrow,
    cmp::Ordering,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes that are compared at once.
const CHUNK: usize = 16;

/// A path that is a key.
#[derive(Debug, Clone)]
pub(super) struct Place(pub(super) Arc<Path>);

/// What is compared like a [`Place`]: it, and a path that is looked up.
pub(super) trait Placed {
    fn path(&self) -> &Path;
}

impl Placed for Place {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Placed for &Path {
    fn path(&self) -> &Path {
        self
    }
}

impl<'a> Borrow<dyn Placed + 'a> for Place {
    fn borrow(&self) -> &(dyn Placed + 'a) {
        self
    }
}

impl Ord for dyn Placed + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.path().as_os_str().as_bytes(), other.path().as_os_str().as_bytes())
    }
}

impl PartialOrd for dyn Placed + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Placed + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for dyn Placed + '_ {}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        (self as &dyn Placed).cmp(other as &dyn Placed)
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let chunks = one.chunks_exact(CHUNK).zip(other.chunks_exact(CHUNK));
    let same = chunks.take_while(|(one, other)| one == other).count() * CHUNK;
    let rest = one[same..].iter().zip(&other[same..]);
    // Nothing sorts before the end of a part, but the end of the path.
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    match rest.into_iter().find(|(one, other)| one != other) {
        Some((one, other)) => rank(*one).cmp(&rank(*other)),
        None => one.len().cmp(&other.len()),
    }
}

/// Whether a path is another one or beneath it, both written in the one way.
pub(super) fn is_at_or_beneath(path: &Path, above: &Path) -> bool {
    let (path, above) = (path.as_os_str().as_bytes(), above.as_os_str().as_bytes());
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || above.ends_with(b"/"))
}

/// A path written in the one way: without `.`, and with one `/` between parts.
pub(super) fn normal(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_sort_like_paths(one in "(/[a!][a!.]{0,20}){1,4}", other in "(/[a!][a!.]{0,20}){0,4}") {
            let (one, other) = (normal(Path::new(&one)), normal(Path::new(&other)));
            let other = if other.as_os_str().is_empty() { PathBuf::from("/") } else { other };
            let places = [&one, &other].map(|path| Place(path.as_path().into()));
            prop_assert_eq!(places[0].cmp(&places[1]), one.cmp(&other));
            prop_assert_eq!(is_at_or_beneath(&one, &other), one.starts_with(&other));
            for above in one.ancestors() {
                prop_assert!(is_at_or_beneath(&one, above));
            }
        }
    }
}
