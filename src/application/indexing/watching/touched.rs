//! What was touched, between the thread that hears of it and the one that looks at it.

use std::{
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode},
};

use super::quiet::{Due, Quiet};

/// The touched paths behind their lock.
#[derive(Debug, Default)]
pub(super) struct Touched {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    quiet: Quiet,
    stopping: bool,
}

impl Touched {
    /// Takes note of an event. Called from the watcher's thread.
    pub(super) fn hear(&self, event: notify::Result<Event>) {
        let now = Instant::now();
        let mut state = self.lock();
        match event {
            Ok(event) if event.need_rescan() => state.quiet.touch_all(now),
            Ok(event) if is_change(event.kind) => {
                event.paths.iter().for_each(|path| state.quiet.touch(path, now));
            }
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "a watch failed");
                state.quiet.touch_all(now);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until something is due, or until a moment; `None` when the service stops.
    pub(super) fn wait(&self, until: Instant) -> Option<Option<Due>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.stopping {
                return None;
            }
            let due = state.quiet.due(now);
            if due.is_some() || now >= until {
                return Some(due);
            }
            let next = state.quiet.next().map_or(until, |next| next.min(until));
            let wait = self.changed.wait_timeout(state, next.saturating_duration_since(now));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether a path was touched a moment ago.
    pub(super) fn is_restless(&self, path: &Path) -> bool {
        self.lock().quiet.is_restless(path, Instant::now())
    }

    /// Ends every wait, now and later.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an event may mean that a file is another one now. Reading a file is an event, too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_no_change() {
        assert!(!is_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!is_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(is_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(is_change(EventKind::Any));
    }
}
