//! Our side against a plain Yamux on the other, moved by hand.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures::task::{ArcWake, waker};
use tokio::io::DuplexStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::*;

type Pipe = Compat<DuplexStream>;

/// What one stream may hold before anybody has read from it.
const CREDIT: usize = DEFAULT_CREDIT as usize;
/// What all streams together may hold beyond that.
const GROWTH: usize = RECEIVE_WINDOW - STREAMS * CREDIT;

/// Whether anybody may be able to go on.
#[derive(Default)]
struct Flag(AtomicBool);

impl ArcWake for Flag {
    fn wake_by_ref(flag: &Arc<Self>) {
        flag.0.store(true, Ordering::SeqCst);
    }
}

/// A peer and us.
struct Pair {
    peer: Connection<Pipe>,
    us: Muxer<Pipe>,
    flag: Arc<Flag>,
    /// Streams that the peer opened and we took.
    ours: Vec<Stream>,
    /// Streams that we opened and the peer took.
    theirs: Vec<yamux::Stream>,
}

impl Pair {
    fn new() -> Self {
        let (here, there) = tokio::io::duplex(64 << 10);
        Self {
            peer: Connection::new(there.compat(), Config::default(), Mode::Client),
            us: Muxer::new(here.compat(), Mode::Server),
            flag: Arc::default(),
            ours: Vec::new(),
            theirs: Vec::new(),
        }
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut Self, &mut Context<'_>) -> T) -> T {
        let waker = waker(self.flag.clone());
        f(self, &mut Context::from_waker(&waker))
    }

    /// Moves both ends until nothing moves any more.
    fn settle(&mut self) {
        loop {
            self.flag.0.store(false, Ordering::SeqCst);
            self.with(|pair, cx| {
                pair.move_us(cx);
                pair.move_peer(cx);
            });
            if !self.flag.0.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    fn move_us(&mut self, cx: &mut Context<'_>) {
        let moved = Pin::new(&mut self.us).poll(cx);
        assert!(moved.is_pending(), "the connection holds");
        while let Poll::Ready(stream) = Pin::new(&mut self.us).poll_inbound(cx) {
            self.ours.push(stream.expect("the connection holds"));
        }
    }

    fn move_peer(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(stream) = self.peer.poll_next_inbound(cx) {
            self.theirs.push(stream.expect("not closed").expect("the connection holds"));
        }
    }

    /// Opens a stream from the peer's side.
    fn dial(&mut self) -> yamux::Stream {
        match self.with(|pair, cx| pair.peer.poll_new_outbound(cx)) {
            Poll::Ready(Ok(stream)) => stream,
            other => panic!("{other:?}"),
        }
    }

    /// Has the peer write until it is neither taken nor to be taken; returns how much was.
    fn write_all_it_takes(&mut self, stream: &mut yamux::Stream) -> usize {
        let mut written = 0;
        loop {
            match self.with(|_, cx| Pin::new(&mut *stream).poll_write(cx, &[0x5A; FRAME])) {
                Poll::Ready(Ok(some)) => written += some,
                Poll::Ready(Err(_)) => return written,
                Poll::Pending => {
                    self.settle();
                    let again = self.with(|_, cx| Pin::new(&mut *stream).poll_write(cx, &[1]));
                    match again {
                        Poll::Ready(Ok(some)) => written += some,
                        _ => return written,
                    }
                }
            }
        }
    }

    /// Reads on our side what there is to read.
    fn read_all_there_is(&mut self, at: usize) -> usize {
        let mut buffer = vec![0; FRAME];
        let mut read = 0;
        while let Poll::Ready(some) =
            self.with(|pair, cx| Pin::new(&mut pair.ours[at]).poll_read(cx, &mut buffer))
        {
            read += some.expect("the connection holds");
        }
        read
    }
}

#[test]
fn a_peer_that_is_never_read_from_stalls() {
    let mut pair = Pair::new();
    let mut stream = pair.dial();
    assert_eq!(pair.write_all_it_takes(&mut stream), CREDIT);
    assert_eq!(pair.write_all_it_takes(&mut stream), 0, "and goes on stalling");
    assert_eq!(pair.read_all_there_is(0), CREDIT);
}

#[test]
fn streams_beyond_the_bound_are_reset_and_the_others_go_on() {
    let mut pair = Pair::new();
    let mut streams = Vec::new();
    let mut held = 0;
    for _ in 0..INBOUND_STREAMS {
        let mut stream = pair.dial();
        held += pair.write_all_it_takes(&mut stream);
        streams.push(stream);
    }
    assert_eq!(pair.ours.len(), INBOUND_STREAMS);
    assert_eq!(held, INBOUND_STREAMS * CREDIT);
    for _ in 0..3 * STREAMS {
        let mut stream = pair.dial();
        pair.write_all_it_takes(&mut stream);
        assert!(stream.is_closed(), "reset");
    }
    assert_eq!(pair.ours.len(), INBOUND_STREAMS);

    drop(pair.ours.pop());
    drop(streams.pop());
    let mut stream = pair.dial();
    assert_eq!(pair.write_all_it_takes(&mut stream), CREDIT, "there is a place again");
    assert_eq!(pair.read_all_there_is(0), CREDIT);
}

#[test]
fn streams_that_are_read_fast_may_hold_more_but_not_without_bound() {
    let mut pair = Pair::new();
    let mut streams: Vec<_> = (0..4).map(|_| pair.dial()).collect();
    // Our ping is under way: the longer that takes, the larger the windows may become.
    pair.with(|pair, cx| pair.move_us(cx));
    std::thread::sleep(Duration::from_millis(200));
    let mut held = 0;
    for _ in 0..100 {
        held = streams.iter_mut().map(|stream| pair.write_all_it_takes(stream)).sum();
        if held == GROWTH + streams.len() * CREDIT {
            break;
        }
        let read: usize = (0..streams.len()).map(|at| pair.read_all_there_is(at)).sum();
        assert_eq!(read, held);
    }
    // The windows of four streams have become as large as they can.
    assert_eq!(held, GROWTH + streams.len() * CREDIT);
    assert!(held <= RECEIVE_WINDOW);
    let more: usize = streams.iter_mut().map(|stream| pair.write_all_it_takes(stream)).sum();
    assert_eq!(more, 0, "nothing was read since");
}

#[test]
fn our_streams_wait_for_a_place() {
    let mut pair = Pair::new();
    let open = |pair: &mut Pair| pair.with(|pair, cx| Pin::new(&mut pair.us).poll_outbound(cx));
    let mut streams = Vec::new();
    while let Poll::Ready(stream) = open(&mut pair) {
        let mut stream = stream.expect("the connection holds");
        let written = pair.with(|_, cx| Pin::new(&mut stream).poll_write(cx, b"hello"));
        assert!(matches!(written, Poll::Ready(Ok(5))));
        streams.push(stream);
    }
    assert_eq!(streams.len(), OUTBOUND_STREAMS);
    pair.settle();
    assert_eq!(pair.theirs.len(), OUTBOUND_STREAMS);

    pair.flag.0.store(false, Ordering::SeqCst);
    drop(streams.pop());
    assert!(pair.flag.0.load(Ordering::SeqCst), "whoever waits is woken");
    assert!(open(&mut pair).is_ready());
}

#[test]
fn a_frame_is_as_large_as_it_should_be() {
    let (here, there) = tokio::io::duplex(1 << 20);
    let mut us = Muxer::new(here.compat(), Mode::Client);
    let waker = futures::task::noop_waker();
    let mut cx = Context::from_waker(&waker);
    let Poll::Ready(Ok(mut stream)) = Pin::new(&mut us).poll_outbound(&mut cx) else {
        panic!("there is a place")
    };
    let written = Pin::new(&mut stream).poll_write(&mut cx, &vec![0; 4 * FRAME]);
    assert!(matches!(written, Poll::Ready(Ok(FRAME))));
    assert!(Pin::new(&mut us).poll(&mut cx).is_pending());
    // A ping of 12 bytes, then the frame: version, type, flags, stream, length.
    let mut wire = vec![0; 2 * 12 + FRAME];
    let read = Pin::new(&mut there.compat()).poll_read(&mut cx, &mut wire);
    assert!(matches!(read, Poll::Ready(Ok(count)) if count == wire.len()));
    assert_eq!(wire[12..20], [0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(wire[20..24], u32::try_from(FRAME).expect("small").to_be_bytes());
}
