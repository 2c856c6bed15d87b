//! Sessions between two of ours, and between ours and stock libp2p.

use futures::{AsyncReadExt, AsyncWriteExt, future::try_join};
use libp2p::{
    core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade},
    tls,
};
use proptest::prelude::*;
use rustls::{CipherSuite, ProtocolVersion};
use tokio::io::DuplexStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::{config::has_fast_aes, *};

pub(super) type Pipe = Compat<DuplexStream>;

pub(super) fn pipe() -> (Pipe, Pipe) {
    let (a, b) = tokio::io::duplex(1 << 20);
    (a.compat(), b.compat())
}

/// Identity and settings of somebody of ours.
pub(super) fn somebody() -> (PeerId, Tls) {
    let identity = Keypair::generate_ed25519();
    (identity.public().to_peer_id(), Tls::new(&identity).expect("settings"))
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
    for _ in 0..2 {
        let error = listening.read(&mut [0]).await.expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
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
fn two_sides(change: impl FnOnce(&mut ServerConfig)) -> [Records; 2] {
    let (dialler, listener) = (somebody().1, somebody().1);
    let mut server = ServerConfig::clone(&listener.server);
    change(&mut server);
    let name = ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let client = UnbufferedClientConnection::new(dialler.client, name).expect("a session");
    let server = UnbufferedServerConnection::new(server.into()).expect("a session");
    [Records::new(client.into()), Records::new(server.into())]
}

/// Moves bytes, so many at a time, until both sides are done with the handshake.
fn shake_hands(a: &mut Records, b: &mut Records, cut: usize) {
    loop {
        let done = [a.shake_hands().expect("fine"), b.shake_hands().expect("fine")];
        if done == [true, true] && a.outgoing.is_empty() {
            return;
        }
        carry(a, b, cut);
        if !done[0] {
            carry(b, a, cut);
        }
    }
}

#[test]
fn writing_does_not_mind_half_a_message_of_the_handshake() {
    // Tickets, which come after the handshake, in pieces.
    let [mut client, mut server] = two_sides(|config| {
        config.send_tls13_tickets = 2;
        config.max_fragment_size = Some(64);
    });
    shake_hands(&mut client, &mut server, 10_000);
    let mut written = 0;
    while !server.outgoing.is_empty() {
        carry(&mut server, &mut client, 40);
        assert!(client.shake_hands().expect("fine"), "it is over");
        client.write(b"!").expect("written");
        written += 1;
    }
    assert!(written > 4, "there were pieces");
    let mut came = Vec::new();
    carry(&mut client, &mut server, usize::MAX);
    read_all(&mut server, 100, &mut came);
    assert_eq!(came.len(), written);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn how_the_network_cuts_the_bytes_makes_no_difference(
        cut in 1_usize..3_000,
        writes in prop::collection::vec((0_usize..2, 0_usize..40_000), 1..8),
        piece in 1_usize..50_000,
    ) {
        let [mut a, mut b] = two_sides(|_| ());
        shake_hands(&mut a, &mut b, cut);
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
