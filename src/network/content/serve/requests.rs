//! [`Backlog`]: what a peer has asked for on one stream and has not been answered.
//!
//! Invariant: requests leave it in the order in which they came, each by one answer; never more of
//! them wait than [`MAX_OUTSTANDING`]. Whoever asks for more waits to be read.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncRead, BufReader},
    sync::Notify,
};

use super::telling::MAX_FOLLOWED;
use crate::{
    domain::{Root, Sha1Hash},
    network::{
        content::wire::{MAX_OUTSTANDING, MAX_REQUEST, ReadRequest, Request},
        wire::{self, WireError},
    },
};

/// Bytes of requests that are taken from a stream at once.
const BUFFER: usize = 4 << 10;

/// The requests of one stream, filled by one task and emptied by another.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    queue: Mutex<Queue>,
    filled: Notify,
    emptied: Notify,
}

/// What is to be answered next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Front {
    /// What is there under a SHA-1?
    DescribeSha1(Sha1Hash),
    /// What is there with a root?
    DescribeRoot(Root),
    /// Bytes of a content.
    Read,
    /// Bytes that are not needed any more.
    Cancelled,
    /// Nothing, until more is asked.
    Nothing,
    /// Nothing, and no more will be asked.
    Ended,
}

impl Backlog {
    /// Takes in requests to the end of the stream.
    ///
    /// # Errors
    /// When the stream breaks, or what comes is no request.
    pub(super) async fn read_from(&self, stream: impl AsyncRead + Unpin) -> Result<(), WireError> {
        let mut stream = BufReader::with_capacity(BUFFER, stream);
        loop {
            match wire::read(&mut stream, MAX_REQUEST).await {
                Ok(request) => self.take_in(request).await,
                Err(WireError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.lock().has_ended = true;
                    self.filled.notify_one();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn take_in(&self, request: Request) {
        while !self.lock().offer(request) {
            self.emptied.notified().await;
        }
        self.filled.notify_one();
    }

    /// Waits until there may be more to answer. Spurious at times.
    pub(super) async fn changed(&self) {
        self.filled.notified().await;
    }

    /// What is to be answered next.
    pub(super) fn front(&self) -> Front {
        self.lock().front()
    }

    /// The reads that can be answered next and cost no more than `budget`, but at least one: a read
    /// costs its bytes and `overhead`.
    pub(super) fn reads(&self, budget: u64, overhead: u64) -> Vec<ReadRequest> {
        self.lock().reads(budget, overhead)
    }

    /// Removes the first requests, which are answered now; returns which of them are cancelled.
    pub(super) fn take(&self, count: usize) -> Vec<bool> {
        let taken = self.lock().take(count);
        self.emptied.notify_one();
        taken
    }

    /// A content or a collection that the peer wants to follow.
    pub(super) fn take_follow(&self) -> Option<Root> {
        let root = self.lock().follows.pop_front()?;
        self.emptied.notify_one();
        Some(root)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Queue {
    asked: VecDeque<Asked>,
    follows: VecDeque<Root>,
    /// Reads so far: the number of the next.
    reads: u64,
    has_ended: bool,
}

#[derive(Debug)]
enum Asked {
    DescribeSha1(Sha1Hash),
    DescribeRoot(Root),
    Read { number: u64, read: ReadRequest, is_cancelled: bool },
}

impl Queue {
    /// Takes in a request if there is room for it.
    fn offer(&mut self, request: Request) -> bool {
        let asked = match request {
            Request::Cancel(number) => {
                self.cancel(number);
                return true;
            }
            Request::Follow(root) => return self.follow(root),
            _ if self.asked.len() >= MAX_OUTSTANDING => return false,
            Request::DescribeSha1(sha1) => Asked::DescribeSha1(sha1),
            Request::DescribeRoot(root) => Asked::DescribeRoot(root),
            Request::Read(read) => {
                let number = self.reads;
                self.reads += 1;
                Asked::Read { number, read, is_cancelled: false }
            }
        };
        self.asked.push_back(asked);
        true
    }

    fn follow(&mut self, root: Root) -> bool {
        let has_room = self.follows.len() < MAX_FOLLOWED;
        if has_room {
            self.follows.push_back(root);
        }
        has_room
    }

    /// Marks a read that is not answered yet. Of others there is nothing to cancel.
    fn cancel(&mut self, cancelled: u64) {
        for asked in &mut self.asked {
            if let Asked::Read { number, is_cancelled, .. } = asked
                && *number == cancelled
            {
                *is_cancelled = true;
            }
        }
    }

    fn front(&self) -> Front {
        match self.asked.front() {
            Some(Asked::DescribeSha1(sha1)) => Front::DescribeSha1(*sha1),
            Some(Asked::DescribeRoot(root)) => Front::DescribeRoot(*root),
            Some(Asked::Read { is_cancelled: false, .. }) => Front::Read,
            Some(Asked::Read { is_cancelled: true, .. }) => Front::Cancelled,
            None if self.has_ended && self.follows.is_empty() => Front::Ended,
            None => Front::Nothing,
        }
    }

    fn reads(&self, budget: u64, overhead: u64) -> Vec<ReadRequest> {
        let mut spent = 0_u64;
        let reads = self.asked.iter().map_while(|asked| match asked {
            Asked::Read { read, is_cancelled: false, .. } => Some(*read),
            _ => None,
        });
        let affordable = reads.enumerate().take_while(|(place, read)| {
            // An impossible range is answered without bytes.
            spent = spent.saturating_add(read.end.saturating_sub(read.start));
            spent = spent.saturating_add(overhead);
            *place == 0 || spent <= budget
        });
        affordable.map(|(_, read)| read).collect()
    }

    fn take(&mut self, count: usize) -> Vec<bool> {
        let taken = self.asked.drain(..count.min(self.asked.len()));
        taken.map(|asked| matches!(asked, Asked::Read { is_cancelled: true, .. })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(n: u8, bytes: u64) -> ReadRequest {
        ReadRequest { root: Root::from_bytes([n; 32]), start: 0, end: bytes }
    }

    #[test]
    fn reads_are_numbered_and_cancelled_until_they_are_taken() {
        let mut queue = Queue::default();
        let root = Root::from_bytes([9; 32]);
        for request in [
            Request::Read(read(0, 10)),
            Request::DescribeRoot(root),
            Request::Read(read(1, 10)),
            Request::Read(read(2, 10)),
            Request::Cancel(1),
            Request::Cancel(7),
        ] {
            assert!(queue.offer(request));
        }
        assert_eq!((queue.front(), queue.reads(100, 0)), (Front::Read, vec![read(0, 10)]));
        assert!(queue.offer(Request::Cancel(0)));
        assert_eq!((queue.front(), queue.take(1)), (Front::Cancelled, vec![true]));
        assert_eq!((queue.front(), queue.take(1)), (Front::DescribeRoot(root), vec![false]));
        assert_eq!((queue.front(), queue.take(9)), (Front::Cancelled, vec![true, false]));
        assert!(queue.offer(Request::Cancel(2)) && queue.offer(Request::Read(read(3, 10))));
        assert_eq!(queue.front(), Front::Read, "number 2 was taken");
        queue.has_ended = true;
        queue.take(1);
        assert_eq!(queue.front(), Front::Ended);
    }

    #[test]
    fn as_many_reads_are_taken_together_as_can_be_paid_for() {
        let mut queue = Queue::default();
        for n in 0..5 {
            queue.offer(Request::Read(read(n, 100)));
        }
        let count = |budget| queue.reads(budget, 10).len();
        assert_eq!([count(0), count(110), count(219), count(220), count(10_000)], [1, 1, 1, 2, 5]);
        queue.offer(Request::Cancel(2));
        assert_eq!(queue.reads(10_000, 10).len(), 2, "up to the cancelled one");
        queue.offer(Request::Read(ReadRequest { start: 5, end: 4, ..read(5, 0) }));
        queue.take(3);
        assert_eq!(queue.reads(10_000, 10).len(), 3);
    }

    #[tokio::test]
    async fn who_asks_for_more_than_is_bounded_waits_to_be_read() {
        let backlog = Backlog::default();
        let requests = vec![wire::frame(&Request::Read(read(1, 5))).expect("encodes"); 10_000];
        let follows = vec![wire::frame(&Request::Follow(read(1, 0).root)).expect("encodes"); 20];
        let stream = [requests.concat(), follows.concat()].concat();
        let mut answered = 0;
        let answering = async {
            loop {
                backlog.changed().await;
                let waiting = backlog.lock().asked.len();
                assert!(waiting <= MAX_OUTSTANDING && backlog.lock().follows.len() <= MAX_FOLLOWED);
                answered += backlog.take(waiting).len();
                while backlog.take_follow().is_some() {
                    answered += 1;
                }
                if backlog.front() == Front::Ended {
                    return;
                }
            }
        };
        let (read, ()) = tokio::join!(backlog.read_from(stream.as_slice()), answering);
        read.expect("to its end");
        assert_eq!(answered, 10_020);
    }
}
