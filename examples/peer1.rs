//! The first peer: shares some music and waits for others.
//!
//! ```sh
//! cargo run --example peer1
//! ```
//! It prints its address; give that to the other two.

mod common;

use common::{Outcome, Peer};

#[tokio::main]
async fn main() -> Outcome<()> {
    let samples = ["Pyotr Ilyich Tchaikovsky", "Mixtape"];
    Peer::start(None, &samples).await?.serve("peer 1").await
}
