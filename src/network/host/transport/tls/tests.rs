//! Both sides of ours, ours against stock libp2p, and against those who show something wrong.

use futures::{AsyncReadExt, AsyncWriteExt, future::try_join};
use libp2p::{
    core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade},
    tls,
};
use proptest::prelude::*;
use rustls::{
    CipherSuite, ProtocolVersion,
    client::danger::ServerCertVerifier,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::CertifiedKey,
};
use tokio::io::DuplexStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::{
    config::{Settings, has_fast_aes},
    verifier::Verifier,
    *,
};

type Pipe = Compat<DuplexStream>;

fn pipe() -> (Pipe, Pipe) {
    let (a, b) = tokio::io::duplex(1 << 20);
    (a.compat(), b.compat())
}

/// Identity and settings of somebody of ours.
fn somebody() -> (PeerId, Tls) {
    let identity = Keypair::generate_ed25519();
    (identity.public().to_peer_id(), Tls::new(&identity).expect("settings"))
}

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

/// AES-128-GCM, wherever the processor has instructions for it.
fn fastest() -> CipherSuite {
    match has_fast_aes() {
        true => CipherSuite::TLS13_AES_128_GCM_SHA256,
        false => CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    }
}

/// A pair of connected streams of ours.
async fn connected() -> (TlsStream<Pipe>, TlsStream<Pipe>) {
    let ((here, there), (dialler, listener)) = (pipe(), (somebody(), somebody()));
    let both = try_join(dialler.1.connect(here), listener.1.accept(there));
    let ((listener_seen, dialling), (dialler_seen, listening)) = both.await.expect("a session");
    assert_eq!((listener_seen, dialler_seen), (listener.0, dialler.0));
    (dialling, listening)
}

/// Bytes go both ways, in more than one record, and the end comes through.
async fn exchange<A, B>(mut a: A, mut b: B)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let sent: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0] ^ 0x5A).collect();
    let asking = async {
        a.write_all(&sent).await?;
        a.flush().await?;
        let mut back = vec![0; sent.len()];
        a.read_exact(&mut back).await?;
        a.close().await?;
        std::io::Result::Ok(back)
    };
    let answering = async {
        let mut came = vec![0; sent.len()];
        b.read_exact(&mut came).await?;
        b.write_all(&came).await?;
        b.flush().await?;
        let mut rest = Vec::new();
        b.read_to_end(&mut rest).await?;
        assert!(rest.is_empty());
        Ok(())
    };
    let (back, ()) = try_join(asking, answering).await.expect("bytes go through");
    assert!(back == sent);
}

#[tokio::test]
async fn two_of_ours_agree_on_what_is_fastest() {
    let (a, b) = connected().await;
    for session in [a.session(), b.session()] {
        let suite = session.negotiated_cipher_suite().expect("agreed").suite();
        assert_eq!(suite, fastest());
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(session.alpn_protocol(), Some(b"libp2p".as_slice()));
    }
    exchange(a, b).await;
}

#[tokio::test]
async fn ours_reaches_stock() {
    let ((here, there), (our_id, ours)) = (pipe(), somebody());
    let identity = Keypair::generate_ed25519();
    let stock = tls::Config::new(&identity).expect("settings");
    let accept = async { Ok(stock.upgrade_inbound(there, "").await.expect("accepted")) };
    let ((seen, a), (us, b)) = try_join(ours.connect(here), accept).await.expect("a session");
    assert_eq!((seen, us), (identity.public().to_peer_id(), our_id));
    let suite = a.session().negotiated_cipher_suite().expect("agreed").suite();
    assert_eq!(suite, fastest());
    exchange(a, b).await;
}

#[tokio::test]
async fn stock_reaches_ours() {
    let ((here, there), (our_id, ours)) = (pipe(), somebody());
    let identity = Keypair::generate_ed25519();
    let stock = tls::Config::new(&identity).expect("settings");
    let connect = async { Ok(stock.upgrade_outbound(here, "").await.expect("connected")) };
    let ((us, a), (seen, b)) = try_join(connect, ours.accept(there)).await.expect("a session");
    assert_eq!((seen, us), (identity.public().to_peer_id(), our_id));
    // Although stock libp2p asks for ChaCha20 first.
    let suite = b.session().negotiated_cipher_suite().expect("agreed").suite();
    assert_eq!(suite, fastest());
    exchange(b, a).await;
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

#[tokio::test]
async fn an_end_that_was_not_meant_is_an_error() {
    let (dialling, mut listening) = connected().await;
    drop(dialling);
    let error = listening.read(&mut [0]).await.expect_err("broken off");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn bytes_that_nobody_encrypted_end_the_session() {
    let (dialling, mut listening) = connected().await;
    let mut socket = dialling.into_socket();
    socket.write_all(&[0x17, 3, 3, 0, 32]).await.expect("room");
    socket.write_all(&[0xAA; 32]).await.expect("room");
    let error = listening.read(&mut [0]).await.expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let mut alert = Vec::new();
    drop(listening);
    socket.read_to_end(&mut alert).await.expect("an alert");
    assert!(!alert.is_empty(), "the peer is told");
}

#[tokio::test]
async fn a_session_outlives_a_change_of_keys() {
    let (mut dialling, mut listening) = connected().await;
    for round in 0..3_u8 {
        dialling.change_keys();
        dialling.write_all(&[round; 1_000]).await.expect("room");
        dialling.flush().await.expect("room");
        let mut came = [0; 1_000];
        listening.read_exact(&mut came).await.expect("decrypted");
        assert_eq!(came, [round; 1_000]);
        listening.write_all(&came).await.expect("room");
        listening.flush().await.expect("room");
        dialling.read_exact(&mut came).await.expect("decrypted");
    }
}

/// Moves up to so many bytes that one side has to send into the other.
fn carry(from: &mut Records, to: &mut Records, most: usize) {
    let moved = from.outgoing.len().min(most);
    to.incoming.push(&from.outgoing.filled()[..moved]);
    from.outgoing.consume(moved);
}

/// Two sides in one place, before their handshake.
fn two_sides() -> [Records; 2] {
    let (dialler, listener) = (somebody().1, somebody().1);
    let name = ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let client = UnbufferedClientConnection::new(dialler.client, name).expect("a session");
    let server = UnbufferedServerConnection::new(listener.server).expect("a session");
    [Records::new(client.into()), Records::new(server.into())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn how_the_network_cuts_the_bytes_makes_no_difference(
        cut in 1_usize..3_000,
        writes in prop::collection::vec((0_usize..2, 0_usize..40_000), 1..8),
        piece in 1_usize..50_000,
    ) {
        let [mut a, mut b] = two_sides();
        loop {
            let done = [a.shake_hands().expect("fine"), b.shake_hands().expect("fine")];
            if done == [true, true] && a.outgoing.is_empty() && b.outgoing.is_empty() {
                break;
            }
            carry(&mut a, &mut b, cut);
            carry(&mut b, &mut a, cut);
        }
        let (mut sent, mut came) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for (number, (side, size)) in writes.into_iter().enumerate() {
            let bytes: Vec<u8> = (0..size).map(|at| (at * 7 + number).to_le_bytes()[0]).collect();
            let writer = if side == 0 { &mut a } else { &mut b };
            writer.write(&bytes).expect("written");
            sent[side].extend(bytes);
        }
        while !a.outgoing.is_empty() || !b.outgoing.is_empty() {
            carry(&mut a, &mut b, cut);
            carry(&mut b, &mut a, cut);
            read_all(&mut b, piece, &mut came[0]);
            read_all(&mut a, piece, &mut came[1]);
        }
        prop_assert!(sent == came);
    }
}

/// Reads what can be read, in pieces of a size.
fn read_all(from: &mut Records, piece: usize, came: &mut Vec<u8>) {
    let mut buffer = vec![0; piece];
    loop {
        let mut into = buffer.as_mut_slice();
        from.read(&mut into).expect("decrypted");
        let count = piece - into.len();
        if count == 0 {
            return;
        }
        came.extend_from_slice(&buffer[..count]);
    }
}
