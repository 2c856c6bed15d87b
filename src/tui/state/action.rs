//! [`Action`]: everything a key, or a verb of the `:` line, can mean.

use tui_input::InputRequest;

use super::pane::Pane;

/// Everything a key can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Leave, asking first if work would stop.
    Quit,
    /// Close what is open; else leave; while the question is open, leave at once.
    Interrupt,
    /// Back to the shell, to come again with `fg`.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Take away whatever covers the panes, the filter, the zoom or the notice.
    Close,
    /// To a pane.
    Focus(Pane),
    /// To the next pane.
    NextPane,
    /// To the pane before.
    PreviousPane,
    /// To the pane beside.
    Left,
    /// To the pane beside.
    Right,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// The pane alone, with detail.
    Zoom,
    /// The obvious thing: fetch a result, fetch a failed transfer again, show the detail.
    Open,
    /// Ask the network.
    Search,
    /// Show only rows that match.
    Filter,
    /// Share a path.
    Share,
    /// Stop sharing what is selected.
    Unshare,
    /// Copy the link of what is selected.
    CopyLink,
    /// Stop a transfer.
    Cancel,
    /// Pause a transfer, or go on with it.
    Pause,
    /// A higher priority.
    Raise,
    /// A lower priority.
    Lower,
    /// Before the other transfers of its priority.
    ToFront,
    /// Behind the other transfers of its priority.
    ToBack,
    /// The limits of the node.
    Limits,
    /// Fetch a link that somebody gave us.
    Fetch,
    /// Make an invitation.
    Invite,
    /// Use an invitation.
    Join,
    /// The log of notices.
    Notices,
    /// The keys.
    Help,
    /// A command by its name.
    CommandLine,
    /// Do what the prompt says.
    Submit,
    /// The prompt's next alternative.
    NextChoice,
    /// The prompt's alternative before.
    PreviousChoice,
    /// An earlier text of this prompt.
    Older,
    /// A later text of this prompt.
    Newer,
    /// Edit the text of the prompt.
    Edit(InputRequest),
    /// Yes.
    Yes,
    /// Yes, and all of the folder.
    YesFolder,
}
