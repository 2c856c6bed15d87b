//! [`Security`]: TLS, or Noise for those without it.

use std::vec;

use futures::{
    AsyncRead, AsyncWrite, FutureExt,
    future::{BoxFuture, Either},
};
use libp2p::{
    PeerId,
    core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
    identity::Keypair,
    noise,
};

use super::{
    SetUpError,
    read_ahead::ReadAhead,
    tls::{self, Tls, TlsStream},
};

/// Secures a connection. TLS is offered first: it is the faster one for bulk.
#[derive(Clone)]
pub(super) struct Security {
    tls: Tls,
    noise: noise::Config,
}

/// A secured connection.
type Secured<C> = Either<TlsStream<C>, noise::Output<ReadAhead<C>>>;

/// Why a connection could not be secured.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecurityError {
    /// TLS failed.
    #[error(transparent)]
    Tls(#[from] tls::UpgradeError),
    /// Noise failed.
    #[error(transparent)]
    Noise(#[from] noise::Error),
}

/// One of the protocols, to be agreed upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Tls,
    Noise,
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        match self {
            Self::Tls => "/tls/1.0.0",
            Self::Noise => "/noise",
        }
    }
}

impl Security {
    pub(super) fn new(identity: &Keypair) -> Result<Self, SetUpError> {
        Ok(Self { tls: Tls::new(identity)?, noise: noise::Config::new(identity)? })
    }
}

impl UpgradeInfo for Security {
    type Info = Protocol;
    type InfoIter = vec::IntoIter<Protocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        vec![Protocol::Tls, Protocol::Noise].into_iter()
    }
}

impl<C> InboundConnectionUpgrade<C> for Security
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, Secured<C>);
    type Error = SecurityError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, protocol: Protocol) -> Self::Future {
        match protocol {
            Protocol::Tls => async move {
                let (peer, stream) = self.tls.accept(socket).await?;
                Ok((peer, Either::Left(stream)))
            }
            .boxed(),
            Protocol::Noise => async move {
                let upgrade = self.noise.upgrade_inbound(ReadAhead::new(socket), "/noise");
                let (peer, stream) = upgrade.await?;
                Ok((peer, Either::Right(stream)))
            }
            .boxed(),
        }
    }
}

impl<C> OutboundConnectionUpgrade<C> for Security
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, Secured<C>);
    type Error = SecurityError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, protocol: Protocol) -> Self::Future {
        match protocol {
            Protocol::Tls => async move {
                let (peer, stream) = self.tls.connect(socket).await?;
                Ok((peer, Either::Left(stream)))
            }
            .boxed(),
            Protocol::Noise => async move {
                let upgrade = self.noise.upgrade_outbound(ReadAhead::new(socket), "/noise");
                let (peer, stream) = upgrade.await?;
                Ok((peer, Either::Right(stream)))
            }
            .boxed(),
        }
    }
}
