//! The second peer: joins the first, and shares other music and some of the same.
//!
//! ```sh
//! cargo run --example peer2 -- ADDRESS-OF-PEER-1
//! ```

mod common;

use common::{Outcome, Peer, bootstrap};

#[tokio::main]
async fn main() -> Outcome<()> {
    let samples = ["Antonín Dvořák", "Mixtape"];
    Peer::start(bootstrap()?, &samples).await?.serve("peer 2").await
}
