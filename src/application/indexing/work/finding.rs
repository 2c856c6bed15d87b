//! Going through folders, and what becomes of the files that are found there.

use std::{
    collections::HashSet,
    ffi::OsString,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, SyncSender},
    },
    thread::{self, Builder, Scope},
};

use super::{
    super::{
        file::Described,
        name,
        scan::{self, Found, Skipped},
        tags,
    },
    Work,
};
use crate::{
    application::catalog::SharedFile,
    domain::Manifest,
    network::content::hash::{open_outboard, open_regular},
};

/// Files that are handed over at once.
const BATCH: usize = 256;
/// The most threads that take them; what they do is mostly under one lock.
const MAX_HELPERS: usize = 4;

impl Work {
    /// Goes through what a root has at and beneath a path; `later` says which files are left for
    /// another time.
    pub(super) fn walk(
        &self,
        scan: u64,
        root: &Path,
        start: &Path,
        later: impl Fn(&Path) -> bool,
    ) -> Skipped {
        let leave_out = self.library.with(|library| library.roots.leave_out(root));
        let leave_out = leave_out.into_iter().chain([self.data_dir.clone()]);
        let leave_out: HashSet<OsString> = leave_out.map(PathBuf::into_os_string).collect();
        let watch = |folder: &Path| {
            if let Some(notice) = self.watching.watch(root, folder) {
                self.notify(notice);
            }
        };
        // Programs replace a file by another one when they save it: its folder tells of that.
        if start == root && root.is_file() {
            root.parent().into_iter().for_each(watch);
        }
        let (mut batch, mut helpers) = (Vec::new(), None);
        thread::scope(|threads| {
            let skipped = scan::walk(
                root,
                start,
                |path| leave_out.contains(path.as_os_str()),
                watch,
                |found| {
                    if later(&found.path) {
                        self.library.with(|library| library.saw(&found.path, scan));
                    } else {
                        batch.push(found);
                    }
                    if batch.len() == BATCH {
                        let full = std::mem::take(&mut batch);
                        let helpers =
                            helpers.get_or_insert_with(|| self.help_to_find(threads, scan, root));
                        // Where no thread could be had, nobody takes it.
                        if let Err(refused) = helpers.send(full) {
                            self.found(scan, root, refused.0);
                        }
                    }
                    match self.library.is_stopping() {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                },
            );
            drop(helpers);
            self.found(scan, root, batch);
            skipped
        })
    }

    /// Starts threads that take what a large scan finds, as many as there are cores.
    fn help_to_find<'scope>(
        &'scope self,
        threads: &'scope Scope<'scope, '_>,
        scan: u64,
        root: &'scope Path,
    ) -> SyncSender<Vec<Found>> {
        let cores = thread::available_parallelism().map_or(1, usize::from).min(MAX_HELPERS);
        let (sender, batches) = mpsc::sync_channel::<Vec<Found>>(cores);
        let batches = Arc::new(Mutex::new(batches));
        for _ in 0..cores {
            let batches = Arc::clone(&batches);
            let help = move || {
                let next = || batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok(batch) = next() {
                    self.found(scan, root, batch);
                }
            };
            if let Err(error) = Builder::new().name("find".to_owned()).spawn_scoped(threads, help) {
                tracing::debug!(%error, "a scan goes on with fewer threads");
            }
        }
        sender
    }

    fn found(&self, scan: u64, root: &Path, batch: Vec<Found>) {
        let is_news: Vec<bool> =
            self.library.with(|library| batch.iter().map(|found| library.is_news(found)).collect());
        let news: Vec<&Found> =
            batch.iter().zip(&is_news).filter_map(|(found, news)| news.then_some(found)).collect();
        let mut known = self.recall(&news).into_iter();
        let known: Vec<_> = is_news
            .into_iter()
            .map(|news| news.then(|| known.next()).flatten().flatten())
            .collect();
        let before: Vec<Arc<SharedFile>> = self.library.with(|library| {
            let found = batch.into_iter().zip(known);
            found.filter_map(|(found, known)| library.found(scan, root, found, known)).collect()
        });
        before.iter().for_each(|file| self.drop_outboard(&file.manifest.content));
    }

    /// What is known of files that did not change, be it under another name.
    fn recall(&self, files: &[&Found]) -> Vec<Option<Described>> {
        let looks = files.iter().map(|found| (&*found.path, &found.stamp));
        let mut moved = Vec::new();
        let mut describe = |manifest: Option<Manifest>, found: &Found| {
            let is_moved = manifest.is_none();
            let manifest = manifest.or_else(|| self.under_another_name(found))?;
            open_outboard(&self.data_dir, &manifest.content).ok()?;
            let (path, stamp) = (Arc::clone(&found.path), found.stamp);
            let described = Described::new(&self.catalog, SharedFile { path, stamp, manifest });
            if is_moved {
                moved.push(Arc::new(described.file().clone()));
            }
            Some(described)
        };
        let remembered = self.index.get_all(looks).into_iter().zip(files);
        let known = remembered.map(|(manifest, found)| describe(manifest, found)).collect();
        self.index.put(moved);
        known
    }

    /// What a file is that was moved, or has two names. It is not hashed, but looked at: what it
    /// says of itself may depend on its name.
    fn under_another_name(&self, found: &Found) -> Option<Manifest> {
        let known = self.catalog.by_stamp(&found.stamp)?;
        let (file, stamp) = open_regular(&found.path).ok()?;
        let (media_type, tags) = tags::read(&file, &found.path);
        let manifest = Manifest {
            name: name::of(&found.path),
            content: known.manifest.content,
            media_type,
            tags,
        };
        (stamp == found.stamp).then_some(manifest)
    }
}
