//! The word-index protocol: ask a peer which of its files answer a query.
//!
//! One stream, one question: a [`wire::Question`], then a [`wire::Answer`] for each row and one
//! that ends. The asking side checks every row with the same matcher that made it, so no peer
//! can put on the screen what was not asked for.

mod ask;
mod serve;
pub mod wire;

pub use ask::{Answered, AskError, ask};
pub use serve::{Answerer, serve};

use libp2p::StreamProtocol;

use super::host::Host;
use crate::domain::NetworkName;

/// The name of the protocol in a network.
#[must_use]
pub fn protocol(network: &NetworkName) -> StreamProtocol {
    Host::protocol(network, "search/1")
}
