//! Where the host listens: at the addresses given, or anywhere at a port of its own.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use libp2p::{Multiaddr, Swarm, TransportError, multiaddr::Protocol};

use super::{HostConfig, StartError, behaviour::Behaviour, memory::Memory};

/// Listens at the addresses of the configuration; without any, on every interface by TCP and
/// QUIC, at the port of last time as far as that is free.
pub(super) fn listen(swarm: &mut Swarm<Behaviour>, config: &HostConfig) -> Result<(), StartError> {
    for address in &config.listen {
        // libp2p shares TCP ports between processes to dial from them; a second node on one port
        // would take half of the connections that are meant for the first.
        if is_taken(address) {
            return Err(StartError::AddressInUse(address.clone()));
        }
        swarm.listen_on(address.clone()).map_err(|error| explain(address.clone(), &error))?;
    }
    if config.listen.is_empty() { listen_anywhere(swarm, config) } else { Ok(()) }
}

fn listen_anywhere(swarm: &mut Swarm<Behaviour>, config: &HostConfig) -> Result<(), StartError> {
    let port = Memory::new(&config.data_dir).port().unwrap_or(0);
    // Looked at before we listen ourselves: one of our own would seem to take the other's port.
    let ips = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let wanted = ips.into_iter().flat_map(|ip| [tcp(ip, port), quic(ip, port)]);
    let free = |address| if is_taken(&address) { any_port(&address) } else { address };
    let addresses: Vec<Multiaddr> = wanted.map(free).collect();
    let mut listening = false;
    let mut last_error = None;
    // A machine may lack one of the protocols; the node needs one of them.
    for address in addresses {
        match swarm.listen_on(address.clone()) {
            Ok(_) => listening = true,
            Err(error) => last_error = Some(explain(address, &error)),
        }
    }
    last_error.filter(|_| !listening).map_or(Ok(()), Err)
}

fn tcp(ip: IpAddr, port: u16) -> Multiaddr {
    Multiaddr::from(ip).with(Protocol::Tcp(port))
}

fn quic(ip: IpAddr, port: u16) -> Multiaddr {
    Multiaddr::from(ip).with(Protocol::Udp(port)).with(Protocol::QuicV1)
}

/// The same address at whatever port is free.
fn any_port(address: &Multiaddr) -> Multiaddr {
    let parts = address.iter().map(|part| match part {
        Protocol::Tcp(_) => Protocol::Tcp(0),
        Protocol::Udp(_) => Protocol::Udp(0),
        other => other,
    });
    parts.collect()
}

/// Whether another program listens at an address. What is no address of this kind is not taken:
/// listening will tell.
fn is_taken(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
        _ => return false,
    };
    let bound = match parts.next() {
        Some(Protocol::Tcp(port)) if port > 0 => {
            TcpListener::bind(SocketAddr::new(ip, port)).map(drop)
        }
        Some(Protocol::Udp(port)) if port > 0 => {
            UdpSocket::bind(SocketAddr::new(ip, port)).map(drop)
        }
        _ => return false,
    };
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn explain(address: Multiaddr, error: &TransportError<io::Error>) -> StartError {
    match error {
        TransportError::MultiaddrNotSupported(_) => StartError::Listen {
            address,
            reason: "expected /ip4/…/tcp/… or /ip4/…/udp/…/quic-v1".to_owned(),
        },
        TransportError::Other(error) => {
            let text = error.to_string();
            if error.kind() == io::ErrorKind::AddrInUse || text.contains("in use") {
                StartError::AddressInUse(address)
            } else {
                StartError::Listen { address, reason: text }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_taken() {
        let tcp_socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = tcp_socket.local_addr().expect("bound").port();
        let address = tcp(Ipv4Addr::LOCALHOST.into(), port);
        assert!(is_taken(&address));
        assert!(!is_taken(&any_port(&address)));
        drop(tcp_socket);
        assert!(!is_taken(&address));
        let udp_socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = udp_socket.local_addr().expect("bound").port();
        assert!(is_taken(&quic(Ipv4Addr::LOCALHOST.into(), port)));
    }
}
