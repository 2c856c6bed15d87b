//! Contents in memory, and a peer that checks what it is sent.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
        mpsc as std_mpsc,
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};

use super::*;
use crate::{
    domain::{ContentId, Tags},
    network::{
        content::{
            slots::DEFAULT_SLOTS,
            tree::{PAIR, Tree},
            wire::MAX_ANSWER,
        },
        wire,
    },
};

/// Bytes that a stream holds which nobody has read.
const STREAM: usize = 64 << 10;

/// A content, and what happens to it.
pub(super) struct Content {
    pub(super) root: Root,
    data: Vec<u8>,
    pairs: Vec<u8>,
    failing: Mutex<Option<io::ErrorKind>>,
    changed: AtomicU32,
    gate: Mutex<Option<std_mpsc::Receiver<()>>>,
    is_shared: AtomicBool,
}

impl Content {
    pub(super) fn new(seed: u64, size: u64) -> Arc<Self> {
        let data: Vec<u8> = (0..size).map(|n| (n * n / 7 + n + seed * n / 3) as u8).collect();
        let data = [&seed.to_le_bytes()[..size.min(8) as usize], &data[size.min(8) as usize..]];
        let (data, mut pairs, tree) = (data.concat(), Vec::new(), Tree::new(size));
        let root = Root::from_bytes(tree.subtree(&tree.block_cvs(0, &data), &mut pairs));
        Arc::new(Self {
            root,
            data,
            pairs,
            failing: Mutex::default(),
            changed: AtomicU32::new(0),
            gate: Mutex::default(),
            is_shared: AtomicBool::new(true),
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.data.len() as u64
    }

    pub(super) fn manifest(&self) -> Manifest {
        let sha1 = Sha1Hash::from_bytes([1; 20]);
        let content = ContentId { sha1, root: self.root, size: self.size() };
        Manifest { name: "a".into(), content, media_type: None, tags: Tags::default() }
    }

    pub(super) fn read(&self, start: u64, end: u64) -> Request {
        Request::Read(ReadRequest { root: self.root, start, end })
    }

    /// Holds up the next read until what is returned is dropped.
    pub(super) fn close(&self) -> std_mpsc::Sender<()> {
        let (gate, opened) = std_mpsc::channel();
        *self.gate.lock().expect("no panic") = Some(opened);
        gate
    }

    /// Has reads fail; `Other` has them come to too few bytes.
    pub(super) fn fail(&self, how: Option<io::ErrorKind>) {
        *self.failing.lock().expect("no panic") = how;
    }

    pub(super) fn times_changed(&self) -> u32 {
        self.changed.load(Ordering::SeqCst)
    }

    pub(super) fn answer_len(&self, bytes: Range<u64>) -> usize {
        Tree::new(self.size()).proof_len(blocks(&bytes)) + (bytes.end - bytes.start) as usize
    }

    /// Fails unless these bytes prove the range and are it.
    pub(super) fn check(&self, bytes: Range<u64>, answer: &[u8]) {
        let tree = Tree::new(self.size());
        let (proof, data) = answer.split_at(tree.proof_len(blocks(&bytes)));
        let cvs = tree.verify(&self.root, blocks(&bytes), proof).expect("proven");
        assert_eq!(tree.block_cvs(bytes.start / BLOCK, data), cvs);
        assert!(data == &self.data[bytes.start as usize..bytes.end as usize]);
    }
}

fn blocks(bytes: &Range<u64>) -> Range<u64> {
    bytes.start / BLOCK..bytes.end.div_ceil(BLOCK)
}

/// An open content.
struct Open {
    content: Arc<Content>,
    open: Arc<AtomicUsize>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Readable for Open {
    fn size(&self) -> u64 {
        self.content.size()
    }

    fn read(&self, blocks: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let content = &self.content;
        if let Some(gate) = content.gate.lock().expect("no panic").take() {
            let _ = gate.recv();
        }
        for parent in Tree::new(content.size()).parents(blocks.clone()) {
            let place = parent.index as usize * PAIR;
            out.extend_from_slice(&content.pairs[place..place + PAIR]);
        }
        let (start, end) = (blocks.start * BLOCK, (blocks.end * BLOCK).min(content.size()));
        let failing = *content.failing.lock().expect("no panic");
        let cut = if failing.is_some() { (start + end) / 2 } else { end };
        out.extend_from_slice(&content.data[start as usize..cut as usize]);
        match failing {
            None | Some(io::ErrorKind::Other) => Ok(()),
            Some(kind) => Err(kind.into()),
        }
    }

    fn found_changed(&self) {
        self.content.changed.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a node has.
pub(super) struct Library {
    contents: HashMap<Root, Arc<Content>>,
    pub(super) uploads: Arc<Uploads>,
    pub(super) growing: Mutex<HashMap<Root, Holdings>>,
    sent: Mutex<HashMap<Root, u64>>,
    open: Arc<AtomicUsize>,
    open_at_most: AtomicUsize,
}

impl Library {
    pub(super) fn with(size: u64) -> (Arc<Self>, Arc<Content>) {
        let content = Content::new(size, size);
        (Self::of(vec![content.clone()]), content)
    }

    pub(super) fn of(contents: Vec<Arc<Content>>) -> Arc<Self> {
        Self::sending(contents, DEFAULT_SLOTS, None)
    }

    pub(super) fn sending(
        contents: Vec<Arc<Content>>,
        slots: usize,
        limit: Option<u64>,
    ) -> Arc<Self> {
        let (limiter, slots) = (Limiter::new(limit), Slots::new(slots));
        Arc::new(Self {
            contents: contents.into_iter().map(|content| (content.root, content)).collect(),
            uploads: Arc::new(Uploads { limiter, meter: Meter::default(), slots }),
            growing: Mutex::default(),
            sent: Mutex::default(),
            open: Arc::default(),
            open_at_most: AtomicUsize::new(0),
        })
    }

    pub(super) fn shared(self: &Arc<Self>) -> Shared {
        Shared::new(self.clone(), self.uploads.clone())
    }

    pub(super) fn sent(&self, root: &Root) -> u64 {
        self.sent.lock().expect("no panic").get(root).copied().unwrap_or(0)
    }

    pub(super) fn open_now(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(super) fn open_at_most(&self) -> usize {
        self.open_at_most.load(Ordering::SeqCst)
    }

    /// Shares a content no more.
    pub(super) fn forget(&self, root: &Root) {
        self.contents[root].is_shared.store(false, Ordering::SeqCst);
    }
}

impl Provides for Library {
    fn describe_sha1(&self, sha1: &Sha1Hash) -> Vec<Manifest> {
        let manifests = self.contents.values().map(|content| content.manifest());
        manifests.filter(|manifest| manifest.content.sha1 == *sha1).collect()
    }

    fn describe_root(&self, root: &Root) -> Vec<Manifest> {
        self.contents.get(root).map(|content| content.manifest()).into_iter().collect()
    }

    fn open(&self, root: &Root) -> Option<Arc<dyn Readable>> {
        let content = self.contents.get(root)?.clone();
        if !content.is_shared.load(Ordering::SeqCst) {
            return None;
        }
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.open_at_most.fetch_max(open, Ordering::SeqCst);
        Some(Arc::new(Open { content, open: self.open.clone() }))
    }

    fn holdings(&self, root: &Root) -> Holdings {
        let growing = self.growing.lock().expect("no panic").get(root).cloned();
        let whole = || self.contents.get(root).map(|_| Holdings::All);
        growing.or_else(whole).unwrap_or(Holdings::Nothing)
    }

    fn sent(&self, root: &Root, bytes: u64) {
        *self.sent.lock().expect("no panic").entry(*root).or_default() += bytes;
    }
}

/// One who asks, and the conversation that answers it.
pub(super) struct Peer<S = DuplexStream> {
    pub(super) stream: S,
    task: Option<JoinHandle<Result<(), WireError>>>,
}

impl Peer {
    pub(super) fn connect(shared: &Shared) -> Self {
        Self::connect_through(shared, PeerId::random(), STREAM)
    }

    pub(super) fn connect_through(shared: &Shared, peer: PeerId, buffer: usize) -> Self {
        let (stream, served) = tokio::io::duplex(buffer);
        let shared = shared.clone();
        let task = tokio::spawn(async move { shared.converse(peer, served).await });
        Self { stream, task: Some(task) }
    }

    pub(super) async fn ask(&mut self, request: Request) {
        self.ask_all(&[request]).await;
    }

    /// Asks several things at once.
    pub(super) async fn ask_all(&mut self, requests: &[Request]) {
        let frames = requests.iter().map(|request| wire::frame(request).expect("encodes"));
        self.stream.write_all(&frames.collect::<Vec<_>>().concat()).await.expect("open");
    }

    /// How the conversation ended.
    pub(super) async fn ended(self) -> Result<(), WireError> {
        self.task.expect("a conversation").await.expect("no panic")
    }
}

impl<S: AsyncRead + Unpin> Peer<S> {
    /// Only reads.
    pub(super) fn reading(stream: S) -> Self {
        Self { stream, task: None }
    }

    pub(super) async fn answer(&mut self) -> Answer {
        wire::read(&mut self.stream, MAX_ANSWER).await.expect("an answer")
    }

    /// Takes a range of a content, and checks it.
    pub(super) async fn take(&mut self, content: &Content, bytes: Range<u64>) {
        assert_eq!(self.answer().await, Answer::Data);
        content.check(bytes.clone(), &self.take_unchecked(content, bytes).await);
    }

    /// Takes what comes after an answer.
    pub(super) async fn take_unchecked(&mut self, content: &Content, bytes: Range<u64>) -> Vec<u8> {
        let mut answer = vec![0; content.answer_len(bytes)];
        self.stream.read_exact(&mut answer).await.expect("the bytes");
        answer
    }
}
