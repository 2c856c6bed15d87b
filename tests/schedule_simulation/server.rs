//! The other side: nodes that answer requests, a block at a time, fairly between those who ask.

use std::collections::{BTreeSet, VecDeque};

use p2pfs_tui::network::content::schedule::{Ended, SpanNo};
use rand::Rng;

use super::{
    BLOCK, Event, Network, Time,
    link::{Answering, Character, ToClient, ToServer},
    ms, seconds,
};

/// Bytes of an answer besides its blocks.
const HEAD: u64 = 128;

/// A node that answers.
#[derive(Debug, Default)]
pub struct Node {
    /// Bytes per second that it sends, over all lines.
    pub rate: f64,
    /// One way.
    pub latency: Time,
    /// What a message may take longer.
    pub jitter: Time,
    pub character: Character,
    /// A line to it breaks after so many seconds on average; it is back after so many.
    pub loses: Option<(f64, f64)>,
    /// It comes back after it was dropped.
    pub is_reliable: bool,
    /// It was caught lying.
    pub is_banned: bool,
    /// It has what this client has.
    pub fetches_as: Option<usize>,
    /// What it has; nothing said: everything.
    pub has: Option<BTreeSet<SpanNo>>,
    pub is_sending: bool,
    /// Lines on which something is to be sent.
    pub turns: VecDeque<usize>,
    /// Bytes sent on all lines.
    pub sent: u64,
}

impl Node {
    pub fn new(rate: f64, round_trip: Time) -> Self {
        Self { rate, latency: round_trip / 2, ..Self::default() }
    }

    pub fn with(mut self, character: Character) -> Self {
        self.character = character;
        self
    }

    pub fn spans(&self) -> Option<Vec<SpanNo>> {
        self.has.as_ref().map(|has| has.iter().copied().collect())
    }

    pub fn has(&self, span: SpanNo) -> bool {
        self.has.as_ref().is_none_or(|has| has.contains(&span))
    }

    pub fn add(&mut self, span: SpanNo) -> bool {
        self.has.as_mut().is_some_and(|has| has.insert(span))
    }
}

impl Network {
    pub(super) fn at_server(&mut self, link: usize, message: ToServer) {
        if !self.links[link].is_open {
            return;
        }
        match message {
            ToServer::Ask { request, span, blocks } => {
                let answer = Answering { request, span, blocks, has_begun: false };
                self.links[link].queue.push_back(answer);
                if self.links[link].is_queued {
                    self.send_down(link, ToClient::Waits(1));
                }
                self.queue_up(link);
            }
            ToServer::Cancel(request) => {
                let queue = &mut self.links[link].queue;
                let before = queue.len();
                queue.retain(|answer| answer.request != request);
                if queue.len() != before {
                    self.send_down(link, ToClient::Ended(request, Ended::Cancelled));
                }
            }
        }
    }

    fn queue_up(&mut self, link: usize) {
        let node = self.links[link].node;
        if !self.nodes[node].turns.contains(&link) {
            self.nodes[node].turns.push_back(link);
        }
        self.serve(node);
    }

    pub(super) fn resume(&mut self, link: usize) {
        if !self.links[link].is_open {
            return;
        }
        self.links[link].is_paused = false;
        if std::mem::take(&mut self.links[link].is_queued) {
            self.send_down(link, ToClient::Waits(0));
        }
        self.queue_up(link);
    }

    /// Puts the next thing on the line, if it is free.
    pub(super) fn serve(&mut self, node: usize) {
        while !self.nodes[node].is_sending {
            let Some(link) = self.nodes[node].turns.pop_front() else { return };
            if !self.links[link].is_open || self.links[link].is_paused || self.pauses(link) {
                continue;
            }
            if let Some(bytes) = self.answer(link) {
                let took = seconds(bytes as f64 / self.nodes[node].rate);
                self.nodes[node].is_sending = true;
                self.nodes[node].sent += bytes;
                self.push(self.now + took, Event::Sent(node));
            }
            if !self.links[link].queue.is_empty() {
                self.nodes[node].turns.push_back(link);
            }
        }
    }

    /// Whether the node now begins to send nothing here.
    fn pauses(&mut self, link: usize) -> bool {
        let own = &mut self.links[link];
        let sent = own.sent;
        if let Some((_, time)) = own.character.stalls.take_if(|(after, _)| *after <= sent) {
            own.is_paused = true;
            if let Some(time) = time {
                self.push(self.now + time, Event::Resume(link));
            }
            return true;
        }
        if let Some((_, time)) = own.character.queues.take_if(|(after, _)| *after <= sent) {
            (own.is_paused, own.is_queued) = (true, true);
            self.push(self.now + time, Event::Resume(link));
            self.send_down(link, ToClient::Waits(1 + (time / ms(1_000)) as u32));
            return true;
        }
        false
    }

    /// Sends the next piece of the first answer; its bytes.
    fn answer(&mut self, link: usize) -> Option<u64> {
        let (client, node, _) = self.links[link].ends();
        let first = self.links[link].queue.front()?.clone();
        if !first.has_begun {
            let refuses = self.links[link].character.refuses;
            let is_refused = refuses > 0.0 && self.rng.random_bool(refuses);
            if is_refused || !self.has_span(node, first.span) {
                self.links[link].queue.pop_front();
                self.send_down(link, ToClient::Ended(first.request, Ended::Missing));
                return None;
            }
            self.links[link].queue[0].has_begun = true;
            self.after_sending(link, HEAD, ToClient::Began(first.request));
            if self.links[link].character.only_begins {
                self.links[link].queue.pop_front();
            }
            return Some(HEAD);
        }
        let block = first.blocks.start;
        let bytes = self.clients[client].length_of(first.span, block).min(BLOCK);
        let is_right =
            self.links[link].character.lies.is_none_or(|after| self.links[link].sent < after);
        self.links[link].sent += bytes;
        self.links[link].queue[0].blocks.start += 1;
        let (request, span) = (first.request, first.span);
        self.after_sending(link, bytes, ToClient::Block { request, span, block, is_right });
        if block + 1 == first.blocks.end {
            self.links[link].queue.pop_front();
            self.after_sending(link, bytes, ToClient::Ended(request, Ended::Complete));
        }
        Some(bytes)
    }

    /// A message arrives when its last byte does.
    fn after_sending(&mut self, link: usize, bytes: u64, message: ToClient) {
        let took = seconds(bytes as f64 / self.nodes[self.links[link].node].rate);
        let at = (self.now + took + self.delay(link)).max(self.links[link].down);
        self.links[link].down = at;
        self.push(at, Event::ToClient(link, message));
    }
}
