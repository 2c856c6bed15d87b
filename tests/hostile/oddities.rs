//! Answers that no honest peer gives: floods, lists without end, spans and sizes beyond all bounds,
//! other blocks, what nobody asked for.

use std::sync::Arc;

use p2pfs_tui::{
    application::message::TransferState,
    domain::{Link, Manifest, Root},
    network::content::wire::{Answer, MAX_SET, Request, Spans},
};

use super::{
    data,
    support::{
        TestNode,
        stranger::{Manner, Reaction, Stranger, Wares, frames, holds, manifest},
    },
};

/// Something odd, and whether it proves bad will.
struct Oddity {
    what: &'static str,
    is_a_lie: bool,
    manner: Manner,
}

fn oddity(
    what: &'static str,
    react: impl Fn(&Request, &Wares) -> Option<Reaction> + Send + Sync + 'static,
) -> Oddity {
    let script = move |request: &Request, wares: &Wares| {
        react(request, wares).unwrap_or_else(|| Reaction::Say(wares.honest(request)))
    };
    Oddity { what, is_a_lie: false, manner: Manner::Scripted(Arc::new(script)) }
}

/// The same, from one that is banned for it.
fn lie(
    what: &'static str,
    react: impl Fn(&Request, &Wares) -> Option<Reaction> + Send + Sync + 'static,
) -> Oddity {
    Oddity { is_a_lie: true, ..oddity(what, react) }
}

fn all_spans(root: Root, first: u32) -> Answer {
    holds(root, Spans::Some { first, bits: vec![0xff; MAX_SET] })
}

fn floods() -> Vec<Oddity> {
    let on_follow = |answer: fn(Root) -> Vec<Answer>| {
        move |request: &Request, _: &Wares| {
            let Request::Follow(root) = request else { return None };
            Some(Reaction::Flood(frames(&answer(*root))))
        }
    };
    let on_read = |answer: Answer| {
        move |request: &Request, _: &Wares| {
            let Request::Read(_) = request else { return None };
            Some(Reaction::Flood(frames(std::slice::from_ref(&answer))))
        }
    };
    let has = |request: &Request, wares: &Wares| {
        let Request::DescribeRoot(_) = request else { return None };
        Some(Reaction::Flood(frames(&[Answer::Has(wares.manifests[0].clone())])))
    };
    vec![
        oddity("has without end", has),
        oddity("holds without end", on_follow(|root| vec![all_spans(root, 0)])),
        oddity(
            "holds nothing without end",
            on_follow(|root| vec![holds(root, Spans::Some { first: 0, bits: Vec::new() })]),
        ),
        oddity("everything, again and again", on_follow(|root| vec![holds(root, Spans::All)])),
        oddity("waits without end", on_read(Answer::Waits(1))),
        oddity("waits for its turn and does not wait", on_read(Answer::Waits(0))),
        oddity("waits behind more than there are", on_read(Answer::Waits(u32::MAX))),
        oddity("missing without end", on_read(Answer::Missing)),
        oddity("data without end", on_read(Answer::Data)).into_lie(),
    ]
}

impl Oddity {
    fn into_lie(self) -> Self {
        Self { is_a_lie: true, ..self }
    }
}

fn others() -> Vec<Oddity> {
    let follow = |answer: fn(Root) -> Vec<Answer>| {
        move |request: &Request, _: &Wares| {
            let Request::Follow(root) = request else { return None };
            Some(Reaction::Say(frames(&answer(*root))))
        }
    };
    let sized = |size: u64| {
        move |request: &Request, wares: &Wares| {
            let Request::DescribeRoot(_) = request else { return None };
            let mut lie = wares.manifests[0].clone();
            lie.content.size = size;
            Some(Reaction::Say(frames(&[Answer::Has(lie), Answer::End])))
        }
    };
    let other_block = |request: &Request, wares: &Wares| {
        let Request::Read(read) = request else { return None };
        let count = (read.end - read.start).div_ceil(1 << 14);
        let mut answer = frames(&[Answer::Data]);
        // As many blocks as were asked for, with their proof; but others.
        let first = if read.start == 0 { 1 } else { 0 };
        answer.extend(wares.content.proven(first..first + count));
        Some(Reaction::Say(answer))
    };
    vec![
        oddity(
            "spans beyond the end",
            follow(|root| {
                vec![all_spans(root, 0), all_spans(root, u32::MAX - 3), all_spans(root, 1 << 27)]
            }),
        ),
        oddity(
            "spans of something else",
            follow(|_| vec![holds(Root::from_bytes([7; 32]), Spans::All)]),
        ),
        oddity(
            "answers that nobody asked for",
            follow(|root| {
                vec![holds(root, Spans::All), Answer::Cancelled, Answer::Missing, Answer::Data]
            }),
        ),
        oddity("a description instead of spans", follow(|_| vec![Answer::End])),
        oddity("a message that is too long", |request, _| {
            let Request::Follow(_) = request else { return None };
            Some(Reaction::Say(vec![0xff; 64]))
        }),
        oddity("no message at all", |request, _| {
            let Request::Follow(_) = request else { return None };
            Some(Reaction::Say(vec![0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]))
        }),
        oddity("the largest size", sized(u64::MAX)),
        oddity("a size that is almost right", sized(2_500_001)),
        oddity("no size", sized(0)),
        oddity("out of range, always", |request, _| {
            let Request::Read(_) = request else { return None };
            Some(Reaction::Say(frames(&[Answer::OutOfRange])))
        }),
        lie("other blocks", other_block),
    ]
}

/// Everybody at once, and one who serves: the file arrives, and nobody is banned but who lied.
async fn assert_arrives_among(oddities: Vec<Oddity>) {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let wares = Wares::of(manifest("song.bin", &good), &good);
    let mut link = Link::of(&wares.manifests[0].content, "song.bin");
    let mut strangers = Vec::new();
    for Oddity { what, is_a_lie, manner } in oddities {
        let stranger = Stranger::start_with(a.address().await, wares.clone(), manner).await;
        link.peers.extend(stranger.host.shareable_addresses().pop());
        strangers.push((stranger.host.peer_id(), what, is_a_lie, stranger));
    }
    // Slow enough that every other one has its say.
    let slow = Manner::Serving(Some(500_000));
    let honest = Stranger::start_with(a.address().await, wares, slow).await;
    link.peers.extend(honest.host.shareable_addresses().pop());

    let transfer = b.begin(link, None).await.unwrap();
    let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
    assert_eq!(row.state, TransferState::Done, "{row:?}");
    assert_eq!(std::fs::read(&row.path).unwrap(), good);
    for (peer, evidence) in b.banned(transfer).await {
        let found = strangers.iter().find(|(stranger, ..)| *stranger == peer);
        let Some((_, what, is_a_lie, _)) = found else { panic!("the honest one: {evidence}") };
        assert!(is_a_lie, "banned for {what}: {evidence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_do_not_keep_a_file_from_arriving() {
    assert_arrives_among(floods()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_does_not_keep_a_file_from_arriving() {
    assert_arrives_among(others()).await;
}

/// More of them than there are conversations, all asked first.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_have_nothing_do_not_crowd_out_who_has_it() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let wares = Wares::of(manifest("song.bin", &good), &good);
    let mut link = Link::of(&wares.manifests[0].content, "song.bin");
    let mut idlers = Vec::new();
    for _ in 0..34 {
        let idle = oddity("nothing yet", |request, _| {
            let Request::Follow(root) = request else { return None };
            let none = Spans::Some { first: 0, bits: Vec::new() };
            Some(Reaction::Say(frames(&[holds(*root, none)])))
        });
        let stranger = Stranger::start_with(a.address().await, wares.clone(), idle.manner).await;
        link.peers.extend(stranger.host.shareable_addresses().pop());
        idlers.push(stranger);
    }
    let path = a.write("song.bin", &good);
    a.share(path).await;
    a.announced(1).await;
    let transfer = b.begin(link, None).await.unwrap();
    let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
    assert_eq!((&row.state, row.banned), (&TransferState::Done, 0), "{row:?}");
    assert_eq!(std::fs::read(&row.path).unwrap(), good);
}

/// More of them than are asked to prove the size at first.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_make_one_wait_for_ever_do_not_keep_it_from_others() {
    let waits = || {
        oddity("waits without end", |request, _| {
            let Request::Read(_) = request else { return None };
            Some(Reaction::Flood(frames(&[Answer::Waits(1)])))
        })
    };
    assert_arrives_among((0..6).map(|_| waits()).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_of_impossible_sizes_is_no_description() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let good = data(1);
    let song = manifest("song.bin", &good);
    let sizes = [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 48) + 1];
    let sized = |size| {
        let mut lie: Manifest = song.clone();
        lie.content.size = size;
        Answer::Has(lie)
    };
    let answers: Vec<_> = sizes.into_iter().map(sized).chain([Answer::End]).collect();
    let said = frames(&answers);
    let liar = oddity("impossible sizes", move |request, _| match request {
        Request::DescribeRoot(_) | Request::DescribeSha1(_) => Some(Reaction::Say(said.clone())),
        _ => None,
    });
    let wares = Wares::of(song.clone(), &good);
    let liar = Stranger::start_with(a.address().await, wares, liar.manner).await;
    for text in [song.content.sha1.to_string(), Link::of(&song.content, "x").short().unwrap()] {
        let mut link: Link = text.parse().unwrap();
        link.peers = liar.host.shareable_addresses();
        let row = b.get(link).await;
        assert!(matches!(row.state, TransferState::Failed(_)), "{row:?}");
        assert_eq!((row.done, super::files_in(&b)), (0, 0));
    }
}
