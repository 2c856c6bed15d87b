//! What a person should know, told to whoever watches and kept for who comes later.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::sync::broadcast;

use super::message::{Event, Notice, NoticeLevel};
use crate::domain::Untrusted;

/// Notices kept for clients that connect later.
const KEPT: usize = 32;

/// The recent notices of a node.
#[derive(Debug)]
pub(super) struct Notices {
    events: broadcast::Sender<Event>,
    recent: Mutex<VecDeque<Notice>>,
}

impl Notices {
    pub(super) fn new(events: broadcast::Sender<Event>) -> Self {
        Self { events, recent: Mutex::default() }
    }

    /// Tells a notice.
    pub(super) fn tell(&self, notice: Notice) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(notice.clone());
        drop(recent);
        // Nobody watching is fine: it is kept.
        let _ = self.events.send(Event::Notice(notice));
    }

    /// Tells a warning with the next step.
    pub(super) fn warn(&self, text: String, hint: Option<String>) {
        tracing::warn!("{text}");
        let text = Untrusted::new(text);
        self.tell(Notice { level: NoticeLevel::Warning, text, hint });
    }

    /// The recent ones, oldest first.
    pub(super) fn recent(&self) -> Vec<Notice> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().cloned().collect()
    }
}
