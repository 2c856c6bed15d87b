//! What a person should know, newest last, with the time it came.

use std::collections::VecDeque;

use crate::{
    application::message::{Failure, FailureKind, Notice, NoticeLevel},
    domain::untrusted::visible,
};

/// The most notices that are kept.
const KEPT: usize = 200;

/// A notice, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// How bad it is.
    pub(crate) level: NoticeLevel,
    /// What happened; safe to show.
    pub(crate) text: String,
    /// What to do next; safe to show.
    pub(crate) hint: Option<String>,
    /// When it came last, in Unix milliseconds.
    pub(crate) at_ms: u64,
    /// How often it came in a row.
    pub(crate) times: u32,
}

/// The notices.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    entries: VecDeque<Entry>,
    /// Whether the newest one was closed by hand.
    closed: bool,
}

impl Notices {
    /// Adds a notice; the same once more only counts.
    pub(crate) fn add(&mut self, level: NoticeLevel, text: &str, hint: Option<&str>, now_ms: u64) {
        let (text, hint) = (visible(text), hint.map(visible));
        self.closed = false;
        if let Some(last) = self.entries.back_mut()
            && (last.level, &last.text, &last.hint) == (level, &text, &hint)
        {
            (last.times, last.at_ms) = (last.times.saturating_add(1), now_ms);
            return;
        }
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { level, text, hint, at_ms: now_ms, times: 1 });
    }

    /// Adds a notice of the node.
    pub(crate) fn take(&mut self, notice: &Notice, now_ms: u64) {
        self.add(notice.level, notice.text.raw(), notice.hint.as_deref(), now_ms);
    }

    /// Adds a failure of something a person asked for.
    pub(crate) fn fail(&mut self, failure: &Failure, now_ms: u64) {
        let level = match failure.kind {
            FailureKind::NoPeers | FailureKind::NotFound | FailureKind::Interrupted => {
                NoticeLevel::Warning
            }
            _ => NoticeLevel::Error,
        };
        self.add(level, &failure.message, failure.hint.as_deref(), now_ms);
    }

    /// The newest notice while it is fresh: longer the worse it is.
    pub(crate) fn fresh(&self, now_ms: u64) -> Option<&Entry> {
        let newest = self.entries.back().filter(|_| !self.closed)?;
        let shown_ms = match newest.level {
            NoticeLevel::Info => 8_000,
            NoticeLevel::Warning => 15_000,
            NoticeLevel::Error => 30_000,
        };
        (now_ms.saturating_sub(newest.at_ms) < shown_ms).then_some(newest)
    }

    /// Takes the newest notice off the screen; it stays in the log. Says whether there was one.
    pub(crate) fn close(&mut self, now_ms: u64) -> bool {
        let was_shown = self.fresh(now_ms).is_some();
        self.closed = true;
        was_shown
    }

    /// All of them, newest first.
    pub(crate) fn newest_first(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_counts_repeats() {
        let mut notices = Notices::default();
        notices.add(NoticeLevel::Info, "again", None, 1);
        notices.add(NoticeLevel::Info, "again", None, 2);
        assert_eq!(notices.newest_first().map(|entry| entry.times).collect::<Vec<_>>(), [2]);
        for n in 0..1_000 {
            notices.add(NoticeLevel::Info, &n.to_string(), None, n);
        }
        assert_eq!(notices.newest_first().len(), KEPT);
        assert!(notices.fresh(1_000).is_some() && notices.fresh(60_000).is_none());
        assert!(notices.close(1_000) && notices.fresh(1_000).is_none());
    }
}
