//! [`Link`]: what one person gives another to fetch a file; [`Invite`]: to join a network.

use std::{fmt, str::FromStr};

use libp2p_identity::PeerId;
use multiaddr::{Multiaddr, Protocol};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{ContentId, NetworkName, Root, Sha1Hash, blocks, manifest};

/// The longest link that is read, in bytes.
pub const MAX_LINK: usize = 8 * 1024;
/// The most addresses that are taken from a link.
pub const MAX_PEERS: usize = 16;

const SHORT: &str = "p2pfs:";
const MAGNET: &str = "magnet:?";
const INVITE: &str = "p2pfs-join:";
/// Bytes that stay themselves in a parameter.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What to fetch. At least one of the hashes is there; the root wins over anything else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Link {
    /// The address, to look up.
    pub sha1: Option<Sha1Hash>,
    /// The identity, to verify against.
    pub root: Option<Root>,
    /// The size, if the link says it.
    pub size: Option<u64>,
    /// A name to save it under, if the link says one. Not to be trusted.
    pub name: Option<String>,
    /// Peers that may have it.
    pub peers: Vec<Multiaddr>,
}

/// Why a text is no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// Another scheme, or no link at all.
    #[error(
        "{0:?} is no link of ours: expected magnet:?xt=urn:sha1:…, p2pfs:… or the 40 digits of a SHA-1"
    )]
    Scheme(String),
    /// A hash that is not one.
    #[error("the link's {what} is not a hash: expected {expected}, got {got:?}")]
    Hash {
        /// Which hash.
        what: &'static str,
        /// What it should look like.
        expected: &'static str,
        /// What stood there.
        got: String,
    },
    /// No hash that we know.
    #[error("the link names no content: it has neither xt=urn:sha1:… nor xt=urn:blake3:…")]
    NoHash,
    /// A size that is not a number or that no file can have.
    #[error("the link's size {0:?} is impossible: expected a number of bytes, at most 2^50")]
    Size(String),
    /// A peer address that does not parse.
    #[error("the link's peer address {0:?} does not parse: expected /ip4/…/tcp/…/p2p/…")]
    Peer(String),
    /// Over [`MAX_LINK`].
    #[error("the link is longer than {MAX_LINK} bytes")]
    TooLong,
}

impl Link {
    /// The link of a known content.
    #[must_use]
    pub fn of(content: &ContentId, name: &str) -> Self {
        Self {
            sha1: Some(content.sha1),
            root: Some(content.root),
            size: Some(content.size),
            name: Some(name.to_owned()),
            peers: Vec::new(),
        }
    }

    /// The short form, to type or to scan; `None` where the root is not known.
    #[must_use]
    pub fn short(&self) -> Option<String> {
        self.root.map(|root| format!("{SHORT}{}", root.to_base32()))
    }

    /// Whether another link names the same content, as far as both say.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        (self.root, self.sha1, self.size) == (other.root, other.sha1, other.size)
    }

    fn empty() -> Self {
        Self { sha1: None, root: None, size: None, name: None, peers: Vec::new() }
    }

    fn parse_magnet(parameters: &str) -> Result<Self, BadLink> {
        let mut link = Self::empty();
        for (key, value) in parameters.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = percent_decode_str(value).decode_utf8_lossy();
            match key {
                "xt" => link.set_hash(&value)?,
                "xl" => link.size = Some(parse_size(&value)?),
                "dn" => link.name = Some(cut(&value, manifest::MAX_NAME)),
                "x.pe" if link.peers.len() < MAX_PEERS => {
                    let bad = || BadLink::Peer(cut(&value, 200));
                    link.peers.push(value.parse().map_err(|_| bad())?);
                }
                _ => {}
            }
        }
        if link.sha1.is_none() && link.root.is_none() {
            return Err(BadLink::NoHash);
        }
        // Escaping makes addresses longer, and the node at the other end of the socket must be
        // able to read the link as well.
        if link.to_string().len() > MAX_LINK { Err(BadLink::TooLong) } else { Ok(link) }
    }

    fn set_hash(&mut self, urn: &str) -> Result<(), BadLink> {
        if let Some(text) = urn.strip_prefix("urn:sha1:") {
            let sha1 = Sha1Hash::from_base32(text).or_else(|| text.parse().ok());
            self.sha1 = Some(sha1.ok_or_else(|| BadLink::Hash {
                what: "SHA-1",
                expected: "32 characters of base32",
                got: cut(text, 80),
            })?);
        } else if let Some(text) = urn.strip_prefix("urn:blake3:") {
            let root = text.parse().ok().or_else(|| Root::from_base32(text));
            self.root = Some(root.ok_or_else(|| BadLink::Hash {
                what: "BLAKE3 root",
                expected: "64 hexadecimal digits",
                got: cut(text, 80),
            })?);
        }
        Ok(())
    }
}

impl FromStr for Link {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        let text = text.trim();
        if text.len() > MAX_LINK {
            return Err(BadLink::TooLong);
        }
        if let Some(parameters) = strip_scheme(text, MAGNET) {
            return Self::parse_magnet(parameters);
        }
        if let Some(root) = strip_scheme(text, SHORT) {
            let root = Root::from_base32(root).ok_or_else(|| BadLink::Hash {
                what: "BLAKE3 root",
                expected: "52 characters of base32",
                got: cut(root, 80),
            })?;
            return Ok(Self { root: Some(root), ..Self::empty() });
        }
        if let Ok(sha1) = text.parse() {
            return Ok(Self { sha1: Some(sha1), ..Self::empty() });
        }
        Err(BadLink::Scheme(cut(text, 80)))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(sha1) = self.sha1 {
            parts.push(format!("xt=urn:sha1:{}", sha1.to_base32().to_ascii_uppercase()));
        }
        if let Some(root) = self.root {
            parts.push(format!("xt=urn:blake3:{root}"));
        }
        if let Some(size) = self.size {
            parts.push(format!("xl={size}"));
        }
        if let Some(name) = &self.name {
            parts.push(format!("dn={}", utf8_percent_encode(name, PLAIN)));
        }
        for peer in &self.peers {
            parts.push(format!("x.pe={}", utf8_percent_encode(&peer.to_string(), PLAIN)));
        }
        write!(f, "{MAGNET}{}", parts.join("&"))
    }
}

impl TryFrom<String> for Link {
    type Error = BadLink;

    fn try_from(text: String) -> Result<Self, BadLink> {
        text.parse()
    }
}

impl From<Link> for String {
    fn from(link: Link) -> Self {
        link.to_string()
    }
}

/// A way into a network: its name and some of its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Which network.
    pub network: NetworkName,
    /// Nodes to start from, each with its identity.
    pub peers: Vec<Multiaddr>,
}

/// Why a text is no invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInvite {
    /// Not an invitation.
    #[error(
        "{0:?} is no invitation: expected p2pfs-join:NETWORK?peer=/ip4/…, as `p2pfs-tui invite` prints it"
    )]
    Scheme(String),
    /// A network's name that cannot be one.
    #[error(transparent)]
    Network(#[from] super::network_name::BadNetworkName),
    /// An address that does not parse, or without an identity.
    #[error("the invitation's address {0:?} cannot be used: expected /ip4/…/tcp/…/p2p/…")]
    Peer(String),
    /// No address at all.
    #[error("the invitation names no peer")]
    NoPeer,
}

impl FromStr for Invite {
    type Err = BadInvite;

    fn from_str(text: &str) -> Result<Self, BadInvite> {
        let text = text.trim();
        let rest = (text.len() <= MAX_LINK).then(|| strip_scheme(text, INVITE)).flatten();
        let rest = rest.ok_or_else(|| BadInvite::Scheme(cut(text, 80)))?;
        let (network, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let mut peers = Vec::new();
        let pairs = parameters.split('&').filter_map(|pair| pair.strip_prefix("peer="));
        for value in pairs.take(MAX_PEERS) {
            let value = percent_decode_str(value).decode_utf8_lossy();
            let address: Option<Multiaddr> = value.parse().ok();
            let usable = address.filter(|address| peer_of(address).is_some());
            peers.push(usable.ok_or_else(|| BadInvite::Peer(cut(&value, 200)))?);
        }
        if peers.is_empty() {
            return Err(BadInvite::NoPeer);
        }
        Ok(Self { network: network.parse()?, peers })
    }
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{INVITE}{}", self.network)?;
        for (n, peer) in self.peers.iter().enumerate() {
            let before = if n == 0 { '?' } else { '&' };
            write!(f, "{before}peer={}", utf8_percent_encode(&peer.to_string(), PLAIN))?;
        }
        Ok(())
    }
}

/// The identity at the end of an address (`…/p2p/<id>`).
#[must_use]
pub fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    })
}

fn parse_size(text: &str) -> Result<u64, BadLink> {
    let size: Option<u64> = text.parse().ok();
    size.filter(|size| *size <= blocks::MAX_FILE).ok_or_else(|| BadLink::Size(cut(text, 80)))
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let start = text.get(..scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
}

/// At most `max` bytes of a text, never within a character.
fn cut(text: &str, max: usize) -> String {
    text[..text.floor_char_boundary(max)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEER: &str =
        "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn full() -> Link {
        let content = ContentId {
            sha1: Sha1Hash::from_bytes([3; 20]),
            root: Root::from_bytes([4; 32]),
            size: 5,
        };
        let peers = vec![PEER.parse().expect("address")];
        Link { peers, ..Link::of(&content, "Dvořák & co.mp3") }
    }

    #[test]
    fn links_read_what_they_write() {
        let link = full();
        assert_eq!(link.to_string().parse(), Ok(link.clone()));
        let short: Link = link.short().expect("short").parse().expect("parses");
        assert_eq!((short.root, short.sha1), (link.root, None));
        let bare: Link = link.sha1.expect("sha1").to_string().parse().expect("parses");
        assert_eq!((bare.sha1, bare.root), (link.sha1, None));
    }

    #[test]
    fn bad_links_say_what_is_wrong() {
        let zero = "0".repeat(64);
        for (text, part) in [
            ("http://example.org/file", "no link of ours"),
            ("", "no link of ours"),
            ("magnet:?dn=x", "names no content"),
            ("magnet:?xt=urn:sha1:XYZ", "SHA-1 is not a hash"),
            ("magnet:?xt=urn:blake3:12", "BLAKE3 root is not a hash"),
            ("p2pfs:abc", "52 characters"),
            (&format!("magnet:?xt=urn:blake3:{zero}&xl=-1"), "is impossible"),
            (&format!("magnet:?xt=urn:blake3:{zero}&xl=9223372036854775808"), "is impossible"),
            (&format!("magnet:?xt=urn:blake3:{zero}&x.pe=host"), "does not parse"),
            (&"x".repeat(MAX_LINK + 1), "longer than"),
            (
                &format!("magnet:?xt=urn:blake3:{zero}&x.pe=/dns/{}", "é".repeat(2_000)),
                "longer than",
            ),
        ] {
            let error = text.parse::<Link>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn invitations_read_what_they_write() {
        let peers = vec![PEER.parse().expect("address")];
        let invite = Invite { network: "lan-party".parse().expect("name"), peers };
        assert_eq!(invite.to_string().parse(), Ok(invite));
        for (text, part) in [
            ("magnet:?x", "no invitation"),
            ("p2pfs-join:lan", "names no peer"),
            ("p2pfs-join:LAN?peer=/ip4/127.0.0.1/tcp/1", "cannot be used"),
        ] {
            let error = text.parse::<Invite>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(magnet:\\?|p2pfs:|p2pfs-join:)?.{0,200}") {
            let _ = text.parse::<Link>();
            let _ = text.parse::<Invite>();
        }

        #[test]
        fn any_name_survives(name in ".{1,40}") {
            let link = Link { name: Some(name), ..full() };
            prop_assert_eq!(link.to_string().parse(), Ok(link));
        }
    }
}
