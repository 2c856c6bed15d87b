//! A line between a client and a node, and how the node behaves on it.

use std::{collections::VecDeque, ops::Range};

use p2pfs_tui::network::content::schedule::{Ended, PeerNo, RequestNo, SpanNo};

use super::Time;

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
