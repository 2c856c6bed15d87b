//! ContentService: serves shared files to peers and fetches files from them, block by block.
//!
//! [`serve`] answers requests from whatever implements [`serve::Provides`]; [`fetch`] asks all
//! providers at once. Between them stand [`tree`], which decides whether bytes belong to a content,
//! and [`part`], which lets nothing reach a final name that is not complete and right.

mod candidates;
pub mod fetch;
pub mod hash;
pub mod held;
pub mod layout;
pub mod limiter;
pub mod meter;
pub mod part;
pub mod proof;
pub mod providers;
pub mod schedule;
pub mod serve;
pub mod session;
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
