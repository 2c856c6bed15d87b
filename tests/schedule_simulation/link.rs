//! A line between a client and a node: how the node behaves on it, how it opens and breaks.

use std::{collections::VecDeque, ops::Range};

use p2pfs_tui::network::content::schedule::{Ended, PeerNo, RequestNo, SpanNo};
use rand::Rng;

use super::{Event, Network, Time, seconds};

#[derive(Debug)]
pub enum ToServer {
    Ask { request: RequestNo, span: SpanNo, blocks: Range<u8> },
    Cancel(RequestNo),
}

#[derive(Debug)]
pub enum ToClient {
    HasAll,
    Has(SpanNo),
    Waits(u32),
    Began(RequestNo),
    Block { request: RequestNo, span: SpanNo, block: u8, is_right: bool },
    Ended(RequestNo, Ended),
}

/// How a node behaves; nothing of it: honestly.
#[derive(Debug, Clone, Default)]
pub struct Character {
    /// After so many bytes it sends nothing, for so long, or for ever.
    pub stalls: Option<(u64, Option<Time>)>,
    /// After so many bytes it lets others go first for so long.
    pub queues: Option<(u64, Time)>,
    /// After so many bytes it sends a wrong block.
    pub lies: Option<u64>,
    /// The share of requests that it refuses.
    pub refuses: f64,
    /// Signs of life, but never a block.
    pub only_begins: bool,
}

/// A request that is being answered.
#[derive(Debug, Clone)]
pub struct Answering {
    pub request: RequestNo,
    pub span: SpanNo,
    pub blocks: Range<u8>,
    pub has_begun: bool,
}

/// A line.
#[derive(Debug)]
pub struct Link {
    pub client: usize,
    pub node: usize,
    pub peer: PeerNo,
    pub is_open: bool,
    pub character: Character,
    pub queue: VecDeque<Answering>,
    /// Whether the node sends nothing here for now, and whether it has said so.
    pub is_paused: bool,
    pub is_queued: bool,
    pub sent: u64,
    /// When the last message in each direction arrives: they keep their order.
    pub up: Time,
    pub down: Time,
}

impl Link {
    pub fn new(client: usize, node: usize, peer: PeerNo, character: Character) -> Self {
        Self {
            client,
            node,
            peer,
            is_open: true,
            character,
            queue: VecDeque::new(),
            is_paused: false,
            is_queued: false,
            sent: 0,
            up: 0,
            down: 0,
        }
    }

    pub fn ends(&self) -> (usize, usize, PeerNo) {
        (self.client, self.node, self.peer)
    }
}

impl Network {
    pub(super) fn connect(&mut self, client: usize, node: usize) {
        if self.clients[client].is_done() || self.nodes[node].is_banned {
            return;
        }
        let now = self.instant();
        let peer = self.clients[client].join(now, self.links.len());
        let of_node = &mut self.nodes[node];
        // Who can be relied on fails once, not on every line.
        let character = match of_node.is_reliable {
            true => std::mem::take(&mut of_node.character),
            false => of_node.character.clone(),
        };
        if let Some((mean, _)) = self.nodes[node].loses {
            let after = self.rng.random_range(0.2..2.0) * mean;
            self.push(self.now + seconds(after), Event::Lost(self.links.len()));
        }
        self.links.push(Link::new(client, node, peer, character));
        let link = self.links.len() - 1;
        match self.spans_of(node) {
            None => self.send_down(link, ToClient::HasAll),
            Some(spans) => {
                spans.into_iter().for_each(|span| self.send_down(link, ToClient::Has(span)));
            }
        }
        self.pump(client);
    }

    /// A line breaks; a node that comes back does so after a while, under another number.
    pub(super) fn lose(&mut self, link: usize) {
        if !self.links[link].is_open {
            return;
        }
        self.close(link);
        let (client, node, peer) = self.links[link].ends();
        let now = self.instant();
        self.clients[client].left(peer, now);
        if let Some((_, back)) = self.nodes[node].loses {
            self.push(self.now + seconds(back), Event::Connect(client, node));
        }
        self.pump(client);
    }

    pub(super) fn close(&mut self, link: usize) {
        self.links[link].is_open = false;
        self.links[link].queue.clear();
    }

    pub(super) fn gain(&mut self, node: usize, span: SpanNo) {
        if self.nodes[node].add(span) {
            self.tell_all(node, span);
        }
    }

    /// A node tells everybody who is connected to it that it has a span.
    pub(super) fn tell_all(&mut self, node: usize, span: SpanNo) {
        for link in 0..self.links.len() {
            if self.links[link].node == node && self.links[link].is_open {
                self.send_down(link, ToClient::Has(span));
            }
        }
    }

    /// The spans that a node has; `None`: all.
    fn spans_of(&self, node: usize) -> Option<Vec<SpanNo>> {
        let Some(of) = self.nodes[node].fetches_as else { return self.nodes[node].spans() };
        let client = &self.clients[of];
        Some((0..client.count()).filter(|span| client.has_whole(*span)).collect())
    }

    pub(super) fn has_span(&self, node: usize, span: SpanNo) -> bool {
        match self.nodes[node].fetches_as {
            Some(client) => self.clients[client].has_whole(span),
            None => self.nodes[node].has(span),
        }
    }
}
