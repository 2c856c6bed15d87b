//! `search QUERY`: what others share, as the answers come.

mod show;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

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
            Command, Event, Failure, FailureKind, Output, Reply, SearchId, SearchRow, Window,
        },
    },
    domain::{ContentId, Field, Query},
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
    show::summarise(query, &last, &rows, start.elapsed(), cx)
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
            show::tell(&row, rows, cx)?;
        }
        if is_last {
            rows.since = reached;
            return Ok(());
        }
    }
}
