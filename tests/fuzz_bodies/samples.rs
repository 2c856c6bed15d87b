//! Bytes that decoders accept, made with the types of today: where fuzzing and mutating begin.

use std::{fs, path::Path};

use p2pfs_tui::{
    application::{
        message::{
            Command, Failure, FailureKind, Notice, NoticeLevel, Output, Reply, Request as Order,
            Window,
        },
        transfers::record::{PathBytes, Record},
    },
    control::wire::{ClientLine, Hello, NodeLine, encode_client, encode_node},
    domain::{
        Collection, ContentId, Field, Link, Manifest, Root, Sha1Hash, Tags, collection::Entry,
        query::QueryText,
    },
    network::{
        content::wire::{self as content, Holds, ReadRequest, Request, Spans},
        index::wire::{Answer, Question},
        wire::frame,
    },
};
use serde::Serialize;

use super::bodies::{stored::NOW, transfers::sealed};

const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

/// Samples of a target, each with a name.
pub(crate) fn of(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    let question = |field| Question {
        query: QueryText { text: "Dvořák rusalka".to_owned(), field },
        limit: 100,
    };
    let root = Root::from_bytes([2; 32]);
    match target {
        "index_question" => {
            vec![("words", cbor(&question(None))), ("field", cbor(&question(Some(Field::Artist))))]
        }
        "index_answer" => vec![
            ("row", cbor(&Answer::Row(manifest()))),
            ("bare-row", cbor(&Answer::Row(bare()))),
            ("end", cbor(&Answer::End { matching: 3 })),
        ],
        "content_request" => vec![
            ("sha1", cbor(&Request::DescribeSha1(Sha1Hash::from_bytes([1; 20])))),
            ("root", cbor(&Request::DescribeRoot(root))),
            ("follow", cbor(&Request::Follow(root))),
            ("read", cbor(&Request::Read(ReadRequest { root, start: 0, end: 1 << 20 }))),
            ("cancel", cbor(&Request::Cancel(7))),
        ],
        "content_answer" => content_answers(root),
        "wire_stream" => vec![("rows", stream())],
        "client_line" => client_lines(),
        "node_line" => node_lines(),
        "link" => links(),
        "invite" => vec![(
            "two",
            format!(
                "p2pfs-join:lan-party?peer=/ip4/127.0.0.1/tcp/4001/p2p/{PEER}\
                 &peer=/dns4/example.org/udp/4001/quic-v1/p2p/{PEER}"
            )
            .into_bytes(),
        )],
        "query" => vec![
            ("words", query(&["dvorak 東京", "Dvořák - 東京事変.flac", "audio/flac", "Ada"])),
            ("field", query(&["swan", "a.mp3", "audio/mpeg", "Don't", "Swan Lake", "ﬁle①"])),
        ],
        "file_name" => {
            vec![("plain", b"\x0AStra\xC3\x9Fe.mp3".to_vec()), ("wide", "\x05東京事変".into())]
        }
        "proof" => proofs(),
        "remembered_records" => vec![("records", records())],
        "remembered_peers" => vec![(
            "peer",
            format!(r#"[{{"peer":"{PEER}","addresses":["/ip4/127.0.0.1/tcp/1"]}}]"#).into_bytes(),
        )],
        "remembered_file" => {
            vec![("file", stored(&StoredFile { stamp: STAMP, manifest: manifest() }))]
        }
        "remembered_root" => vec![(
            "root",
            stored(&StoredRoot { excluded: vec![serde_bytes::ByteBuf::from(*b"/music/\xFF")] }),
        )],
        "tags" => media(),
        "banned" => vec![(
            "two",
            format!(
                "{{\"peer\":\"{PEER}\",\"since\":{NOW},\"evidence\":\"block 3 is another\"}}\n\
                 what?\n"
            )
            .into_bytes(),
        )],
        "collection" => vec![("folder", collection())],
        "store_progress" => progress(),
        "transfer_record" => transfer_records(),
        other => panic!("no samples for {other}"),
    }
}

fn collection() -> Vec<u8> {
    let entry = |path: &str| Entry { path: path.to_owned(), content: manifest().content };
    let paths = ["a.txt", "A.TXT", "b/c", "b/\u{e9}", "b/e\u{301}", "con"];
    let files = paths.iter().map(|path| entry(path)).collect();
    Collection::new(files).expect("possible").encode().expect("encodes")
}

/// The shape of a slot, whose own type is private, for a transfer of 1,000 spans.
fn progress() -> Vec<(&'static str, Vec<u8>)> {
    #[derive(Serialize)]
    struct Slot {
        version: u8,
        generation: u64,
        spans: u32,
        complete: serde_bytes::ByteBuf,
        partial: Vec<(u32, u64)>,
        clean: Option<serde_bytes::ByteBuf>,
    }
    let slot = |clean: Option<[u8; 32]>| Slot {
        version: 1,
        generation: 7,
        spans: 1_000,
        complete: serde_bytes::ByteBuf::from([0b1011; 125]),
        partial: vec![(2, 0b101), (999, u64::MAX)],
        clean: clean.map(serde_bytes::ByteBuf::from),
    };
    let raw = [vec![0], sealed(&cbor(&slot(None)))].concat();
    let body = [vec![1], cbor(&slot(Some([9; 32])))].concat();
    vec![("slot", raw), ("body", body)]
}

fn transfer_records() -> Vec<(&'static str, Vec<u8>)> {
    let link = || Link::of(&manifest().content, "Rusalka.flac");
    let record = |destination| Record::new(link(), destination, vec!["b".to_owned()], NOW);
    let mut begun = record(Some("/downloads".into()));
    begun.target = Some(manifest());
    begun.path = Some(PathBytes("/downloads/\u{e9}".into()));
    begun.part = Some(PathBytes("/downloads/x.part".into()));
    begun.limit = Some(1 << 20);
    begun.failed = Some("no source is left".to_owned());
    [("new", record(None)), ("begun", begun)]
        .into_iter()
        .map(|(name, record)| (name, record.encode().expect("encodes")))
        .collect()
}

fn content_answers(root: Root) -> Vec<(&'static str, Vec<u8>)> {
    use content::Answer;
    let holds = |spans| Answer::Holds(Holds { root, spans });
    [
        ("has", Answer::Has(manifest())),
        ("end", Answer::End),
        ("holds-all", holds(Spans::All)),
        ("holds-some", holds(Spans::Some { first: 300, bits: vec![0b101, 0, 1] })),
        ("data", Answer::Data),
        ("out-of-range", Answer::OutOfRange),
        ("cancelled", Answer::Cancelled),
        ("waits", Answer::Waits(3)),
    ]
    .into_iter()
    .map(|(name, answer)| (name, cbor(&answer)))
    .collect()
}

fn manifest() -> Manifest {
    Manifest {
        name: "01 - Rusalka.flac".to_owned(),
        content: ContentId {
            sha1: Sha1Hash::from_bytes([1; 20]),
            root: Root::from_bytes([2; 32]),
            size: 1 << 40,
        },
        media_type: Some("audio/flac".to_owned()),
        tags: Tags {
            artist: Some("Antonín Dvořák".to_owned()),
            title: Some("Rusalka".to_owned()),
            album: Some("Opery".to_owned()),
            duration_ms: Some(187_900),
        },
    }
}

fn bare() -> Manifest {
    Manifest { media_type: None, tags: Tags::default(), ..manifest() }
}

fn cbor(message: &impl Serialize) -> Vec<u8> {
    serde_ipld_dagcbor::to_vec(message).expect("encodes")
}

fn stream() -> Vec<u8> {
    [Answer::Row(manifest()), Answer::Row(bare()), Answer::End { matching: 2 }]
        .iter()
        .flat_map(|answer| frame(answer).expect("encodes"))
        .collect()
}

fn client_lines() -> Vec<(&'static str, Vec<u8>)> {
    let hello =
        ClientLine::Hello(Hello { control: 1, program: "0.1.0".into(), data_dir: "/d".into() });
    let order = |command| ClientLine::Request(Order { id: 7, command });
    let link = String::from_utf8(links().remove(0).1).expect("text");
    let link: Link = link.parse().expect("a link");
    let query = QueryText { text: "swan".to_owned(), field: Some(Field::Title) };
    [
        ("hello", hello),
        ("watch", order(Command::Watch)),
        ("shares", order(Command::Shares(Window { offset: 5, limit: 10 }))),
        ("share", order(Command::Share { path: "/music".into(), remember: true })),
        ("search", order(Command::Search { query, timeout_ms: 9_000, limit: 50 })),
        (
            "get",
            order(Command::Get {
                link,
                destination: Some("/downloads".into()),
                select: Vec::new(),
            }),
        ),
        ("join", order(Command::Join { link: "p2pfs-join:x?peer=/ip4/1.2.3.4/tcp/1".into() })),
    ]
    .into_iter()
    .map(|(name, line)| (name, encode_client(&line).expect("encodes").into_bytes()))
    .collect()
}

fn node_lines() -> Vec<(&'static str, Vec<u8>)> {
    use p2pfs_tui::application::message::{Event, Page, PeerRow};
    let failure = Failure::new(FailureKind::NotFound, "nobody has it").hint("try again");
    let notice = Notice { level: NoticeLevel::Warning, text: "\u{1b}[2J".into(), hint: None };
    let row = PeerRow {
        peer_id: PEER.parse().expect("a peer"),
        address: "/ip4/127.0.0.1/tcp/4001".parse().expect("an address"),
        inbound: true,
        agent: Some("p2pfs-tui/0.1".into()),
        rtt_ms: Some(3),
        since: NOW,
    };
    let page = Page { offset: 0, total: 1, generation: 4, rows: vec![row] };
    let reply = |result| NodeLine::Output(Output::Reply { id: 7, result });
    [
        ("peers", reply(Ok(Reply::Peers(page)))),
        ("done", reply(Ok(Reply::Done))),
        ("failure", reply(Err(failure.clone()))),
        ("notice", NodeLine::Output(Output::Event(Event::Notice(notice)))),
        ("refused", NodeLine::Refused(failure)),
    ]
    .into_iter()
    .map(|(name, line)| (name, encode_node(&line).expect("encodes").into_bytes()))
    .collect()
}

fn links() -> Vec<(&'static str, Vec<u8>)> {
    let peers = [
        format!("/ip4/127.0.0.1/tcp/4001/p2p/{PEER}"),
        format!("/ip6/::1/udp/4001/quic-v1/p2p/{PEER}/p2p-circuit"),
        "/dns4/example.org/tcp/443/wss".to_owned(),
    ];
    let peers = peers.iter().map(|peer| peer.parse().expect("an address")).collect();
    let link = Link { peers, ..Link::of(&manifest().content, "Dvořák & co.mp3") };
    let (sha1, short) = (manifest().content.sha1.to_string(), link.short().expect("a root"));
    vec![
        ("full", link.to_string().into_bytes()),
        ("short", short.into_bytes()),
        ("sha1", sha1.into_bytes()),
    ]
}

fn query(parts: &[&str]) -> Vec<u8> {
    parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>().join(&0xFF)
}

/// True responses: a block in the middle, and the end of the file. See the body.
fn proofs() -> Vec<(&'static str, Vec<u8>)> {
    let sample = |start: u64, more: u64| {
        let numbers = [start, more, u64::MAX];
        [vec![1], numbers.iter().flat_map(|n| n.to_le_bytes()).collect()].concat()
    };
    vec![("middle", sample(1 << 19, 0)), ("end", sample((1 << 20) + 20_000, 3))]
}

/// The shape of the file, whose own type is private. `docs/reference/stored-formats.md` has it.
fn records() -> Vec<u8> {
    #[derive(Serialize)]
    struct Records {
        providers: Vec<Provider>,
        values: Vec<Value>,
    }
    #[derive(Serialize)]
    struct Provider {
        peer: serde_bytes::ByteBuf,
        addresses: Vec<String>,
        keys: Vec<(serde_bytes::ByteBuf, u64)>,
    }
    #[derive(Serialize)]
    struct Value {
        key: serde_bytes::ByteBuf,
        value: serde_bytes::ByteBuf,
        publisher: Option<serde_bytes::ByteBuf>,
        expires: u64,
    }
    let bytes = |bytes: &[u8]| serde_bytes::ByteBuf::from(bytes);
    let provider = |n: u8| Provider {
        peer: bytes(&[0, 1, n]),
        addresses: vec![format!("/ip4/9.8.7.{n}/tcp/1"), "/ip6/2a00::1/udp/1/quic-v1".to_owned()],
        keys: (0..4).map(|key| (bytes(&[key; 20]), NOW + 3_600)).collect(),
    };
    let value = |n: u8| Value {
        key: bytes(&[n; 20]),
        value: bytes(b"value"),
        publisher: (n == 1).then(|| bytes(&[0, 1, n])),
        expires: NOW + 3_600,
    };
    let records =
        Records { providers: (1..6).map(provider).collect(), values: (1..3).map(value).collect() };
    stored(&records)
}

#[derive(Serialize)]
struct StoredFile {
    stamp: p2pfs_tui::network::content::hash::Stamp,
    manifest: Manifest,
}

#[derive(Serialize)]
struct StoredRoot {
    excluded: Vec<serde_bytes::ByteBuf>,
}

const STAMP: p2pfs_tui::network::content::hash::Stamp = p2pfs_tui::network::content::hash::Stamp {
    dev: 1,
    inode: 2,
    size: 1 << 40,
    mtime: -3,
    mtime_ns: 4,
};

/// A stored value: its version, then DAG-CBOR.
fn stored(value: &impl Serialize) -> Vec<u8> {
    [vec![1], cbor(value)].concat()
}

/// The beginnings of our own samples of music, each after the byte for its ending.
fn media() -> Vec<(&'static str, Vec<u8>)> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples");
    [
        ("mp3", 1_u8, "Johann Strauss - An der schönen blauen Donau.mp3", 2_048),
        ("flac", 2, "Johann Pachelbel - Canon in D.flac", 9_000),
        ("ogg", 3, "Σείκιλος - Ὅσον ζῇς, φαίνου.ogg", 6_000),
        ("opus", 4, "Frédéric Chopin - Marche funèbre.opus", 3_000),
        ("m4a", 5, "Bedřich Smetana - Vltava.m4a", 3_000),
    ]
    .into_iter()
    .map(|(name, kind, file, length)| {
        let mut bytes = fs::read(samples.join(file)).expect("a sample");
        bytes.truncate(length);
        bytes.insert(0, kind);
        (name, bytes)
    })
    .collect()
}
