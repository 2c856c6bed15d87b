//! The conversation with one provider while bytes flow: requests go out as the schedule orders them,
//! answers come in order, every block is verified as it comes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use libp2p::PeerId;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};

use super::{
    answer,
    engine::{Ask, Engine, Order},
};
use crate::{
    domain::Root,
    network::{
        content::{
            layout::SpanNo,
            schedule::{DropReason, Ended, PeerNo, RequestNo},
            session::{Session, SessionError, unexpected},
            wire::{Answer, Holds, MAX_ANSWER, MAX_SET, ReadRequest, Request, Spans},
        },
        wire::{self, WireError},
    },
};

/// How long a provider may take to say which spans it has.
const HOLDS_TIME: Duration = Duration::from_secs(15);

/// Requests that are sent and not answered, oldest first, and how many were sent before them.
#[derive(Debug, Default)]
struct Outstanding {
    asks: VecDeque<Ask>,
    answered: u64,
}

/// One conversation.
pub(super) struct Conversation {
    engine: Arc<Engine>,
    peer: PeerNo,
    outstanding: Mutex<Outstanding>,
    /// Whether the peer has brought a block.
    moved: Arc<AtomicBool>,
}

impl Conversation {
    /// Talks to a provider until it fails, is not needed any more, or proves itself wrong. `moved`
    /// becomes true with the first block that it brings.
    pub(super) async fn run(
        engine: Arc<Engine>,
        (id, session): (PeerId, Session),
        moved: Arc<AtomicBool>,
    ) -> Result<(), SessionError> {
        let (stream, _place) = session.into_parts();
        let (mut reader, mut writer) = tokio::io::split(stream);
        send(&mut writer, &[Request::Follow(engine.followed)]).await?;
        let first = timeout(HOLDS_TIME, wire::read(&mut reader, MAX_ANSWER)).await;
        let Answer::Holds(holds) = first.map_err(|_| SessionError::Silent)?? else {
            return Err(WireError::Malformed("no word of which spans it has".to_owned()).into());
        };
        let (peer, orders) = engine.join(id);
        let left = Leave { engine: &engine, peer };
        let conversation =
            Self { engine: engine.clone(), peer, outstanding: Mutex::default(), moved };
        conversation.holds(&holds)?;
        let ended = tokio::select! {
            ended = conversation.listen(&mut reader) => ended,
            ended = conversation.ask(&mut writer, orders) => ended,
        };
        drop(left);
        ended
    }

    /// Sends what is ordered, many at a time where many wait.
    async fn ask(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) -> Result<(), SessionError> {
        let mut batch = Vec::new();
        while let Some(order) = orders.recv().await {
            let mut next = Some(order);
            while let Some(order) = next {
                match order {
                    Order::Ask(ask) => batch.extend(self.request(ask)),
                    Order::Cancel(request) => batch.extend(self.cancel(request)),
                    Order::Close(DropReason::Silent) => return Err(SessionError::Silent),
                    Order::Close(DropReason::NoProgress) => return Err(SessionError::Missing),
                }
                next = orders.try_recv().ok();
            }
            send(writer, &batch).await?;
            batch.clear();
        }
        Ok(())
    }

    fn request(&self, ask: Ask) -> Option<Request> {
        let place = self.engine.layout.place(ask.span)?;
        let root = self.engine.layout.files().get(place.file)?.root;
        let bytes = place.bytes_of(&ask.blocks);
        self.outstanding().asks.push_back(ask);
        Some(Request::Read(ReadRequest { root, start: bytes.start, end: bytes.end }))
    }

    fn cancel(&self, request: RequestNo) -> Option<Request> {
        let outstanding = self.outstanding();
        let index = outstanding.asks.iter().position(|ask| ask.request == request)?;
        Some(Request::Cancel(outstanding.answered + index as u64))
    }

    /// Takes the answers as they come.
    async fn listen(&self, reader: &mut (impl AsyncRead + Unpin)) -> Result<(), SessionError> {
        loop {
            let ended = match wire::read(reader, MAX_ANSWER).await? {
                Answer::Holds(holds) => {
                    self.holds(&holds)?;
                    continue;
                }
                Answer::Waits(ahead) => {
                    self.engine.act(|schedule, now| schedule.peer_waits(self.peer, ahead, now));
                    continue;
                }
                Answer::Data => {
                    let ask = self.oldest().ok_or_else(|| unexpected(&Answer::Data))?;
                    answer::take(&self.engine, (self.peer, &self.moved), &ask, reader).await?;
                    (ask, Ended::Complete)
                }
                answer @ (Answer::Missing | Answer::OutOfRange) => {
                    (self.oldest().ok_or_else(|| unexpected(&answer))?, Ended::Missing)
                }
                Answer::Cancelled => {
                    (self.oldest().ok_or_else(|| unexpected(&Answer::Cancelled))?, Ended::Cancelled)
                }
                other @ (Answer::Has(_) | Answer::End) => return Err(unexpected(&other)),
            };
            let (Ask { request, .. }, why) = ended;
            self.engine.act(|schedule, now| schedule.answer_ended(self.peer, request, why, now));
        }
    }

    /// The request that is being answered.
    fn oldest(&self) -> Option<Ask> {
        let mut outstanding = self.outstanding();
        outstanding.answered += u64::from(!outstanding.asks.is_empty());
        outstanding.asks.pop_front()
    }

    /// Takes note of what the peer has.
    fn holds(&self, holds: &Holds) -> Result<(), SessionError> {
        if holds.root != self.engine.followed {
            return Err(WireError::Malformed("spans of what nobody follows".to_owned()).into());
        }
        match &holds.spans {
            Spans::All => self.engine.act(|schedule, now| schedule.peer_has_all(self.peer, now)),
            Spans::Nothing => return Err(SessionError::Missing),
            Spans::Some { first, bits } => {
                if bits.len() > MAX_SET {
                    return Err(WireError::Malformed("a set that is too long".to_owned()).into());
                }
                let spans: Vec<SpanNo> = set_bits(*first, bits).collect();
                let known = self.engine.layout.spans();
                self.engine.act(|schedule, now| {
                    for span in spans.into_iter().filter(|span| *span < known) {
                        schedule.peer_has(self.peer, span, now);
                    }
                });
            }
        }
        Ok(())
    }

    fn outstanding(&self) -> std::sync::MutexGuard<'_, Outstanding> {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the engine that a peer is gone, however the conversation ends.
struct Leave<'a> {
    engine: &'a Engine,
    peer: PeerNo,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.engine.leave(self.peer);
    }
}

async fn send(
    writer: &mut (impl AsyncWrite + Unpin),
    requests: &[Request],
) -> Result<(), SessionError> {
    let mut bytes = Vec::new();
    for request in requests {
        bytes.extend(wire::frame(request)?);
    }
    writer.write_all(&bytes).await?;
    Ok(writer.flush().await?)
}

fn set_bits(first: SpanNo, bits: &[u8]) -> impl Iterator<Item = SpanNo> {
    let places = bits.iter().enumerate().flat_map(|(byte, value)| {
        (0..8).filter(move |bit| value >> bit & 1 == 1).map(move |bit| byte as u64 * 8 + bit)
    });
    places.filter_map(move |place| SpanNo::try_from(u64::from(first) + place).ok())
}

/// What a peer is banned for: which content, and what was wrong with what it sent.
pub(super) fn evidence(root: &Root, error: &impl std::fmt::Display) -> String {
    format!("{error}, of the content with root {root}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_the_lowest_bit_first_and_end_with_the_numbers() {
        assert_eq!(set_bits(8, &[0b101, 0, 0x80]).collect::<Vec<_>>(), [8, 10, 31]);
        assert_eq!(set_bits(u32::MAX - 1, &[0xff]).collect::<Vec<_>>(), [u32::MAX - 1, u32::MAX]);
    }
}
