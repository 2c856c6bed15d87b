//! What happens with what was fetched: nothing, or it is shared for ever, until as much was given as
//! taken, or for a time.
//!
//! What is being seeded is remembered, with how much was given, so that a restart changes nothing.
//! Invariant: whatever is in here is shared because of a goal, and is not shared any more once the
//! goal is reached; what a person shares himself never is in here.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{
    catalog::Catalog,
    config::Seeding,
    indexing::IndexingService,
    message::{Notice, NoticeLevel, path_text},
    notices::Notices,
    peers::unix_now,
};
use crate::domain::{Root, Untrusted, units};

/// The most things that are seeded with a goal; further ones are not shared.
pub const MAX_SEEDED: usize = 10_000;
/// How often it is looked whether a goal is reached.
const LOOK: Duration = Duration::from_secs(5);
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// A transfer that is done.
#[derive(Debug, Clone)]
pub struct Completed {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes of it.
    pub size: u64,
    /// Bytes of it that were given to others meanwhile.
    pub given: u64,
}

/// Something that is shared until its goal is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seeded {
    #[serde(with = "path_text")]
    path: PathBuf,
    size: u64,
    given: u64,
    /// Until so many bytes were given.
    until_given: Option<u64>,
    /// Until this Unix second.
    until: Option<u64>,
}

impl Seeded {
    fn new(completed: Completed, policy: Seeding, now: u64) -> Self {
        let Completed { path, size, given } = completed;
        let (until_given, until) = match policy {
            Seeding::No | Seeding::Forever => (None, None),
            Seeding::Ratio(hundredths) => {
                let goal = u128::from(size) * u128::from(hundredths) / 100;
                (Some(u64::try_from(goal).unwrap_or(u64::MAX)), None)
            }
            Seeding::For(time) => (None, Some(now.saturating_add(time.as_secs()))),
        };
        Self { path, size, given, until_given, until }
    }

    fn is_reached(&self, now: u64) -> bool {
        self.until_given.is_some_and(|goal| self.given >= goal)
            || self.until.is_some_and(|until| now >= until)
    }
}

/// Seeds what was fetched, as the policy says. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct SeedingService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    policy: Seeding,
    file: PathBuf,
    catalog: Catalog,
    seeded: Mutex<(Vec<Seeded>, bool)>,
}

impl SeedingService {
    /// What was seeded before goes on.
    pub(super) fn open(policy: Seeding, data_dir: &Path, catalog: Catalog) -> Self {
        let file = data_dir.join("seeding");
        let fits = fs::metadata(&file).is_ok_and(|metadata| metadata.len() <= MAX_FILE);
        let text = if fits { fs::read(&file).unwrap_or_default() } else { Vec::new() };
        let seeded: Vec<Seeded> = serde_json::from_slice(&text).unwrap_or_default();
        let seeded = Mutex::new((seeded, false));
        Self { inner: Arc::new(Inner { policy, file, catalog, seeded }) }
    }

    /// Bytes of a content were given to somebody.
    pub(super) fn sent(&self, root: &Root, bytes: u64) {
        let mut seeded = self.lock();
        if seeded.0.is_empty() {
            return;
        }
        let Some(shared) = self.inner.catalog.by_root(root) else { return };
        let (all, changed) = &mut *seeded;
        for one in all.iter_mut().filter(|one| shared.path.starts_with(&one.path)) {
            one.given = one.given.saturating_add(bytes);
            *changed = true;
        }
    }

    /// Shares what is done, and ends what has reached its goal, until the node stops.
    pub(super) async fn run(
        self,
        mut completed: mpsc::UnboundedReceiver<Completed>,
        (indexing, notices): (IndexingService, Arc<Notices>),
    ) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = completed.recv() => match done {
                    Some(done) => self.begin(done, &indexing, &notices).await,
                    None => return self.save(),
                },
                _ = looks.tick() => self.look(&indexing, &notices).await,
            }
        }
    }

    async fn begin(&self, done: Completed, indexing: &IndexingService, notices: &Notices) {
        let room = self.lock().0.len() < MAX_SEEDED;
        if self.inner.policy == Seeding::No || !room || indexing.row(&done.path).is_some() {
            return;
        }
        let path = fs::canonicalize(&done.path).unwrap_or_else(|_| done.path.clone());
        if let Err(failure) = indexing.share(path.clone(), true).await {
            return notices.warn(format!("{}: {failure}", path.display()), failure.hint.clone());
        }
        if self.inner.policy == Seeding::Forever {
            return;
        }
        self.lock().0.push(Seeded::new(Completed { path, ..done }, self.inner.policy, unix_now()));
        self.save();
    }

    async fn look(&self, indexing: &IndexingService, notices: &Notices) {
        let now = unix_now();
        let (reached, changed) = {
            let mut seeded = self.lock();
            let (all, changed) = &mut *seeded;
            let reached: Vec<_> = all.extract_if(.., |one| one.is_reached(now)).collect();
            (reached, std::mem::take(changed))
        };
        if changed || !reached.is_empty() {
            self.save();
        }
        for Seeded { path, given, .. } in reached {
            if indexing.unshare(path.clone()).await.is_err() {
                continue;
            }
            let text = format!(
                "{} is not shared any more: {} of it were given",
                path.display(),
                units::bytes(given)
            );
            let hint = Some(format!("share it again: p2pfs-tui share {}", path.display()));
            notices.tell(Notice { level: NoticeLevel::Info, text: Untrusted::new(text), hint });
        }
    }

    fn save(&self) {
        let seeded = self.lock().0.clone();
        let write = || {
            let folder = self.inner.file.parent().unwrap_or(Path::new("/"));
            let file = tempfile::NamedTempFile::new_in(folder)?;
            fs::write(file.path(), serde_json::to_vec(&seeded)?)?;
            file.persist(&self.inner.file).map_err(|error| error.error)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "what is seeded cannot be written down");
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Seeded>, bool)> {
        self.inner.seeded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_a_share_of_the_size_or_a_time() {
        let done = Completed { path: "/a".into(), size: 1_000, given: 400 };
        let mut seeded = Seeded::new(done.clone(), Seeding::Ratio(150), 10);
        assert!(!seeded.is_reached(u64::MAX));
        seeded.given = 1_500;
        assert!(seeded.is_reached(0));
        let seeded = Seeded::new(done.clone(), Seeding::For(Duration::from_secs(60)), 10);
        assert!(!seeded.is_reached(69) && seeded.is_reached(70));
        let huge = Completed { size: u64::MAX, ..done };
        assert_eq!(Seeded::new(huge, Seeding::Ratio(u32::MAX), 0).until_given, Some(u64::MAX));
    }

    #[test]
    fn what_is_seeded_is_remembered() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let open = || SeedingService::open(Seeding::Ratio(100), folder.path(), Catalog::default());
        let service = open();
        let done = Completed { path: "/a".into(), size: 7, given: 3 };
        service.lock().0.push(Seeded::new(done, Seeding::Ratio(100), 0));
        service.save();
        assert_eq!(open().lock().0, service.lock().0);
    }
}
