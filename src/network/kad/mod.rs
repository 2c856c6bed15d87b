//! What the host and the overlays are made of: stores and rules of Kademlia, without any IO.

pub mod ip_group;
pub mod record_store;
