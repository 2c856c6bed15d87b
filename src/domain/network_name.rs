//! [`NetworkName`]: which network a node belongs to; part of every protocol's name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Bytes of a bad name that its error quotes.
const MAX_QUOTED: usize = 80;

/// A network's name: 1 to 32 of `a-z`, `0-9` and `-`.
///
/// Nodes of different networks speak protocols of different names and so never mix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkName(String);

/// The text cannot name a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot name a network: use 1 to 32 of a-z, 0-9 and '-'")]
pub struct BadNetworkName(String);

impl NetworkName {
    /// The name of a protocol in this network: `/p2pfs/<network>/<what>`, and `/p2pfs/<what>` in
    /// the public one.
    #[must_use]
    pub fn protocol(&self, what: &str) -> String {
        if *self == Self::default() {
            format!("/p2pfs/{what}")
        } else {
            format!("/p2pfs/{self}/{what}")
        }
    }
}

impl Default for NetworkName {
    fn default() -> Self {
        Self("p2pfs".to_owned())
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NetworkName {
    type Err = BadNetworkName;

    fn from_str(text: &str) -> Result<Self, BadNetworkName> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        // The error quotes what an invitation says, which may be long.
        let quoted = &text[..text.floor_char_boundary(MAX_QUOTED)];
        if fits { Ok(Self(text.to_owned())) } else { Err(BadNetworkName(quoted.to_owned())) }
    }
}

impl TryFrom<String> for NetworkName {
    type Error = BadNetworkName;

    fn try_from(text: String) -> Result<Self, BadNetworkName> {
        text.parse()
    }
}

impl From<NetworkName> for String {
    fn from(name: NetworkName) -> Self {
        name.0
    }
}
