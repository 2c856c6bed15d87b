//! The application layer.

pub mod client;
pub mod message;
