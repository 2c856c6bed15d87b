//! The network layer: what finds content and what moves it.

pub mod content;
