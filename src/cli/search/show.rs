//! How a search is shown: rows and the summary, for people and for scripts.

use std::time::Duration;

use serde::Serialize;

use super::{super::node, Rows};
use crate::{
    application::message::{Failure, FailureKind, ResultRow, SearchEnd, SearchRow, WordRow},
    cli::{Context, exit::Outcome, format},
    domain::{Field, Link, Query, Root, Sha1Hash, Untrusted, collection, units, untrusted},
};

/// A row, as scripts read it.
#[derive(Serialize)]
struct ResultJson<'a> {
    sha1: Sha1Hash,
    blake3: Option<Root>,
    size: u64,
    name: &'a Untrusted,
    artist: &'a Option<Untrusted>,
    title: &'a Option<Untrusted>,
    album: &'a Option<Untrusted>,
    /// Milliseconds.
    duration_ms: Option<u64>,
    media_type: &'a Option<String>,
    sources: usize,
    /// Whether a word was only close. Every word is exact so far.
    near: bool,
    variant: bool,
    have: bool,
    link: &'a Link,
}

/// The end of a search, as scripts read it.
#[derive(Serialize)]
struct SummaryJson<'a> {
    query: &'a str,
    field: Option<Field>,
    rows: usize,
    asked: u32,
    answered: u32,
    dht_requests: u32,
    words: &'a [WordRow],
    words_without_holder: Vec<&'a str>,
    /// Words close to the query's that were found. Every word is exact so far.
    near_words: [&'a str; 0],
    end: Option<SearchEnd>,
    /// Milliseconds.
    elapsed_ms: u64,
}

/// Tells a row that is new, and to scripts also one whose sources grew.
pub(super) fn tell(row: &ResultRow, rows: &mut Rows, cx: &Context) -> Outcome {
    let before = rows.sources.insert(row.content, row.sources.len());
    let is_new = before.is_none();
    let has_grown = before.is_some_and(|before| row.sources.len() > before);
    if cx.out.json && (is_new || has_grown) {
        return cx.out.row("result", to_json(row));
    }
    if cx.out.json || !is_new {
        return Ok(());
    }
    let width = cx.out.width().unwrap_or(usize::MAX);
    for line in lines(row) {
        cx.out.line(untrusted::truncate(&line, width))?;
    }
    // In full, however narrow the terminal is: it is there to be copied.
    let link = row.link.short().unwrap_or_else(|| row.content.sha1.to_string());
    cx.out.line(format_args!("  {link}"))
}

fn to_json(row: &ResultRow) -> ResultJson<'_> {
    ResultJson {
        sha1: row.content.sha1,
        blake3: Some(row.content.root),
        size: row.content.size,
        name: &row.name,
        artist: &row.tags.artist,
        title: &row.tags.title,
        album: &row.tags.album,
        duration_ms: row.tags.duration_ms,
        media_type: &row.media_type,
        sources: row.sources.len(),
        near: false,
        variant: row.variant,
        have: row.have,
        link: &row.link,
    }
}

/// A result for people: what it is and what it says of itself.
fn lines(row: &ResultRow) -> Vec<String> {
    // The size is that of its list, which nobody asks for.
    let is_folder = collection::is_list(row.media_type.as_deref());
    let size = if is_folder { "a folder".to_owned() } else { units::bytes(row.content.size) };
    let mut facts = vec![size];
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
    lines
}

/// Ends a search: the summary, and why there is nothing if so.
pub(super) fn summarise(
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
            format::count(found as u64, "result"),
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

fn summary<'a>(
    query: &'a Query,
    last: &'a SearchRow,
    rows: usize,
    took: Duration,
) -> SummaryJson<'a> {
    SummaryJson {
        query: query.text(),
        field: query.field(),
        rows,
        asked: last.asked,
        answered: last.answered,
        dht_requests: last.dht_requests,
        words: &last.words,
        words_without_holder: without_holder(last),
        near_words: [],
        end: last.end,
        elapsed_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    }
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
    use crate::domain::query::QueryText;

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
