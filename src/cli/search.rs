//! `search QUERY`: what others share, as the answers come.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Context,
    exit::{Outcome, unexpected},
    format,
    node::{self, Node},
    output::Progress,
    signals,
};
use crate::{
    application::{
        client::{Client, node_gone},
        message::{
            Command, Event, Failure, FailureKind, Output, Reply, ResultRow, SearchEnd, SearchId,
            SearchRow, Window,
        },
    },
    domain::{ContentId, Field, Query, units},
};

/// Rows of one window.
const ROWS: u32 = 200;
/// How often rows are read while they come: answers of one moment are read together.
const COALESCE: Duration = Duration::from_millis(150);
/// How long after its time a search may take to say that it is over.
const GRACE: Duration = Duration::from_secs(5);

/// Search the network
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Words that must all occur in the name or the tags; with --field, the whole value
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// Search one field for exactly this value
    #[arg(long, value_name = "FIELD", value_parser = field)]
    field: Option<Field>,
    /// Stop waiting for peers after this many seconds
    #[arg(long, value_name = "S", default_value = "10", value_parser = super::format::seconds, allow_negative_numbers = true)]
    timeout: Duration,
    /// Stop at this many different files
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

fn field(text: &str) -> Result<Field, String> {
    let names = Field::ALL.map(Field::name).join(", ");
    let found = Field::ALL.into_iter().find(|field| field.name() == text);
    found.ok_or_else(|| format!("the fields are: {names}"))
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let query = Query::new(&args.query.join(" "), args.field).map_err(|error| {
        let hint = "words that occur in the name or the tags: p2pfs-tui search swan lake";
        Failure::new(FailureKind::Usage, error.to_string()).hint(hint)
    })?;
    let interrupted = signals::interrupted();
    tokio::pin!(interrupted);
    let mut node = tokio::select! {
        node = node::running_or_own(cx) => node?,
        why = &mut interrupted => return Err(why.into()),
    };
    let outcome = tokio::select! {
        outcome = search(&query, &args, &mut node, cx) => outcome,
        why = &mut interrupted => Err(why.into()),
    };
    node.leave().await;
    outcome
}

async fn search(query: &Query, args: &Args, node: &mut Node, cx: &Context) -> Outcome {
    node::joined(&mut node.client, cx).await?;
    let timeout_ms = u64::try_from(args.timeout.as_millis()).unwrap_or(u64::MAX);
    let command = Command::Search { query: query.to_wire(), timeout_ms, limit: args.limit };
    let Reply::Search { search } = node.client.call(command).await? else {
        return Err(unexpected("Search").into());
    };
    let mut rows = Rows { search, since: 0, sources: HashMap::new() };
    let mut progress = cx.out.progress();
    let start = Instant::now();
    let ended = follow(&mut node.client, &mut rows, &mut progress, args.timeout, cx).await;
    progress.clear();
    // Its rows are of no use to anybody else.
    let _ = node.client.call(Command::CloseSearch { search }).await;
    let last = ended?;
    summarise(query, &last, &rows, start.elapsed(), cx)
}

/// What has been read and told of a search.
struct Rows {
    search: SearchId,
    /// The generation up to which rows were read.
    since: u64,
    /// Sources of each content when it was last told.
    sources: HashMap<ContentId, usize>,
}

/// Reads and tells rows until the search is over; gives its last state.
async fn follow(
    client: &mut Client,
    rows: &mut Rows,
    progress: &mut Progress,
    time: Duration,
    cx: &Context,
) -> Result<SearchRow, super::exit::Stop> {
    let mut tick = interval(COALESCE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let deadline = Instant::now() + time + GRACE;
    let mut state: Option<SearchRow> = None;
    loop {
        tokio::select! {
            output = client.next() => match output {
                Some(Output::Event(Event::Search(row))) if row.search == rows.search => {
                    state = Some(row);
                }
                Some(_) => continue,
                None => return Err(node_gone().into()),
            },
            _ = tick.tick() => {
                let is_new = state.as_ref().is_some_and(|row| row.generation > rows.since);
                if is_new {
                    progress.clear();
                    read(client, rows, cx).await?;
                }
                progress.show("searching", &told(state.as_ref()));
            }
        }
        if let Some(row) = state.take_if(|row| row.end.is_some()) {
            progress.clear();
            read(client, rows, cx).await?;
            return Ok(row);
        }
        if Instant::now() >= deadline {
            let failure = Failure::new(FailureKind::TimedOut, "the node does not end the search");
            return Err(failure.hint("look at it: p2pfs-tui status").into());
        }
    }
}

fn told(state: Option<&SearchRow>) -> String {
    state.map_or_else(String::new, |row| {
        let files = format::count(row.rows, "file");
        format!("{files}, {} of {} peers answered", row.answered, row.asked)
    })
}

/// Reads the rows that changed and tells those that are new or have more sources.
async fn read(client: &mut Client, rows: &mut Rows, cx: &Context) -> Outcome {
    let mut offset = 0;
    let mut reached = rows.since;
    loop {
        let window = Window { offset, limit: ROWS };
        let command = Command::Results { search: rows.search, since: rows.since, window };
        let Reply::Results(page) = client.call(command).await? else {
            return Err(unexpected("Results").into());
        };
        // Of the first window: what changes between two windows is read again next time.
        if offset == 0 {
            reached = page.generation;
        }
        offset += page.rows.len() as u64;
        let is_last = page.rows.is_empty() || offset >= page.total;
        for row in page.rows {
            tell(&row, rows, cx)?;
        }
        if is_last {
            rows.since = reached;
            return Ok(());
        }
    }
}

fn tell(row: &ResultRow, rows: &mut Rows, cx: &Context) -> Outcome {
    let before = rows.sources.insert(row.content, row.sources.len());
    let is_new = before.is_none();
    let has_grown = before.is_some_and(|before| row.sources.len() > before);
    if cx.out.json && (is_new || has_grown) {
        return cx.out.row("result", to_json(row));
    }
    if cx.out.json || !is_new {
        return Ok(());
    }
    let width = cx.out.width();
    for line in lines(row) {
        cx.out
            .line(width.map_or(line.clone(), |w| crate::domain::untrusted::truncate(&line, w)))?;
    }
    Ok(())
}

fn to_json(row: &ResultRow) -> serde_json::Value {
    json!({
        "sha1": row.content.sha1,
        "blake3": row.content.root,
        "size": row.content.size,
        "name": row.name,
        "artist": row.tags.artist,
        "title": row.tags.title,
        "album": row.tags.album,
        "duration_ms": row.tags.duration_ms,
        "media_type": row.media_type,
        "sources": row.sources.len(),
        "near": false,
        "variant": row.variant,
        "have": row.have,
        "link": row.link,
    })
}

/// A result for people: what it is, what it says of itself, and what to give to `get`.
fn lines(row: &ResultRow) -> Vec<String> {
    let mut facts = vec![units::bytes(row.content.size)];
    if let Some(ms) = row.tags.duration_ms {
        facts.push(units::playing_time(Duration::from_millis(ms)));
    }
    facts.push(format::count(row.sources.len() as u64, "source"));
    if row.variant {
        facts.push("a variant: same SHA-1, other content".to_owned());
    }
    if row.have {
        facts.push("already here".to_owned());
    }
    let mut lines = vec![format!("{}  ({})", row.name, facts.join(", "))];
    lines.extend(format::tags(&row.tags).map(|tags| format!("  {tags}")));
    let link = row.link.short().unwrap_or_else(|| row.content.sha1.to_string());
    lines.push(format!("  {link}"));
    lines
}

fn summarise(
    query: &Query,
    last: &SearchRow,
    rows: &Rows,
    took: Duration,
    cx: &Context,
) -> Outcome {
    let found = rows.sources.len();
    if cx.out.json {
        cx.out.row("summary", summary(query, last, found, took))?;
    } else if found > 0 {
        cx.out.note(format_args!(
            "{} from {} of {}; fetch one: p2pfs-tui get LINK",
            format::count(found as u64, "file"),
            last.answered,
            format::count(last.asked.into(), "peer"),
        ));
    }
    match (found, last.end) {
        (1.., _) => Ok(()),
        (0, Some(SearchEnd::NoPeers)) => Err(node::no_peers().into()),
        (0, _) => Err(nothing_found(query, last).into()),
    }
}

fn summary(query: &Query, last: &SearchRow, found: usize, took: Duration) -> serde_json::Value {
    json!({
        "query": query.text(),
        "field": query.field(),
        "rows": found,
        "asked": last.asked,
        "answered": last.answered,
        "dht_requests": last.dht_requests,
        "words": last.words,
        "words_without_holder": without_holder(last),
        "near_words": [],
        "end": last.end,
        "elapsed_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

fn without_holder(last: &SearchRow) -> Vec<&str> {
    last.words.iter().filter(|word| word.holders == 0).map(|word| word.word.as_str()).collect()
}

/// An empty search explains itself.
fn nothing_found(query: &Query, last: &SearchRow) -> Failure {
    let missing = without_holder(last);
    let why = if !missing.is_empty() {
        format!("nobody has announced {}", missing.join(", "))
    } else if last.asked == 0 {
        "no peer could be asked".to_owned()
    } else {
        let peers = format::count(last.asked.into(), "peer");
        format!("{} of {peers} answered, none has a file with all of it", last.answered)
    };
    let message = format!("nothing found for {:?}: {why}", query.text());
    let hint = match (query.field(), last.end) {
        (Some(field), _) => {
            format!("the {field} must be complete; or search for words: no --field")
        }
        (None, Some(SearchEnd::TimedOut)) => "wait longer: --timeout 30".to_owned(),
        (None, _) => "try fewer or other words".to_owned(),
    };
    Failure::new(FailureKind::NotFound, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{application::message::WordRow, domain::query::QueryText};

    fn ended(words: &[(&str, u32)], asked: u32, end: SearchEnd) -> SearchRow {
        SearchRow {
            search: 1,
            query: QueryText { text: "swan lake".into(), field: None },
            generation: 1,
            rows: 0,
            dht_requests: 3,
            asked,
            answered: asked,
            words: words
                .iter()
                .map(|(word, holders)| WordRow { word: (*word).into(), holders: *holders })
                .collect(),
            end: Some(end),
        }
    }

    #[test]
    fn an_empty_search_explains_itself() {
        let query = Query::new("swan lake", None).expect("query");
        for (row, why, hint) in [
            (
                ended(&[("lake", 2), ("swan", 0)], 2, SearchEnd::Complete),
                "nobody has announced swan",
                "other words",
            ),
            (
                ended(&[("lake", 2), ("swan", 1)], 3, SearchEnd::TimedOut),
                "3 of 3 peers answered",
                "--timeout",
            ),
            (ended(&[], 0, SearchEnd::TimedOut), "no peer could be asked", "--timeout"),
        ] {
            let failure = nothing_found(&query, &row);
            assert_eq!(failure.kind, FailureKind::NotFound);
            assert!(failure.message.contains(why), "{failure:?}");
            assert!(failure.hint.expect("hint").contains(hint));
        }
    }
}
