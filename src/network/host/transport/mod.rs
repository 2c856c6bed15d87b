//! TCP with TLS or Noise below and Yamux above, as libp2p speaks them, made for bulk.
//!
//! The bytes on the wire are those of stock libp2p (`/tls/1.0.0`, `/noise`, `/yamux/1.0.0`), and
//! every peer that speaks these is spoken to. What differs is on this side: AES-128-GCM is what TLS
//! prefers, a read takes what the socket has, a frame of Yamux is large, and what a connection may
//! make us hold is bounded. Owns none of the cryptography: `rustls` and `libp2p-noise` have that.

mod buffer;
mod heap;
mod muxer;
mod read_ahead;
mod security;
mod tls;

use libp2p::{
    PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, upgrade::Version},
    },
    identity::Keypair,
    noise, tcp,
};

/// The most that one read takes from a socket, in bytes. What comes with one call to the kernel
/// fits the cache of a core and is eight records of TLS.
const MAX_READ: usize = 128 << 10;

/// Why the transport could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// No certificate could be made for the identity.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] libp2p::tls::certificate::GenError),
    /// The cryptography refused its settings.
    #[error("cannot configure TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The identity cannot be used with Noise.
    #[error("cannot configure Noise: {0}")]
    Noise(#[from] noise::Error),
}

/// TCP, secured and multiplexed, as the owner of an identity. It counts on a Tokio runtime.
///
/// From the first call on, the allocator keeps up to 12 MiB of freed memory in each of its heaps.
///
/// # Errors
/// When no certificate can be made for the identity.
pub fn tcp(identity: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, SetUpError> {
    heap::keep_freed_memory();
    Ok(tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1Lazy)
        .authenticate(security::Security::new(identity)?)
        .multiplex(muxer::Yamux)
        .boxed())
}
