//! [`Mode`]: what has the keys, and what it knows.

use std::path::PathBuf;

use crate::application::message::TransferId;

use super::prompt::Prompt;

/// What has the keys.
#[derive(Debug)]
pub(crate) enum Mode {
    /// The panes.
    Browse,
    /// A line that is being typed.
    Prompt(Prompt),
    /// A question.
    Question(Question),
    /// A text over the panes.
    Overlay(Overlay),
}

/// A question before something that cannot be undone, or that has two answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// Leaving would stop transfers.
    Leave {
        /// How many.
        transfers: u32,
    },
    /// Stop sharing a file, or the folder it was shared with.
    Unshare {
        /// The file.
        path: PathBuf,
        /// The folder, if it was shared as one.
        folder: Option<PathBuf>,
    },
    /// Stop a transfer and delete what has arrived.
    Cancel {
        /// Which.
        transfer: TransferId,
        /// Its name; safe to show.
        name: String,
        /// Bytes that would be deleted.
        done: u64,
    },
}

/// A text over the panes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overlay {
    /// Which text.
    pub(crate) text: OverlayText,
    /// Lines (of the help) or entries (of the notices) that are scrolled past.
    pub(crate) scroll: usize,
}

/// Texts over the panes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OverlayText {
    /// The keys.
    Help,
    /// The log of notices.
    Notices,
    /// An invitation.
    Invite {
        /// The link.
        link: String,
    },
}
