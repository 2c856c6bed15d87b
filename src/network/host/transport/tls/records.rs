//! [`Records`]: one side of a TLS session, as bytes in and bytes out.
//!
//! Does no IO. Bytes of the network are put into `incoming`, where `rustls` decrypts them in place,
//! and plain text is asked for with [`Records::read`]; what is written is encrypted into `outgoing`,
//! from where it is to be sent. Compared with the buffered interface of `rustls`, which takes 4 KiB
//! at a time and moves each record once more, this saves a tenth of the work.
//!
//! Invariant: whenever `rustls` is called it sees all bytes of `incoming` that it has not given back,
//! since it remembers places among them.

use std::io;

use rustls::{
    CommonState, Error,
    client::UnbufferedClientConnection,
    server::UnbufferedServerConnection,
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, ReadTraffic, UnbufferedStatus,
        WriteTraffic,
    },
};

use super::super::buffer::{Buffer, copy};

/// What a record adds to what is in it, and some more.
const RECORD_OVERHEAD: usize = 64;
/// What fits into one record.
const RECORD: usize = 16 << 10;

/// One side of a session.
pub(super) struct Records {
    session: Session,
    /// Bytes that have come and are not decrypted yet.
    pub(super) incoming: Buffer,
    /// Bytes that are to be sent.
    pub(super) outgoing: Buffer,
    /// Decrypted bytes for which there was no place yet.
    plain: Buffer,
    /// Whether the peer said that nothing more would come.
    ended: bool,
    /// What went wrong; `rustls` must not be given the same bytes again after that.
    failed: Option<Error>,
}

/// Either side of `rustls`.
pub(super) enum Session {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// Where a session stands after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There may be more to do.
    Again,
    /// Nothing can be done before more bytes come; a wish to write has been fulfilled, if there
    /// was one and the handshake is over.
    Idle,
    /// Both sides have said that nothing more would come.
    Closed,
}

/// What is to be written, if the session is able to.
#[derive(Clone, Copy)]
enum Wish<'a> {
    Nothing,
    Send(&'a [u8]),
    Close,
}

impl From<UnbufferedClientConnection> for Session {
    fn from(session: UnbufferedClientConnection) -> Self {
        Self::Client(session)
    }
}

impl From<UnbufferedServerConnection> for Session {
    fn from(session: UnbufferedServerConnection) -> Self {
        Self::Server(session)
    }
}

impl Records {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            incoming: Buffer::default(),
            outgoing: Buffer::default(),
            plain: Buffer::default(),
            ended: false,
            failed: None,
        }
    }

    /// What `rustls` knows about the session.
    pub(super) fn session(&self) -> &CommonState {
        match &self.session {
            Session::Client(session) => session,
            Session::Server(session) => session,
        }
    }

    /// Whether the peer has said that nothing more would come, and everything was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.ended && self.plain.is_empty()
    }

    /// Does what can be done without plain text to read or to write; true when the handshake is
    /// over.
    pub(super) fn shake_hands(&mut self) -> Result<bool, Error> {
        while self.step(&mut [].as_mut_slice(), Wish::Nothing)? == Step::Again {}
        Ok(!self.session().is_handshaking())
    }

    /// Decrypts what has come until there is no more or `into` is full, and shortens `into` by what
    /// was written there.
    pub(super) fn read(&mut self, into: &mut &mut [u8]) -> Result<(), Error> {
        self.plain.take(into);
        while !into.is_empty() && !self.ended {
            if self.step(into, Wish::Nothing)? != Step::Again {
                break;
            }
        }
        Ok(())
    }

    /// Encrypts. What has come in the meantime may be decrypted first, and waits to be read.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.fulfil(Wish::Send(bytes))
    }

    /// Says that nothing more will be written.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.fulfil(Wish::Close)
    }

    fn fulfil(&mut self, wish: Wish<'_>) -> io::Result<()> {
        loop {
            match self.step(&mut [].as_mut_slice(), wish).map_err(broken)? {
                Step::Again => {}
                Step::Idle => return Ok(()),
                Step::Closed => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    /// Does the next thing. After a failure, what the peer is to be told of it is in `outgoing`,
    /// and every further step fails likewise.
    fn step(&mut self, into: &mut &mut [u8], wish: Wish<'_>) -> Result<Step, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let step = self.process(into, wish);
        if let Err(error) = &step {
            self.failed = Some(error.clone());
            // Nothing more is decrypted as long as there is something to be sent.
            while self.session().wants_write() {
                if self.process(&mut [].as_mut_slice(), Wish::Nothing).is_err() {
                    break;
                }
            }
        }
        step
    }

    fn process(&mut self, into: &mut &mut [u8], wish: Wish<'_>) -> Result<Step, Error> {
        let incoming = self.incoming.filled_mut();
        let mut ends = Ends {
            plain: &mut self.plain,
            outgoing: &mut self.outgoing,
            ended: &mut self.ended,
            into,
            wish,
        };
        let (used, step) = match &mut self.session {
            Session::Client(session) => ends.go_on(session.process_tls_records(incoming)),
            Session::Server(session) => ends.go_on(session.process_tls_records(incoming)),
        };
        self.incoming.consume(used);
        step
    }
}

/// An error of TLS as one of a stream.
pub(super) fn broken(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Where the bytes of a step go to and come from.
struct Ends<'a, 'b> {
    plain: &'a mut Buffer,
    outgoing: &'a mut Buffer,
    ended: &'a mut bool,
    into: &'a mut &'b mut [u8],
    wish: Wish<'a>,
}

impl Ends<'_, '_> {
    /// Does what the session wants to be done; returns how many bytes of `incoming` are used up.
    fn go_on<D>(&mut self, status: UnbufferedStatus<'_, '_, D>) -> (usize, Result<Step, Error>) {
        let UnbufferedStatus { discard, state } = status;
        let mut used = discard;
        let step = state.and_then(|state| match state {
            ConnectionState::ReadTraffic(traffic) => self.take(traffic, &mut used),
            ConnectionState::EncodeTlsData(data) => self.encode(data),
            ConnectionState::TransmitTlsData(data) => {
                // It is sent before anything else is, since `outgoing` keeps the order.
                data.done();
                Ok(Step::Again)
            }
            ConnectionState::WriteTraffic(traffic) => self.write(traffic),
            ConnectionState::BlockedHandshake => Ok(Step::Idle),
            ConnectionState::PeerClosed => {
                *self.ended = true;
                Ok(Step::Again)
            }
            ConnectionState::Closed => {
                *self.ended = true;
                Ok(Step::Closed)
            }
            _ => Err(Error::General("early data was not asked for".to_owned())),
        });
        (used, step)
    }

    fn take<D>(
        &mut self,
        mut from: ReadTraffic<'_, '_, D>,
        used: &mut usize,
    ) -> Result<Step, Error> {
        while let Some(record) = from.next_record() {
            let record = record?;
            *used += record.discard;
            let taken = copy(record.payload, self.into);
            if taken < record.payload.len() {
                self.plain.push(&record.payload[taken..]);
            }
        }
        Ok(Step::Again)
    }

    fn encode<D>(&mut self, mut data: EncodeTlsData<'_, D>) -> Result<Step, Error> {
        let mut wanted = RECORD_OVERHEAD;
        loop {
            match data.encode(self.outgoing.room(wanted)) {
                Ok(written) => self.outgoing.fill(written),
                Err(EncodeError::InsufficientSize(size)) => {
                    wanted = size.required_size;
                    continue;
                }
                Err(EncodeError::AlreadyEncoded) => {}
            }
            return Ok(Step::Again);
        }
    }

    fn write<D>(&mut self, mut traffic: WriteTraffic<'_, D>) -> Result<Step, Error> {
        let mut wanted = match self.wish {
            Wish::Nothing => return Ok(Step::Idle),
            Wish::Send(bytes) => bytes.len() + RECORD_OVERHEAD * (1 + bytes.len() / RECORD),
            Wish::Close => RECORD_OVERHEAD,
        };
        loop {
            let room = self.outgoing.room(wanted);
            let written = match self.wish {
                Wish::Send(bytes) => traffic.encrypt(bytes, room),
                Wish::Nothing | Wish::Close => traffic.queue_close_notify(room),
            };
            match written {
                Ok(written) => {
                    self.outgoing.fill(written);
                    return Ok(Step::Idle);
                }
                Err(EncryptError::InsufficientSize(size)) => wanted = size.required_size,
                Err(EncryptError::EncryptExhausted) => return Err(Error::EncryptError),
            }
        }
    }
}

#[cfg(test)]
impl Records {
    pub(super) fn change_keys(&mut self) {
        let incoming = self.incoming.filled_mut();
        let changed = match &mut self.session {
            Session::Client(session) => refresh(session.process_tls_records(incoming).state),
            Session::Server(session) => refresh(session.process_tls_records(incoming).state),
        };
        assert!(changed, "nothing else is to be done");
    }
}

#[cfg(test)]
fn refresh<D>(state: Result<ConnectionState<'_, '_, D>, Error>) -> bool {
    let Ok(ConnectionState::WriteTraffic(traffic)) = state else { return false };
    traffic.refresh_traffic_keys().is_ok()
}
