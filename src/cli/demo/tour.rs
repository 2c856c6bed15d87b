//! The scripted tour: join, publish, search by every field and by word, fetch, verify.
//!
//! Every step is checked against what the samples are, not against what a node says of itself,
//! and told as soon as it is over. The tour ends at the first step that fails.

use std::{collections::HashSet, time::Duration};

use include_dir::File;
use sha1::{Digest, Sha1};

use super::{
    guide::Guide,
    network::{self, Network},
};
use crate::{
    application::{
        client::{Client, node_gone},
        message::{
            Command, Event, Failure, FailureKind, Output as Heard, Reply, ResultRow, SearchRow,
            ShareRow, Snapshot, TransferRow, TransferState, Window,
        },
    },
    cli::{
        exit::{Outcome, unexpected},
        format, node,
        output::Output,
    },
    domain::{Field, Link, Query, Root, Sha1Hash, units, words},
};

/// How long a step may take, and how much longer for each node. Generous: a machine can be busy.
const STEP: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(5));
/// Peers in the routing table that make a node part of the network, where there are so many.
const MET: u32 = 8;
/// How long one search may take.
const SEARCH: Duration = Duration::from_secs(15);

/// Goes through all steps.
pub(super) async fn run(network: &mut Network, out: Output) -> Outcome {
    let time = STEP.0 + STEP.1 * u32::try_from(network.size()).unwrap_or(u32::MAX);
    let guide = Guide { out, time };
    guide.step("join", join(network, out)).await?;
    guide.step("publish", publish(network, out)).await?;

    let goal = guide.step("choose", choose(network)).await?;
    let mut client = network.connect(goal.asker).ok_or_else(network::gone)?;
    let mut found = None;
    for field in Field::ALL {
        let query = goal.query(field)?;
        let name = format!("search {field}");
        found = Some(guide.step(&name, search(&mut client, &query, &goal)).await?);
    }
    let word = goal.word()?;
    guide.step("search word", search(&mut client, &word, &goal)).await?;
    let link = found.map(|row| row.link).ok_or_else(network::gone)?;
    let row = guide.step("fetch", fetch(&mut client, link)).await?;
    guide.step("verify", verify(&row, &goal)).await
}

/// All nodes are up, and each has met others and put them into its routing table.
async fn join(network: &mut Network, out: Output) -> Result<((), String), Failure> {
    network.start_others().await?;
    let enough = MET.min(u32::try_from(network.size() - 1).unwrap_or(MET));
    let has_met = |snapshot: &Snapshot| snapshot.peers > 0 && snapshot.routing >= enough;
    let states = all(network, out, has_met).await?;
    let most = states.iter().map(|snapshot| snapshot.routing).max().unwrap_or(0);
    let nodes = states.len();
    Ok(((), format!("{nodes} nodes, each knows {enough} others or more, at most {most}")))
}

/// Every file is hashed, and every key of it is announced.
async fn publish(network: &Network, out: Output) -> Result<((), String), Failure> {
    let wanted: Vec<u64> = (0..network.size()).map(|n| network.hand(n).len() as u64).collect();
    let is_published = |snapshot: &Snapshot| {
        let shares = &snapshot.shares;
        shares.files > 0 && shares.to_hash == 0 && shares.keys_announced >= shares.keys
    };
    let states = all(network, out, is_published).await?;
    for (n, (snapshot, wanted)) in states.iter().zip(wanted).enumerate() {
        if snapshot.shares.files != wanted {
            let message = format!("node {n} shares {} files, not {wanted}", snapshot.shares.files);
            return Err(Failure::new(FailureKind::Error, message));
        }
    }
    let files: u64 = states.iter().map(|snapshot| snapshot.shares.files).sum();
    let keys: u64 = states.iter().map(|snapshot| snapshot.shares.keys).sum();
    Ok(((), format!("{files} files under {keys} keys")))
}

/// Waits for every node, one after the other; the step's time bounds it.
async fn all(
    network: &Network,
    out: Output,
    ready: impl Fn(&Snapshot) -> bool,
) -> Result<Vec<Snapshot>, Failure> {
    let mut states = Vec::new();
    for n in 0..network.size() {
        let mut client = network.connect(n).ok_or_else(network::gone)?;
        states.extend(node::wait_for(&mut client, format::MAX_TIME, out, &ready).await?);
    }
    Ok(states)
}

/// What the tour looks for, and from where.
struct Goal {
    /// A node that does not have it.
    asker: usize,
    /// The nodes that do.
    holders: usize,
    /// The file as a holder shares it.
    share: ShareRow,
    /// The file as it is.
    sample: &'static File<'static>,
}

impl Goal {
    fn query(&self, field: Field) -> Result<Query, Failure> {
        let value = match field {
            Field::Filename => Some(self.share.name.raw()),
            other => self.share.tags.get(other),
        };
        query(value.unwrap_or_default(), Some(field))
    }

    /// The longest word of its title: the one that says most.
    fn word(&self) -> Result<Query, Failure> {
        let title = self.share.tags.title.as_deref().unwrap_or_default();
        let word = words::tokens(title).into_iter().max_by_key(String::len);
        query(&word.unwrap_or_default(), None)
    }
}

fn query(text: &str, field: Option<Field>) -> Result<Query, Failure> {
    Query::new(text, field).map_err(|error| Failure::new(FailureKind::Error, error.to_string()))
}

/// Finds a file with all its tags that the last node does not have.
async fn choose(network: &Network) -> Result<(Goal, String), Failure> {
    let asker = network.size().saturating_sub(1);
    let has = |n: usize, path| network.hand(n).iter().any(|sample| sample.path() == path);
    for n in 0..asker {
        let mut client = network.connect(n).ok_or_else(network::gone)?;
        let shares = format::all_rows(&mut client, Command::Shares, |reply| match reply {
            Reply::Shares(page) => Some(page),
            _ => None,
        })
        .await?;
        for share in shares {
            let tags = &share.tags;
            let is_full = tags.artist.is_some() && tags.title.is_some() && tags.album.is_some();
            let name = share.path.file_name();
            let sample = network.hand(n).iter().find(|sample| sample.path().file_name() == name);
            let Some(sample) = sample.filter(|sample| is_full && !has(asker, sample.path())) else {
                continue;
            };
            let holders = (0..asker).filter(|n| has(*n, sample.path())).count();
            let detail = format!("{}, on {holders} of {} nodes", share.name, network.size());
            return Ok((Goal { asker, holders, share, sample }, detail));
        }
    }
    Err(Failure::new(FailureKind::Error, "no sample has all tags and is elsewhere"))
}

/// Searches until the file is among the results with all who hold it.
async fn search(
    client: &mut Client,
    query: &Query,
    goal: &Goal,
) -> Result<(ResultRow, String), Failure> {
    let (rows, last) = searched(client, query).await?;
    let root = Root::from_bytes(*blake3::hash(goal.sample.contents()).as_bytes());
    let mut right = rows.into_iter().filter(|row| row.content.root == root);
    let row = right.next().ok_or_else(|| {
        let message = format!("{:?} does not find {}", query.text(), goal.share.name);
        Failure::new(FailureKind::NotFound, message)
    })?;
    if right.next().is_some() {
        return Err(Failure::new(FailureKind::Error, "one content came as two results"));
    }
    let sources = row.sources.iter().collect::<HashSet<_>>().len();
    if sources == 0 || sources > goal.holders {
        let message = format!("{sources} sources, but {} nodes have it", goal.holders);
        return Err(Failure::new(FailureKind::Error, message));
    }
    let detail = format!(
        "{:?}: {} from {} of {} peers, {} DHT requests",
        query.text(),
        format::count(sources as u64, "source"),
        last.answered,
        last.asked,
        last.dht_requests
    );
    Ok((row, detail))
}

/// One search to its end: its rows and its last state.
async fn searched(
    client: &mut Client,
    query: &Query,
) -> Result<(Vec<ResultRow>, SearchRow), Failure> {
    node::watch(client).await?;
    let timeout_ms = u64::try_from(SEARCH.as_millis()).unwrap_or(u64::MAX);
    let command = Command::Search { query: query.to_wire(), timeout_ms, limit: 100 };
    let Reply::Search { search } = client.call(command).await? else {
        return Err(unexpected("Search"));
    };
    let last = loop {
        match client.next().await {
            Some(Heard::Event(Event::Search(row))) if row.search == search && row.end.is_some() => {
                break row;
            }
            Some(_) => {}
            None => return Err(node_gone()),
        }
    };
    let results = |window| Command::Results { search, since: 0, window };
    let rows = format::all_rows(client, results, |reply| match reply {
        Reply::Results(page) => Some(page),
        _ => None,
    })
    .await?;
    client.call(Command::CloseSearch { search }).await?;
    Ok((rows, last))
}

async fn fetch(client: &mut Client, link: Link) -> Result<(TransferRow, String), Failure> {
    let Reply::Transfer { transfer } =
        client.call(Command::Get { link, destination: None, select: Vec::new() }).await?
    else {
        return Err(unexpected("Get"));
    };
    let mut look = tokio::time::interval(Duration::from_millis(100));
    loop {
        look.tick().await;
        let Reply::Transfers(page) = client.call(Command::Transfers(Window::first(10))).await?
        else {
            return Err(unexpected("Transfers"));
        };
        let Some(row) = page.rows.into_iter().find(|row| row.transfer == transfer) else {
            return Err(Failure::new(FailureKind::Error, "the transfer is not listed"));
        };
        match &row.state {
            TransferState::Done => {
                let detail = format!("{}, {}", row.name, units::bytes(row.done));
                return Ok((row, detail));
            }
            TransferState::Failed(why) => return Err(why.clone()),
            TransferState::Cancelled => {
                return Err(Failure::new(FailureKind::Interrupted, "it was cancelled"));
            }
            _ => {}
        }
    }
}

/// Compares what came, byte by byte and by both hashes, with the sample it must be.
async fn verify(row: &TransferRow, goal: &Goal) -> Result<((), String), Failure> {
    let bytes = tokio::fs::read(&row.path).await.map_err(|error| {
        Failure::new(FailureKind::Error, format!("cannot read {}: {error}", row.path.display()))
    })?;
    let sha1 = Sha1Hash::from_bytes(Sha1::digest(&bytes).into());
    if bytes != goal.sample.contents() || row.sha1.is_some_and(|said| said != sha1) {
        let message = format!("{} is not what was shared", row.path.display());
        return Err(Failure::new(FailureKind::Verification, message));
    }
    Ok(((), format!("{} bytes equal the original, SHA-1 {sha1}", bytes.len())))
}
