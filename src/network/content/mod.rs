//! ContentService: serves shared files to peers and fetches files from them, block by block.
//!
//! [`serve`] answers requests from whatever implements [`serve::Provides`]; [`fetch`] asks all
//! providers at once, as [`schedule`] decides, and puts what was verified into a [`store`]. Between
//! them stands [`tree`], which decides whether bytes belong to a content.

pub mod bans;
pub mod fetch;
pub mod hash;
pub mod held;
pub mod layout;
pub mod limiter;
pub mod meter;
pub mod providers;
pub mod schedule;
pub mod serve;
pub mod session;
pub mod slots;
pub mod store;
pub mod tree;
pub mod wire;

use libp2p::StreamProtocol;

use super::host::Host;
use crate::domain::NetworkName;

/// The name of the protocol in a network.
#[must_use]
pub fn protocol(network: &NetworkName) -> StreamProtocol {
    Host::protocol(network, "content/2")
}
