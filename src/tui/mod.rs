//! The terminal: four panes on a running node.
//!
//! ```text
//!   keys, paste, size ─┐                       ┌─ commands to the node
//!   outputs of the node ┼─ Input ─▶ update ─▶ Effect ─ clipboard, suspend, quit
//!   the time ──────────┘         │
//!                              State ─▶ view ─▶ one write per frame
//! ```
//!
//! [`state`] decides and [`view`] draws; both are pure. [`run`] owns the loop between them and
//! the only clock, `terminal` the only file descriptors. Whether the node is in this process
//! or another cannot be told from in here, but for what leaving means.

mod clipboard;
mod runtime;
pub mod state;
mod surface;
mod terminal;
mod theme;
pub mod view;

pub use runtime::{Ended, Options, run};
pub use terminal::TerminalError;
