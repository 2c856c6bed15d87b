//! Peer-to-peer file sharing in a terminal.

pub mod application;
pub mod cli;
pub mod control;
pub mod domain;
pub mod network;
pub mod tui;
