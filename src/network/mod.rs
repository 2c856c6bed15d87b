//! The network layer: the host, the overlay behind its facade, and the two protocols of ours.

pub mod content;
pub mod dht;
pub mod host;
pub mod index;
pub mod kad;
pub mod wire;
