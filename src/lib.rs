//! Peer-to-peer file sharing in a terminal.

pub mod application;
pub mod domain;
pub mod tui;
