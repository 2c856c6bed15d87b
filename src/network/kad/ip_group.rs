//! [`IpGroup`]: who probably belongs together, so that quotas count owners and not identities.

use std::net::{Ipv4Addr, Ipv6Addr};

use libp2p_identity::PeerId;
use multiaddr::{Multiaddr, Protocol};

/// Peers that share a public /24 (IPv4) or /48 (IPv6) count as one; a peer on a private network
/// or on this machine counts for itself, since a whole household may share such a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpGroup {
    /// The first 24 bits of a public IPv4 address.
    V4([u8; 3]),
    /// The first 48 bits of a public IPv6 address.
    V6([u8; 6]),
    /// A peer without a public address.
    Peer(PeerId),
}

impl IpGroup {
    /// The group of a peer that listens on these addresses: that of the first public one.
    #[must_use]
    pub fn of(peer: PeerId, addresses: &[Multiaddr]) -> Self {
        addresses.iter().find_map(public_group).unwrap_or(Self::Peer(peer))
    }
}

fn public_group(address: &Multiaddr) -> Option<IpGroup> {
    match address.iter().next()? {
        Protocol::Ip4(ip) if is_public_v4(ip) => {
            let [a, b, c, _] = ip.octets();
            Some(IpGroup::V4([a, b, c]))
        }
        Protocol::Ip6(ip) if is_public_v6(ip) => {
            let [a, b, c, d, e, f, ..] = ip.octets();
            Some(IpGroup::V6([a, b, c, d, e, f]))
        }
        _ => None,
    }
}

/// Whether an IPv4 address can be routed on the internet.
#[must_use]
pub fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let shared_by_carriers = a == 100 && (64..128).contains(&b);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_unspecified()
        || ip.is_documentation()
        || ip.is_multicast()
        || a >= 240
        || shared_by_carriers)
}

/// Whether an IPv6 address can be routed on the internet: global unicast, 2000::/3.
#[must_use]
pub fn is_public_v6(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xE000 == 0x2000 && ip.segments()[..2] != [0x2001, 0xDB8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_grouped_and_households_are_not() {
        let (a, b) = (PeerId::random(), PeerId::random());
        let group = |peer, text: &str| IpGroup::of(peer, &[text.parse().expect("address")]);
        assert_eq!(group(a, "/ip4/9.8.7.6/tcp/1"), group(b, "/ip4/9.8.7.200/udp/2/quic-v1"));
        assert_ne!(group(a, "/ip4/9.8.7.6/tcp/1"), group(a, "/ip4/9.8.8.6/tcp/1"));
        for private in ["/ip4/192.168.1.2/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip6/fe80::1/tcp/1"] {
            assert_ne!(group(a, private), group(b, private), "{private}");
        }
        assert_eq!(group(a, "/ip6/2a00:1:2:3::1/tcp/1"), group(b, "/ip6/2a00:1:2:4::1/tcp/1"));
        assert_eq!(IpGroup::of(a, &[]), IpGroup::Peer(a));
    }
}
