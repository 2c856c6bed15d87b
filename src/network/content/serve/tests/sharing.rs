//! Peers share the slots and the limit.

use super::*;
use crate::network::content::slots::{QUANTUM, SlotCounts};

/// Asks for a content over and over, so many spans ahead; counts what comes until it is dropped.
struct Fetcher {
    taken: Arc<std::sync::atomic::AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Fetcher {
    fn start(shared: &Shared, peer: PeerId, content: &Arc<Content>) -> Self {
        let taken = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let (counted, content) = (taken.clone(), content.clone());
        let mut peer = Peer::connect_through(shared, peer, 64 << 10);
        let task = tokio::spawn(async move {
            peer.ask_all(&[content.read(0, SPAN); 4]).await;
            loop {
                match peer.answer().await {
                    Answer::Waits(_) => {}
                    Answer::Data => {
                        peer.take_unchecked(&content, 0..SPAN).await;
                        counted.fetch_add(SPAN, std::sync::atomic::Ordering::SeqCst);
                        peer.ask(content.read(0, SPAN)).await;
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
        Self { taken, task }
    }

    fn taken(&self) -> u64 {
        self.taken.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn three_peers_take_turns_of_a_quantum() {
    let content = Content::new(1, SPAN);
    let library = Library::sending(vec![content.clone()], 1, None);
    let shared = library.shared();
    let peers: Vec<_> =
        (0..3).map(|_| Fetcher::start(&shared, PeerId::random(), &content)).collect();
    let mut counts = library.uploads.slots.counts();
    counts.wait_for(|counts| counts.waiting == 2).await.expect("slots");
    while library.sent(&content.root) < 6 * QUANTUM {
        tokio::task::yield_now().await;
        let taken: Vec<_> = peers.iter().map(Fetcher::taken).collect();
        let (least, most) =
            (taken.iter().min().expect("three"), taken.iter().max().expect("three"));
        assert!(most - least <= QUANTUM + SPAN, "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_opens_many_streams_gains_nothing() {
    let content = Content::new(1, SPAN);
    for slots in [1, 2] {
        let library = Library::sending(vec![content.clone()], slots, Some(SPAN / 2));
        let (shared, greedy) = (library.shared(), PeerId::random());
        let many: Vec<_> = (0..20).map(|_| Fetcher::start(&shared, greedy, &content)).collect();
        let one = Fetcher::start(&shared, PeerId::random(), &content);
        sleep(Duration::from_secs(200)).await;
        let many: u64 = many.iter().map(Fetcher::taken).sum();
        let share = one.taken() * 100 / (one.taken() + many);
        assert!((40..=60).contains(&share), "{slots} slots: {share} of 100");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_how_many_are_served_first() {
    let content = Content::new(1, 40 * SPAN);
    // A span takes four seconds, and so a turn twelve.
    let library = Library::sending(vec![content.clone()], 1, Some(SPAN / 4));
    let shared = library.shared();
    let spans = |count| (0..count).map(|n| content.read(n * SPAN, (n + 1) * SPAN)).collect();
    let (first, second): (Vec<_>, Vec<_>) = (spans(3), spans(1));
    let mut peers: Vec<_> = (0..3).map(|_| Peer::connect(&shared)).collect();
    let start = Instant::now();
    peers[0].ask_all(&first).await;
    assert_eq!(peers[0].answer().await, Answer::Data, "without a word of waiting");
    for peer in &mut peers[1..] {
        peer.ask_all(&second).await;
        tokio::task::yield_now().await;
    }
    let [mut one, mut two, mut three] = <[Peer; 3]>::try_from(peers).ok().expect("three");
    let taking = async {
        let bytes = one.take_unchecked(&content, 0..SPAN).await;
        content.check(0..SPAN, &bytes);
        one.take(&content, SPAN..2 * SPAN).await;
        one.take(&content, 2 * SPAN..3 * SPAN).await;
        start.elapsed()
    };
    let waiting = |peer: &mut Peer| {
        let (content, stream) = (content.clone(), std::mem::replace(peer, Peer::connect(&shared)));
        async move {
            let (mut peer, mut heard) = (stream, Vec::new());
            loop {
                match peer.answer().await {
                    Answer::Waits(ahead) => heard.push((ahead, start.elapsed().as_secs())),
                    Answer::Data => break,
                    other => panic!("{other:?}"),
                }
            }
            let bytes = peer.take_unchecked(&content, 0..SPAN).await;
            content.check(0..SPAN, &bytes);
            heard
        }
    };
    let (second, third) = (waiting(&mut two), waiting(&mut three));
    let (served, second, third) = tokio::join!(taking, second, third);
    assert!((11..=12).contains(&served.as_secs()), "{served:?}");
    assert_eq!(second.iter().map(|heard| heard.0).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(third.iter().map(|heard| heard.0).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!((second[0].1, third[0].1), (1, 1), "after a second");
    let between = |heard: (u32, u64), seconds| assert!((seconds..=seconds + 1).contains(&heard.1));
    between(second[1], 11);
    between(third[1], 12);
    between(third[2], 15);
    let counts = *library.uploads.slots.counts().borrow();
    assert_eq!(counts, SlotCounts::default());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_can_still_ask_what_there_is_and_give_up() {
    let content = Content::new(1, 2 * SPAN);
    let library = Library::sending(vec![content.clone()], 1, Some(1));
    let shared = library.shared();
    let mut first = Peer::connect(&shared);
    first.ask(content.read(0, SPAN)).await;
    assert_eq!(first.answer().await, Answer::Data);
    let mut second = Peer::connect(&shared);
    second.ask_all(&[content.read(0, SPAN), Request::DescribeRoot(content.root)]).await;
    assert_eq!(second.answer().await, Answer::Waits(1));
    second.ask(Request::Follow(content.root)).await;
    assert!(matches!(second.answer().await, Answer::Holds(_)), "between any two answers");
    second.ask(Request::Cancel(0)).await;
    assert_eq!(second.answer().await, Answer::Cancelled);
    assert!(matches!(second.answer().await, Answer::Has(_)));
    assert_eq!(second.answer().await, Answer::End);
    assert_eq!(*library.uploads.slots.counts().borrow(), SlotCounts { active: 1, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_loses_its_slot_and_gets_its_bytes_nevertheless() {
    let (library, content) = Library::with(2 * SPAN);
    library.uploads.slots.set(1);
    let shared = library.shared();
    let mut stuck = Peer::connect(&shared);
    stuck.ask_all(&[content.read(0, SPAN), content.read(SPAN, 2 * SPAN)]).await;
    assert_eq!(stuck.answer().await, Answer::Data);
    let mut other = Peer::connect(&shared);
    let start = Instant::now();
    other.ask(content.read(0, SPAN)).await;
    assert_eq!(other.answer().await, Answer::Waits(1));
    assert_eq!(other.answer().await, Answer::Waits(0));
    assert_eq!(start.elapsed().as_secs(), 10);
    other.take(&content, 0..SPAN).await;
    let bytes = stuck.take_unchecked(&content, 0..SPAN).await;
    content.check(0..SPAN, &bytes);
    stuck.take(&content, SPAN..2 * SPAN).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_of_which_too_many_streams_stand_still_loses_those_beyond() {
    let (library, content) = Library::with(SPAN);
    library.uploads.slots.set(5);
    let (shared, greedy) = (library.shared(), PeerId::random());
    let start = Instant::now();
    let mut stuck: Vec<_> =
        (0..5).map(|_| Peer::connect_through(&shared, greedy, 64 << 10)).collect();
    for peer in &mut stuck {
        peer.ask(content.read(0, SPAN)).await;
        assert_eq!(peer.answer().await, Answer::Data);
    }
    let mut others: Vec<_> = (0..5).map(|_| Peer::connect(&shared)).collect();
    for other in &mut others {
        other.ask(content.read(0, SPAN)).await;
    }
    for other in &mut others {
        while other.answer().await != Answer::Data {}
        other.take_unchecked(&content, 0..SPAN).await;
        assert_eq!(start.elapsed().as_secs(), 10);
    }
    let mut lost = 0;
    for mut peer in stuck {
        let mut bytes = vec![0; content.answer_len(0..SPAN)];
        lost += u32::from(peer.stream.read_exact(&mut bytes).await.is_err());
    }
    assert_eq!((lost, start.elapsed().as_secs()), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_limit_reaches_what_is_under_way() {
    let content = Content::new(1, 20 * SPAN);
    let library = Library::sending(vec![content.clone()], 8, Some(16 << 10));
    let mut peer = Peer::connect(&library.shared());
    let spans = (0..20).map(|n| content.read(n * SPAN, (n + 1) * SPAN));
    peer.ask_all(&spans.collect::<Vec<_>>()).await;
    let start = Instant::now();
    peer.take(&content, 0..SPAN).await;
    assert!((62..=66).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(peer.answer().await, Answer::Data);
    library.uploads.limiter.set(Some(SPAN));
    peer.take_unchecked(&content, SPAN..2 * SPAN).await;
    for span in 2..10 {
        peer.take(&content, span * SPAN..(span + 1) * SPAN).await;
    }
    assert!((71..=76).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    library.uploads.limiter.set(None);
    let lifted = Instant::now();
    for span in 10..20 {
        peer.take(&content, span * SPAN..(span + 1) * SPAN).await;
    }
    assert_eq!(lifted.elapsed().as_secs(), 0);
    assert!(library.uploads.meter.total() >= 20 * SPAN);
}
