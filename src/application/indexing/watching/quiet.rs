//! [`Quiet`]: which paths were touched, and when each has been left alone for long enough.
//!
//! Pure: the time is a parameter. A path that is written to over and over is not due until that
//! ends, so a file is read once after a burst, not once for each write. The two ends of a rename
//! come together, as what is due at nearly the same time is given out at once.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a path must be left alone.
const QUIET: Duration = Duration::from_secs(1);
/// What is due within this goes along with what is due now.
const TOGETHER: Duration = Duration::from_millis(200);
/// Paths that are told apart; where more are touched, everything is looked at.
const MAX_TOUCHED: usize = 4_096;

/// What is to be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// These paths and what is beneath them.
    Paths(BTreeSet<PathBuf>),
    /// Every shared path.
    Everything,
}

/// The paths that were touched lately.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    touched: HashMap<PathBuf, Instant>,
    /// When it was last found that not all paths are known that were touched.
    all: Option<Instant>,
}

impl Quiet {
    /// Something happened to a path.
    pub(super) fn touch(&mut self, path: &Path, now: Instant) {
        if let Some(last) = self.touched.get_mut(path) {
            *last = now;
        } else if self.touched.len() < MAX_TOUCHED {
            self.touched.insert(path.to_owned(), now);
        } else {
            self.touch_all(now);
        }
    }

    /// Something happened, and nobody knows where.
    pub(super) fn touch_all(&mut self, now: Instant) {
        self.all = Some(now);
    }

    /// Whether a path was touched too lately to be looked at.
    pub(super) fn is_restless(&self, path: &Path, now: Instant) -> bool {
        self.touched.get(path).is_some_and(|last| now.saturating_duration_since(*last) < QUIET)
    }

    /// When something will be due, if nothing more happens.
    pub(super) fn next(&self) -> Option<Instant> {
        self.touched.values().chain(&self.all).min().map(|last| *last + QUIET)
    }

    /// What has been left alone for long enough; it is given out once.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        self.next().filter(|next| *next <= now)?;
        let until = now + TOGETHER;
        let is_due = |last: Instant| last + QUIET <= until;
        let mut paths = BTreeSet::new();
        self.touched.retain(|path, last| {
            let due = is_due(*last);
            if due {
                paths.insert(path.clone());
            }
            !due
        });
        if self.all.take_if(|last| is_due(*last)).is_some() {
            return Some(Due::Everything);
        }
        Some(Due::Paths(paths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Option<Due> {
        Some(Due::Paths(paths.iter().map(PathBuf::from).collect()))
    }

    #[test]
    fn a_burst_of_writes_is_due_once_and_only_when_it_is_over() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let path = Path::new("/m/a");
        for n in 0..50 {
            let now = start + QUIET / 2 * n;
            quiet.touch(path, now);
            assert_eq!(quiet.due(now), None);
            assert!(quiet.is_restless(path, now));
        }
        let last = start + QUIET / 2 * 49;
        assert_eq!(quiet.next(), Some(last + QUIET));
        assert_eq!(quiet.due(last + QUIET / 2), None);
        assert!(!quiet.is_restless(path, last + QUIET));
        assert_eq!(quiet.due(last + QUIET), paths(&["/m/a"]));
        assert_eq!((quiet.due(last + QUIET * 9), quiet.next()), (None, None));
    }

    #[test]
    fn both_ends_of_a_rename_are_due_together() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        quiet.touch(Path::new("/m/from"), start);
        quiet.touch(Path::new("/m/to"), start + Duration::from_millis(1));
        quiet.touch(Path::new("/m/later"), start + QUIET);
        assert_eq!(quiet.due(start + QUIET), paths(&["/m/from", "/m/to"]));
        assert_eq!(quiet.due(start + QUIET * 2), paths(&["/m/later"]));
    }

    #[test]
    fn more_than_can_be_told_apart_is_everything() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        for n in 0..=MAX_TOUCHED {
            quiet.touch(Path::new(&format!("/m/{n}")), start);
        }
        assert_eq!(quiet.due(start + QUIET), Some(Due::Everything));
        assert_eq!(quiet.next(), None);
    }
}
