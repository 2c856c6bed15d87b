//! The one schedule of a fetch, shared by its conversations: what they report goes in, what is to
//! be asked comes out to whom it concerns.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use libp2p::PeerId;
use tokio::sync::{Notify, mpsc};

use crate::{
    domain::Root,
    network::content::{
        layout::{Layout, Mask, SpanNo},
        limiter::Limiter,
        meter::Meter,
        schedule::{Action, DropReason, PeerNo, PeerState, PeerView, RequestNo, Schedule},
        store::Store,
    },
};

/// How long a conversation may bring nothing and be asked for nothing while others wait for its
/// place.
const IDLE: Duration = Duration::from_secs(5);

/// What a conversation is to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Ask for blocks of a span.
    Ask(Ask),
    /// Say that a request is not needed any more.
    Cancel(RequestNo),
    /// End.
    Close(DropReason),
}

/// A request for consecutive blocks of a span.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) request: RequestNo,
    pub(super) span: SpanNo,
    pub(super) blocks: Range<u8>,
}

/// What all conversations of a fetch share.
#[derive(Debug)]
pub(super) struct Engine {
    /// What is fetched: a content, or the list of a collection.
    pub(super) followed: Root,
    pub(super) layout: Arc<Layout>,
    pub(super) store: Arc<Store>,
    /// Limits that every byte has to pass.
    pub(super) limits: Vec<Arc<Limiter>>,
    pub(super) meter: Arc<Meter>,
    core: Mutex<Core>,
    next_peer: AtomicU32,
    /// Everything wanted is here.
    pub(super) complete: Notify,
    /// More sources are wanted.
    pub(super) hungry: Arc<Notify>,
}

#[derive(Debug)]
struct Core {
    schedule: Schedule,
    lines: HashMap<PeerNo, Line>,
    /// Chunks with blocks that the schedule takes for here and the store does not have yet.
    unsaved: usize,
}

/// The way to a conversation.
#[derive(Debug)]
struct Line {
    id: PeerId,
    orders: mpsc::UnboundedSender<Order>,
    since: Instant,
}

impl Core {
    /// Whether everything wanted is here, and in the store.
    fn is_complete(&self) -> bool {
        self.unsaved == 0 && self.schedule.is_complete()
    }
}

/// How far a fetch is, as the schedule knows it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) done: u64,
    pub(super) wanted: u64,
    pub(super) complete: bool,
    pub(super) peers: Vec<(PeerId, PeerView)>,
}

impl Engine {
    pub(super) fn new(
        followed: Root,
        store: Arc<Store>,
        schedule: Schedule,
        (limits, meter): (Vec<Arc<Limiter>>, Arc<Meter>),
        hungry: Arc<Notify>,
    ) -> Self {
        Self {
            followed,
            layout: store.plan().layout.clone(),
            store,
            limits,
            meter,
            core: Mutex::new(Core { schedule, lines: HashMap::new(), unsaved: 0 }),
            next_peer: AtomicU32::new(0),
            complete: Notify::new(),
            hungry,
        }
    }

    /// Takes in a peer, which has nothing yet. Its orders come through the receiver; the scheduler
    /// bounds how many are under way.
    pub(super) fn join(&self, id: PeerId) -> (PeerNo, mpsc::UnboundedReceiver<Order>) {
        let peer = self.next_peer.fetch_add(1, Ordering::Relaxed);
        let (line, orders) = mpsc::unbounded_channel();
        let mut core = self.lock();
        core.lines.insert(peer, Line { id, orders: line, since: Instant::now() });
        core.schedule.peer_joined(peer, Instant::now());
        (peer, orders)
    }

    /// A peer is gone; what it was asked for goes to others.
    pub(super) fn leave(&self, peer: PeerNo) {
        self.lock().lines.remove(&peer);
        self.act(|schedule, now| schedule.peer_left(peer, now));
    }

    /// Tells the schedule something, and has done what follows from it.
    pub(super) fn act<T>(&self, tell: impl FnOnce(&mut Schedule, Instant) -> T) -> T {
        let mut core = self.lock();
        let now = Instant::now();
        let out = tell(&mut core.schedule, now);
        while let Some(action) = core.schedule.poll(now) {
            self.carry_out(&mut core, action);
        }
        if core.is_complete() {
            self.complete.notify_one();
        }
        out
    }

    /// Tells the schedule something from which nothing follows at once.
    pub(super) fn note<T>(&self, tell: impl FnOnce(&mut Schedule, Instant) -> T) -> T {
        tell(&mut self.lock().schedule, Instant::now())
    }

    /// How many bytes may be read at once: little where a limit is low, so that what comes is as even
    /// as the limit wants it.
    pub(super) fn at_once(&self) -> usize {
        let set = self.limits.iter().filter(|limit| limit.limit().is_some());
        set.map(|limit| limit.piece()).min().unwrap_or(usize::MAX / 2)
    }

    /// A verified block came; whether it is news. The `first` of a chunk that is begins to be held
    /// back from the store, until [`chunk_ended`](Self::chunk_ended).
    pub(super) fn block_arrived(&self, peer: PeerNo, ask: &Ask, block: u8, first: bool) -> bool {
        let mut core = self.lock();
        let fresh = core.schedule.block_arrived(peer, ask.request, block, Instant::now());
        core.unsaved += usize::from(fresh && first);
        fresh
    }

    /// The store has the chunk, but for these blocks, which are wanted again.
    pub(super) fn chunk_ended(&self, span: SpanNo, lost: Mask) {
        if lost != 0 {
            self.act(|schedule, _| schedule.lost(span, lost));
        }
        let mut core = self.lock();
        core.unsaved -= 1;
        if core.is_complete() {
            self.complete.notify_one();
        }
    }

    /// Ends the conversation that is least likely to bring anything, if there is one that was asked
    /// for nothing for so long: others wait for its place.
    pub(super) fn dismiss_idle(&self, now: Instant) {
        let core = self.lock();
        let idle = core.lines.iter().filter_map(|(no, line)| {
            let view = core.schedule.peer_view(*no)?;
            let old = now.saturating_duration_since(line.since) >= IDLE;
            let waits = matches!(view.state, PeerState::Waiting(_));
            (old && view.outstanding == 0 && view.rate == 0).then_some((waits, line.since, line))
        });
        if let Some((.., line)) = idle.min_by_key(|(waits, since, _)| (*waits, *since)) {
            let _ = line.orders.send(Order::Close(DropReason::NoProgress));
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let core = self.lock();
        let lines = core.lines.iter();
        let peers = lines.filter_map(|(no, line)| Some((line.id, core.schedule.peer_view(*no)?)));
        Standing {
            done: core.schedule.bytes_done(),
            wanted: core.schedule.bytes_wanted(),
            complete: core.is_complete(),
            peers: peers.collect(),
        }
    }

    fn carry_out(&self, core: &mut Core, action: Action) {
        let (peer, order) = match action {
            Action::Ask { peer, request, span, blocks } => {
                (peer, Order::Ask(Ask { request, span, blocks }))
            }
            Action::Cancel { peer, request } => (peer, Order::Cancel(request)),
            Action::Drop { peer, why } => (peer, Order::Close(why)),
            Action::FindSources => return self.hungry.notify_one(),
        };
        // A conversation that has just ended says so itself, and its requests go back then.
        if let Some(line) = core.lines.get(&peer) {
            let _ = line.orders.send(order);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
