//! Those who show no certificate, or a wrong one, are refused on both sides, and told so.

use futures::AsyncReadExt;
use rustls::{
    client::danger::ServerCertVerifier,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::CertifiedKey,
};

use super::{
    config::Settings,
    tests::{Pipe, pipe, somebody},
    verifier::Verifier,
    *,
};

/// Somebody who shows other certificates than he should.
fn liar(certificates: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Tls {
    let key = aws_lc_rs::sign::any_ecdsa_type(key).expect("a key");
    let settings = Settings::with_certificate(CertifiedKey::new(certificates, key));
    Tls {
        client: settings.client().expect("settings").into(),
        server: settings.server().expect("settings").into(),
    }
}

fn generate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    certificate::generate(&Keypair::generate_ed25519()).expect("a certificate")
}

/// Whatever this one shows is refused by us, dialled or dialling, and he is told.
async fn is_refused(liar: Tls, reason: &str) {
    let (here, there) = pipe();
    let (refusal, told) = futures::join!(somebody().1.connect(here), async {
        was_told(liar.clone().accept(there).await).await
    });
    assert!(refusal.err().expect("refused").to_string().contains(reason));
    assert!(told, "the dialled liar learns of it");

    let (here, there) = pipe();
    let (told, refusal) = futures::join!(
        async { was_told(liar.connect(here).await).await },
        somebody().1.accept(there)
    );
    assert!(refusal.err().expect("refused").to_string().contains(reason));
    assert!(told, "the dialling liar learns of it");
}

/// Whether an alert came, during the handshake or with the first read.
async fn was_told(session: Result<(PeerId, TlsStream<Pipe>), UpgradeError>) -> bool {
    let error = match session {
        Err(error) => error.to_string(),
        Ok((_, mut stream)) => match stream.read(&mut [0]).await {
            Err(error) => error.to_string(),
            Ok(_) => return false,
        },
    };
    error.contains("alert")
}

#[tokio::test]
async fn two_certificates_are_refused() {
    let (certificate, key) = generate();
    is_refused(liar(vec![certificate.clone(), certificate], &key), "more than one").await;
}

#[tokio::test]
async fn a_certificate_of_another_is_refused() {
    let ((certificate, _), (_, key)) = (generate(), generate());
    is_refused(liar(vec![certificate], &key), "BadSignature").await;
}

#[tokio::test]
async fn no_certificate_is_refused() {
    let (here, there) = pipe();
    let anonymous = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("settings")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier))
        .with_no_client_auth();
    let server = somebody().1;
    let anonymous = Tls { client: Arc::new(anonymous), server: server.server.clone() };
    let (told, refusal) = futures::join!(
        async { was_told(anonymous.connect(here).await).await },
        server.accept(there)
    );
    assert!(refusal.err().expect("refused").to_string().contains("no certificate"));
    assert!(told);

    let (here, there) = pipe();
    let (_, key) = generate();
    let (refusal, _) = futures::join!(somebody().1.connect(here), liar(vec![], &key).accept(there));
    assert!(refusal.is_err());
}

/// A certificate signed by itself, with or without libp2p's extension of another certificate.
fn forged(
    extension: Option<Vec<u8>>,
    is_critical: bool,
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::default();
    parameters.custom_extensions.extend(extension.map(|content| {
        let mut extension =
            rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 53594, 1, 1], content);
        extension.set_criticality(is_critical);
        extension
    }));
    let certificate = parameters.self_signed(&key).expect("a certificate");
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    (certificate.into(), key.into())
}

#[tokio::test]
async fn a_certificate_without_an_identity_is_refused() {
    let (certificate, key) = forged(None, true);
    is_refused(liar(vec![certificate], &key), "BadEncoding").await;
}

#[tokio::test]
async fn an_identity_copied_into_another_certificate_is_refused() {
    // The extension's content begins with the sequence of the protobuf key and the signature.
    let victim = generate().0;
    let begin = [0x30, 0x68, 0x04, 0x24, 0x08, 0x01, 0x12, 0x20];
    let at = victim.windows(begin.len()).position(|window| window == begin).expect("extension");
    let content = victim[at..at + 0x6A].to_vec();
    let (certificate, key) = forged(Some(content), true);
    is_refused(liar(vec![certificate], &key), "UnknownIssuer").await;
}

#[test]
fn no_change_of_a_certificate_makes_another_identity_of_it() {
    let (original, _) = generate();
    let name = ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let verified = |der: &CertificateDer<'_>| {
        let now = rustls::pki_types::UnixTime::now();
        Verifier.verify_server_cert(der, &[], &name, &[], now).ok()?;
        Some(certificate::parse(der).expect("just verified").peer_id())
    };
    let identity = verified(&original).expect("valid");
    let mut accepted = 0;
    for at in 0..original.len() {
        for bit in 0..8 {
            let mut changed = original.to_vec();
            changed[at] ^= 1 << bit;
            // A few bits of the wrapping are read leniently, and say nothing.
            if let Some(claimed) = verified(&changed.into()) {
                assert_eq!(claimed, identity, "bit {bit} of byte {at}");
                accepted += 1;
            }
        }
    }
    assert!(accepted * 100 < original.len() * 8, "{accepted} changes went unnoticed");
}
