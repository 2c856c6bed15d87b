//! [`Input`] and [`Effect`]: all that goes into the screen's state and all that comes out.

use std::{fmt, path::PathBuf};

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use crate::application::message::{CommandId, Output, Request};

/// What reaches the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The time, in Unix milliseconds.
    Tick(u64),
    /// A key.
    Key(KeyEvent),
    /// Text from the clipboard.
    Paste(String),
    /// The screen's size, first of all inputs.
    Resize(Size),
    /// Something the node says.
    Output(Box<Output>),
    /// A command could not be sent: the node's queue is full.
    Refused(CommandId),
    /// The node ended.
    NodeGone,
    /// A text was copied, or why not.
    Copied {
        /// What it was.
        what: Copied,
        /// Why it was not.
        result: Result<(), String>,
    },
    /// A part of this program failed behind the screen.
    Fault(String),
}

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// The link of a file of this name.
    Link(String),
    /// A peer's address.
    Address,
    /// The invitation.
    Invitation,
}

impl Copied {
    /// Where it can be read if the terminal keeps nothing for us.
    pub(super) const fn elsewhere(&self) -> &'static str {
        match self {
            Self::Link(_) => "z shows it in full",
            Self::Address => "z shows the address and the peer",
            Self::Invitation => "i shows it in full",
        }
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(name) => write!(f, "the link of {name}"),
            Self::Address => f.write_str("the peer's address"),
            Self::Invitation => f.write_str("the invitation"),
        }
    }
}

/// What the screen wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a command to the node.
    Send(Request),
    /// Copy a text to the clipboard.
    Copy {
        /// The text.
        text: String,
        /// What it is, for the notice.
        what: Copied,
    },
    /// Leave the terminal to the shell until we are continued.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Leave.
    Quit,
}

/// What the screen must be told before it begins.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whether the node is another process and goes on when we leave.
    pub attached: bool,
    /// Whether to explain the first four things.
    pub first_start: bool,
    /// Where relative paths begin.
    pub cwd: PathBuf,
    /// What `~` means.
    pub home: Option<PathBuf>,
    /// The time, in Unix milliseconds.
    pub now_ms: u64,
    /// The screen's size.
    pub size: Size,
}
