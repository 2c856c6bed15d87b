//! TLS 1.3 as libp2p uses it, with settings of our own.
//!
//! Each side shows one certificate that it signed itself; an extension in it, critical, carries the
//! identity's key and its signature over the certificate's key. So whoever finishes the handshake
//! is proven to own the identity that comes out of it. Whether that is the peer one meant to reach
//! is for the swarm to compare, as it does for every transport.
//!
//! `rustls` decides everything here; this module gives it settings, bytes and buffers.

mod config;
mod records;
#[cfg(test)]
mod refusals;
mod stream;
#[cfg(test)]
mod tests;
mod verifier;

use std::{io, net::Ipv4Addr, sync::Arc};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId,
    identity::Keypair,
    tls::certificate::{self, ParseError},
};
use rustls::{
    ClientConfig, CommonState, ServerConfig,
    client::UnbufferedClientConnection,
    pki_types::{IpAddr, ServerName},
    server::UnbufferedServerConnection,
};

use super::SetUpError;
use records::Records;
pub(super) use stream::TlsStream;

/// Secures connections as the owner of an identity.
#[derive(Clone)]
pub(super) struct Tls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

/// Why there is no secure connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpgradeError {
    /// The cryptography refused to begin.
    #[error("TLS could not begin: {0}")]
    Begin(#[from] rustls::Error),
    /// The connection broke, or one of the sides did not accept the other.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[from] io::Error),
    /// Not exactly one certificate came.
    #[error("the peer did not show one certificate")]
    NoCertificate,
    /// The certificate does not say who the peer is.
    #[error("the peer's certificate is not valid: {0}")]
    Certificate(#[from] ParseError),
}

impl Tls {
    /// Makes a certificate for the identity, for as long as the program runs.
    pub(super) fn new(identity: &Keypair) -> Result<Self, SetUpError> {
        let settings = config::Settings::new(identity)?;
        Ok(Self { client: Arc::new(settings.client()?), server: Arc::new(settings.server()?) })
    }

    /// Secures a connection that the peer began.
    pub(super) async fn accept<C>(self, socket: C) -> Result<(PeerId, TlsStream<C>), UpgradeError>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let session = UnbufferedServerConnection::new(self.server)?;
        identified(TlsStream::handshake(socket, Records::new(session.into())).await?)
    }

    /// Secures a connection that we began.
    pub(super) async fn connect<C>(self, socket: C) -> Result<(PeerId, TlsStream<C>), UpgradeError>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        // An IP address is never sent as server name, and no server name is to be sent.
        let nobody =
            ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let session = UnbufferedClientConnection::new(self.client, nobody)?;
        identified(TlsStream::handshake(socket, Records::new(session.into())).await?)
    }
}

fn identified<C>(stream: TlsStream<C>) -> Result<(PeerId, TlsStream<C>), UpgradeError> {
    Ok((peer(stream.session())?, stream))
}

/// Who is on the other side of a finished handshake.
fn peer(session: &CommonState) -> Result<PeerId, UpgradeError> {
    match session.peer_certificates() {
        Some([certificate]) => Ok(certificate::parse(certificate)?.peer_id()),
        _ => Err(UpgradeError::NoCertificate),
    }
}
