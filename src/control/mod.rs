//! The application's messages over a Unix socket, so that other processes can talk to a node.
//!
//! [`server`] bridges every connection to a fresh [`Client`](crate::application::client::Client)
//! of the node; [`client`] gives back that very same type at the other end. Between them runs one
//! JSON object per line, see [`wire`]. Nothing is decided here: messages are carried, bounded and
//! checked, and a client that is slow or talks nonsense hurts nobody but itself.

pub mod client;
pub mod server;
mod socket;
pub mod wire;

pub use client::connect;
pub use server::ControlServer;
