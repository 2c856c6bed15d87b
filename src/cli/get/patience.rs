//! [`Patience`]: when a person has waited long enough for a file.

use std::time::{Duration, Instant};

use crate::{
    application::message::{Failure, FailureKind, TransferRow, TransferState},
    cli::transfers,
    domain::units,
};

/// Without `--timeout`, a transfer to which nothing comes is given up after this long.
const STALLED: Duration = Duration::from_secs(120);
/// How long to wait, and for what.
pub(super) struct Patience {
    total: Option<Duration>,
    start: Instant,
    progress: (u64, Instant),
}

impl Patience {
    pub(super) fn new(total: Option<Duration>) -> Self {
        let start = Instant::now();
        Self { total, start, progress: (0, start) }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// When the time is up: there was nobody, or it was not enough.
    pub(super) fn check(&mut self, row: &TransferRow) -> Result<(), Failure> {
        if row.done > self.progress.0 || is_at_work(&row.state) {
            self.progress = (row.done, Instant::now());
        }
        let waited = match self.total {
            Some(total) => (self.start.elapsed() >= total).then(|| self.start.elapsed()),
            None => Some(self.progress.1.elapsed()).filter(|idle| *idle >= STALLED),
        };
        waited.map_or(Ok(()), |waited| Err(gave_up(row, waited)))
    }
}

/// Whether it waits for nobody but this node.
const fn is_at_work(state: &TransferState) -> bool {
    matches!(
        state,
        TransferState::Queued | TransferState::Checking { .. } | TransferState::Finishing
    )
}

fn gave_up(row: &TransferRow, waited: Duration) -> Failure {
    let waited = units::duration(waited);
    if row.done == 0 && row.sources == 0 {
        let message = format!("nobody has {} ({waited} were spent looking)", row.name);
        return Failure::new(FailureKind::NotFound, message)
            .hint("whoever offers it must be online; try again later, or wait with --timeout");
    }
    let done = transfers::percent(row.done, row.size);
    let message = format!("gave up on {} after {waited}, with {done} of it", row.name);
    Failure::new(FailureKind::TimedOut, message).hint("give it more time: --timeout SECONDS")
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::domain::Link;

    /// A transfer of ten bytes.
    pub(in crate::cli::get) fn row(done: u64, sources: u32) -> TransferRow {
        let link: Link = "0123456789012345678901234567890123456789".parse().expect("link");
        TransferRow {
            transfer: 1,
            name: "x".into(),
            sha1: link.sha1,
            size: Some(10),
            done,
            rate: 0,
            sources,
            banned: 0,
            talking: 0,
            from: None,
            files: None,
            priority: 0,
            limit: None,
            uploaded: 0,
            state: TransferState::FindingSources,
            path: PathBuf::from("/x"),
            link,
        }
    }

    #[test]
    fn giving_up_says_whether_there_was_anything() {
        let mut over = Patience::new(Some(Duration::ZERO));
        assert_eq!(over.check(&row(0, 0)).expect_err("over").kind, FailureKind::NotFound);
        assert_eq!(over.check(&row(5, 0)).expect_err("over").kind, FailureKind::TimedOut);
        assert_eq!(over.check(&row(0, 1)).expect_err("over").kind, FailureKind::TimedOut);
        let mut patient = Patience::new(None);
        assert!(patient.check(&row(0, 0)).is_ok());
        let Some(long_ago) = Instant::now().checked_sub(STALLED) else { return };
        patient.progress.1 = long_ago;
        assert!(patient.check(&row(5, 1)).is_ok(), "something came");
        patient.progress.1 = long_ago;
        assert!(patient.check(&row(5, 1)).is_err(), "nothing more came");
        let queued = TransferRow { state: TransferState::Queued, ..row(5, 1) };
        assert!(patient.check(&queued).is_ok(), "others come first");
    }
}
