//! [`Settings`]: what `rustls` is told, for both directions.

use std::sync::Arc;

use libp2p::{identity::Keypair, tls::certificate};
use rustls::{
    ClientConfig, Error, ServerConfig, SignatureScheme, SupportedCipherSuite,
    SupportedProtocolVersion,
    client::{ResolvesClientCert, Resumption},
    crypto::{
        CryptoProvider,
        aws_lc_rs::{
            self,
            cipher_suite::{
                TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
            },
        },
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::TLS13,
};

use super::{super::SetUpError, verifier::Verifier};

/// libp2p's name among the protocols that can run over TLS.
const ALPN: &[u8] = b"libp2p";
/// Nothing older than TLS 1.3 may be agreed upon.
static VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13];

/// What both directions share.
pub(super) struct Settings {
    provider: Arc<CryptoProvider>,
    own: Arc<Own>,
}

impl Settings {
    pub(super) fn new(identity: &Keypair) -> Result<Self, SetUpError> {
        let (certificate, key) = certificate::generate(identity)?;
        let key = aws_lc_rs::sign::any_ecdsa_type(&key)?;
        Ok(Self::with_certificate(CertifiedKey::new(vec![certificate], key)))
    }

    /// The same with a certificate from elsewhere, a wrong one even.
    pub(super) fn with_certificate(own: CertifiedKey) -> Self {
        let provider = CryptoProvider {
            cipher_suites: cipher_suites(has_fast_aes()),
            ..aws_lc_rs::default_provider()
        };
        Self { provider: Arc::new(provider), own: Arc::new(Own(Arc::new(own))) }
    }

    /// For connections that we begin.
    pub(super) fn client(&self) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(VERSIONS)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier))
            .with_client_cert_resolver(self.own.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Sessions are kept by server name, and all peers have the same: every connection shows
        // its certificate anew.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// For connections that others begin.
    pub(super) fn server(&self) -> Result<ServerConfig, Error> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(VERSIONS)?
            .with_client_cert_verifier(Arc::new(Verifier))
            .with_cert_resolver(self.own.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.send_tls13_tickets = 0;
        // Stock libp2p asks for ChaCha20 first, whatever its processor can do.
        config.ignore_client_order = true;
        Ok(config)
    }
}

/// The cipher suites, the preferred first: AES-128-GCM is several times faster than ChaCha20 where
/// the processor has instructions for it, and several times slower where it has none.
fn cipher_suites(fast_aes: bool) -> Vec<SupportedCipherSuite> {
    let mut suites = vec![TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384];
    let place = if fast_aes { suites.len() } else { 0 };
    suites.insert(place, TLS13_CHACHA20_POLY1305_SHA256);
    suites
}

/// Whether the processor has instructions for AES-GCM.
pub(super) fn has_fast_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes")
        && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

/// Shows our one certificate to whoever asks. The resolvers of `rustls` would look at server names
/// and at lists of acceptable issuers, of which libp2p has none.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use rustls::CipherSuite;

    use super::*;

    #[test]
    fn the_processor_decides_what_is_offered_first() {
        let first = |fast_aes| cipher_suites(fast_aes)[0].suite();
        assert_eq!(first(true), CipherSuite::TLS13_AES_128_GCM_SHA256);
        assert_eq!(first(false), CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        assert_eq!(cipher_suites(true).len(), cipher_suites(false).len());
    }
}
