//! Looking again at what is shared: paths that were touched, and the shared paths themselves.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::scan::{self, shown},
    Work,
};
use crate::application::{
    catalog::SharedFile,
    message::{Failure, Notice, NoticeLevel},
};

impl Work {
    /// Looks at paths and at what is beneath them: what is new or changed is hashed, what is gone
    /// is withdrawn. What was moved from one of them to another is not hashed again.
    pub(in super::super) fn look_at(&self, paths: &BTreeSet<PathBuf>) {
        let scan = self.library.with(|library| library.begin_scan());
        let mut looked = Vec::new();
        let mut last: Option<&PathBuf> = None;
        for path in paths {
            // A path sorts before what is beneath it, which it covers.
            if last.is_some_and(|last| path.starts_with(last)) {
                continue;
            }
            let Some(root) = self.library.with(|library| library.roots.owner(path)) else {
                continue;
            };
            if *root == **path && !self.is_there(&root) {
                continue;
            }
            if scan::is_passed_over(&root, path) {
                continue;
            }
            if !path.exists() {
                self.watching.gone(path);
            }
            // What is being written to is looked at by its own name once it is quiet.
            self.walk(scan, &root, path, |file| self.watching.is_restless(file));
            looked.push((root, path));
            last = Some(path);
        }
        // A look that was cut short says nothing of what it did not find.
        if self.library.is_stopping() {
            return;
        }
        let gone: Vec<Arc<SharedFile>> = self.library.with(|library| {
            let gone = looked.iter().flat_map(|(root, path)| library.end_scan(scan, root, path));
            gone.collect()
        });
        self.forget(&gone);
    }

    /// Whether a shared path is there. If not, what was found in it is withdrawn; it stays
    /// remembered, so that it costs no hash when it is back.
    fn is_there(&self, root: &Path) -> bool {
        let Err(failure) = scan::check_root(root) else { return true };
        self.withdraw_all(root);
        if self.watching.vanished(root) {
            self.notify(root_is_absent(&failure, root));
        }
        false
    }

    fn withdraw_all(&self, root: &Path) {
        self.library.with(|library| {
            let scan = library.begin_scan();
            library.end_scan(scan, root, root);
        });
    }

    /// Looks at the shared paths themselves: whether they are there, and are what they were.
    pub(in super::super) fn check_roots(&self) {
        let roots = self.root_paths();
        let found = self.watching.check(&roots);
        if found.other.is_empty() {
            return;
        }
        for root in &found.back {
            let text = format!("{} is back, and shared again", shown(root));
            self.notify(Notice { level: NoticeLevel::Info, text: text.into(), hint: None });
        }
        for root in &found.other {
            // Of another disk: what was found on the one before is remembered for its return.
            if self.is_there(root) && !found.back.contains(root) {
                self.withdraw_all(root);
            }
        }
        self.look_at(&found.other);
    }

    /// The shared paths.
    pub(in super::super) fn root_paths(&self) -> Vec<PathBuf> {
        let paths = |library: &mut super::super::library::Library| {
            library.roots.iter().map(|(path, _)| path.to_path_buf()).collect()
        };
        self.library.with(paths)
    }

    pub(in super::super) fn notify(&self, notice: Notice) {
        self.library.with(|library| library.notify(notice));
    }
}

/// A shared path is not there.
pub(super) fn root_is_absent(failure: &Failure, root: &Path) -> Notice {
    let hint = format!(
        "it is shared again as soon as it is there; or forget it: p2pfs-tui unshare {}",
        shown(root)
    );
    Notice { level: NoticeLevel::Warning, text: failure.message.clone().into(), hint: Some(hint) }
}
