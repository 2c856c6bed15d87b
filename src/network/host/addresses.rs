//! Which addresses mean something to whom: ours that we announce, theirs that we keep.

use std::net::IpAddr;

use libp2p::{Multiaddr, multiaddr::Protocol};

use crate::network::kad::ip_group::{is_public_v4, is_public_v6};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// This machine.
    Loopback,
    /// The local network, or one behind the same translator.
    Local,
    /// The internet. Names count as public.
    Public,
}

/// How far an address reaches; `None` for one that leads nowhere (`0.0.0.0`, `fe80::…` without
/// its interface, no host at all).
#[must_use]
pub fn scope(address: &Multiaddr) -> Option<Scope> {
    let ip = match address.iter().next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_) => {
            return Some(Scope::Public);
        }
        _ => return None,
    };
    // A link-local IPv6 address means nothing without the interface, which it does not say.
    let without_interface = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    if ip.is_unspecified() || ip.is_multicast() || without_interface {
        return None;
    }
    let public = match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    };
    Some(if ip.is_loopback() {
        Scope::Loopback
    } else if public {
        Scope::Public
    } else {
        Scope::Local
    })
}

/// Whether an address that a peer claims can be its own, given the address we talk to it at:
/// a peer on the internet has no business telling us loopback addresses of ours.
#[must_use]
pub fn plausible(claimed: &Multiaddr, talking_to: &Multiaddr) -> bool {
    match (scope(claimed), scope(talking_to)) {
        (Some(claimed), Some(seen)) => claimed >= seen,
        _ => false,
    }
}

/// An address without the identity at its end.
#[must_use]
pub fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        address.pop();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Multiaddr {
        text.parse().expect("address")
    }

    #[test]
    fn scopes() {
        for (text, expected) in [
            ("/ip4/127.0.0.1/tcp/1", Some(Scope::Loopback)),
            ("/ip6/::1/udp/1/quic-v1", Some(Scope::Loopback)),
            ("/ip4/192.168.0.9/tcp/1", Some(Scope::Local)),
            ("/ip4/100.64.1.1/tcp/1", Some(Scope::Local)),
            ("/ip6/fd00::1/tcp/1", Some(Scope::Local)),
            ("/ip6/fe80::1/tcp/1", None),
            ("/ip4/9.9.9.9/tcp/1", Some(Scope::Public)),
            ("/dns4/example.org/tcp/1", Some(Scope::Public)),
            ("/ip4/0.0.0.0/tcp/1", None),
            ("/tcp/1", None),
        ] {
            assert_eq!(scope(&at(text)), expected, "{text}");
        }
    }

    #[test]
    fn peers_cannot_claim_addresses_nearer_than_themselves() {
        assert!(!plausible(&at("/ip4/127.0.0.1/tcp/1"), &at("/ip4/9.9.9.9/tcp/1")));
        assert!(!plausible(&at("/ip4/10.0.0.1/tcp/1"), &at("/ip4/9.9.9.9/tcp/1")));
        assert!(plausible(&at("/ip4/10.0.0.1/tcp/1"), &at("/ip4/127.0.0.1/tcp/1")));
        assert!(plausible(&at("/ip4/9.9.9.9/tcp/1"), &at("/ip4/10.0.0.1/tcp/1")));
    }
}
