//! [`Conversation`]: answers what one peer asks on one stream, in the order of its requests.
//!
//! Descriptions need no slot; bytes do. While a conversation waits for one it says how many are
//! before it. Between any two answers it says which spans have come.

use std::{future::pending, time::Duration};

use libp2p::PeerId;
use tokio::{
    io::AsyncWrite,
    time::{Instant, sleep_until},
};

use super::{
    Provides, Shared, Uploads,
    requests::{Backlog, Front},
    sending::Sender,
    telling::Telling,
    upload::{BATCH, Batch, OVERHEAD, Upload},
};
use crate::{
    domain::Manifest,
    network::{
        content::{
            slots::Turn,
            wire::{Answer, MAX_MANIFESTS, ReadRequest},
        },
        wire::WireError,
    },
};

/// How long a stream may stay without a request, and with nothing to tell.
const IDLE: Duration = Duration::from_secs(30);
/// How long after its last answer a conversation keeps its files open.
const REST: Duration = Duration::from_secs(1);
/// How often a peer is told how many are served before it, and how soon at first.
const WORD_EVERY: Duration = Duration::from_secs(1);
/// Bytes that are read together are, under a limit, what may pass in this part of a second.
const BATCHES_PER_SECOND: u64 = 4;

/// One stream of requests and answers.
pub(super) struct Conversation<'a, W> {
    peer: PeerId,
    provides: &'a dyn Provides,
    uploads: &'a Uploads,
    backlog: &'a Backlog,
    sender: Sender<'a, W>,
    telling: Telling,
    upload: Upload,
    waiting: Option<Waiting<'a>>,
    /// When it last had something to say.
    spoke: Instant,
}

/// A turn to send, waited for or come.
struct Waiting<'a> {
    turn: Turn<'a>,
    /// What the peer was told: those who wait before it, and the one whose slot it gets.
    ahead: Option<u32>,
    next_word: Instant,
}

impl<'a, W: AsyncWrite + Unpin> Conversation<'a, W> {
    pub(super) fn new(shared: &'a Shared, peer: PeerId, backlog: &'a Backlog, writer: W) -> Self {
        Self {
            peer,
            provides: &*shared.provides,
            uploads: &shared.uploads,
            backlog,
            sender: Sender::new(writer, &shared.uploads),
            telling: Telling::new(shared.provides.clone()),
            upload: Upload::new(shared),
            waiting: None,
            spoke: Instant::now(),
        }
    }

    /// Answers until the peer has what it wanted, or asks for nothing for too long.
    ///
    /// # Errors
    /// When the stream breaks, or the peer does not take what it asked for.
    pub(super) async fn run(mut self) -> Result<(), WireError> {
        loop {
            self.tell().await?;
            if self.answer().await? {
                self.spoke = Instant::now();
                continue;
            }
            self.sender.flush().await?;
            if self.backlog.front() == Front::Ended || self.wait().await? {
                return self.sender.end().await;
            }
        }
    }

    async fn tell(&mut self) -> Result<(), WireError> {
        while let Some(root) = self.backlog.take_follow() {
            for holds in self.telling.follow(root) {
                self.sender.say(&Answer::Holds(holds)).await?;
            }
            self.spoke = Instant::now();
        }
        for holds in self.telling.news(Instant::now()) {
            self.sender.say(&Answer::Holds(holds)).await?;
            self.spoke = Instant::now();
        }
        Ok(())
    }

    /// Answers what is next; `false` if nothing can be answered now.
    async fn answer(&mut self) -> Result<bool, WireError> {
        if self.upload.is_begun() {
            // What is being read must be what is answered next.
            let batch = self.upload.take().await?;
            if let (Some(batch), Some(waiting)) = (batch, self.waiting.take()) {
                self.send(batch, waiting).await?;
            }
            return Ok(true);
        }
        match self.backlog.front() {
            Front::DescribeSha1(sha1) => {
                self.backlog.take(1);
                self.describe(self.provides.describe_sha1(&sha1)).await?;
            }
            Front::DescribeRoot(root) => {
                self.backlog.take(1);
                self.describe(self.provides.describe_root(&root)).await?;
            }
            Front::Cancelled => {
                self.backlog.take(1);
                self.sender.say(&Answer::Cancelled).await?;
            }
            Front::Read if self.has_slot().await? => self.upload.begin(self.next_reads()),
            Front::Read => return Ok(false),
            Front::Nothing | Front::Ended => {
                self.waiting = None;
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn describe(&mut self, manifests: Vec<Manifest>) -> Result<(), WireError> {
        for manifest in manifests.into_iter().take(MAX_MANIFESTS) {
            self.sender.say(&Answer::Has(manifest)).await?;
        }
        self.sender.say(&Answer::End).await
    }

    /// Whether this may send now; otherwise it waits for its turn from now on.
    async fn has_slot(&mut self) -> Result<bool, WireError> {
        let (slots, peer) = (&self.uploads.slots, self.peer);
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            turn: slots.ask(peer),
            ahead: None,
            next_word: Instant::now() + WORD_EVERY,
        });
        let has_slot = waiting.turn.is_granted();
        if has_slot && waiting.ahead.take().is_some() {
            self.sender.say(&Answer::Waits(0)).await?;
        }
        Ok(has_slot)
    }

    fn next_reads(&self) -> Vec<ReadRequest> {
        let limit = self.uploads.limiter.limit();
        let budget = limit.map_or(BATCH, |limit| BATCH.min(limit / BATCHES_PER_SECOND));
        self.backlog.reads(budget, OVERHEAD)
    }

    /// Sends a batch, but for what was cancelled meanwhile, while the next one is read.
    async fn send(&mut self, batch: Batch, waiting: Waiting<'a>) -> Result<(), WireError> {
        let cancelled = self.backlog.take(batch.answers.len());
        let turn = &waiting.turn;
        if !turn.is_over(batch.bytes().len() as u64) {
            self.upload.begin(self.next_reads());
        }
        let mut unsent = 0;
        for (answer, is_cancelled) in batch.answers.iter().zip(&cancelled) {
            if *is_cancelled {
                let data = &batch.bytes()[unsent..answer.place.start];
                self.sender.data(data, turn, || self.upload.abandon()).await?;
                self.sender.say(&Answer::Cancelled).await?;
                unsent = answer.place.end;
            }
        }
        let data = &batch.bytes()[unsent..];
        self.sender.data(data, turn, || self.upload.abandon()).await?;
        turn.sent(batch.bytes().len() as u64);
        for (answer, is_cancelled) in batch.answers.iter().zip(cancelled) {
            if !is_cancelled && answer.length > 0 {
                self.provides.sent(&answer.root, answer.length);
            }
        }
        if turn.is_over(0) {
            // What was read ahead is read again, or it would be held while others are served.
            self.upload.abandon();
        } else {
            self.waiting = Some(waiting);
        }
        Ok(())
    }

    /// Waits until something can be answered or told; `true` if nothing is asked for too long.
    async fn wait(&mut self) -> Result<bool, WireError> {
        let is_idle = self.waiting.is_none();
        let Self { waiting, backlog, telling, spoke, .. } = self;
        let next_word = waiting.as_ref().map(|waiting| waiting.next_word);
        let rests = self.upload.is_open().then_some(*spoke + REST);
        tokio::select! {
            () = backlog.changed() => {}
            () = telling.due() => {}
            () = granted(waiting) => {}
            () = at(next_word) => self.say_how_many().await?,
            () = at(rests) => self.upload.close(),
            () = at(is_idle.then_some(*spoke + IDLE)) => return Ok(true),
        }
        Ok(false)
    }

    async fn say_how_many(&mut self) -> Result<(), WireError> {
        let Some(waiting) = &mut self.waiting else { return Ok(()) };
        waiting.next_word = Instant::now() + WORD_EVERY;
        let ahead = waiting.turn.ahead().saturating_add(1);
        // Its turn may have come this moment, which is told when it begins.
        if waiting.turn.is_granted() || waiting.ahead == Some(ahead) {
            return Ok(());
        }
        waiting.ahead = Some(ahead);
        self.sender.say(&Answer::Waits(ahead)).await
    }
}

async fn granted(waiting: &mut Option<Waiting<'_>>) {
    match waiting {
        Some(waiting) => waiting.turn.granted().await,
        None => pending().await,
    }
}

/// Waits until a time, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
