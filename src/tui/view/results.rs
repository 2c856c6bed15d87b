//! What a search found, how far it is, and, where nothing was found, why.

use std::time::Duration;

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    count, grouped, routing, safe,
    widgets::{
        columns::{Cell, Width, row as columns},
        text::{field, paragraph, styled_field},
    },
};
use crate::{
    application::message::{ResultRow, ResultTags, SearchEnd, SearchRow},
    domain::{Untrusted, collection, query::QueryText, units},
    tui::{
        state::{State, results::Search},
        theme::Theme,
    },
};

/// The most columns that a tag takes in the detail.
const LONGEST_TAG: usize = 160;

pub(super) fn summary(state: &State, theme: &Theme) -> Line<'static> {
    let Some(search) = &state.results.search else { return Line::default() };
    let found = state.results.list.all().len() as u64;
    let mut spans = vec![
        Span::styled(asked_for(&search.query), theme.accent),
        Span::raw(format!("  {} found", grouped(found))),
    ];
    let mut add = |text: String| spans.push(Span::styled(format!(" · {text}"), theme.dim));
    match &search.row {
        _ if search.failure.is_some() => add("failed".to_owned()),
        Some(row) => {
            add(format!("{} of {} answered", row.answered, count(row.asked.into(), "peer")));
            add(row.end.map_or("searching…", end).to_owned());
        }
        None => add("searching…".to_owned()),
    }
    Line::from(spans)
}

/// What was asked, as a person would write it.
fn asked_for(query: &QueryText) -> String {
    match query.field {
        Some(field) => format!("{field}: {}", safe(&query.text)),
        None => safe(&query.text),
    }
}

const fn end(end: SearchEnd) -> &'static str {
    match end {
        SearchEnd::Complete => "done",
        SearchEnd::Limit => "stopped at the limit",
        SearchEnd::TimedOut => "time ran out",
        SearchEnd::NoPeers => "nobody to ask",
    }
}

pub(super) fn header(theme: &Theme, width: usize) -> Line<'static> {
    let style = theme.dim.patch(theme.heading);
    let texts = ["", "name", "title — artist", "kind", "length", "size", "peers"];
    cells(width, texts.map(str::to_owned), [style; 7])
}

/// A row's seven cells, some of them only where there is room.
fn cells(width: usize, texts: [String; 7], styles: [Style; 7]) -> Line<'static> {
    let [mark, name, tags, kind, length, size, peers] = texts;
    let mut cells = vec![
        Cell::new(mark, Width::Fixed(2), styles[0]),
        Cell::new(name, Width::Share(1), styles[1]),
    ];
    // A name like `07.ogg` says nothing; one without tags has the room for itself.
    if width >= 60 && !tags.is_empty() {
        cells.push(Cell::new(tags, Width::Share(1), styles[2]));
    }
    if width >= 90 {
        cells.push(Cell::new(kind, Width::Fixed(5), styles[3]));
        cells.push(Cell::right(length, 7, styles[4]));
    }
    cells.push(Cell::right(size, 9, styles[5]));
    cells.push(Cell::right(peers, 5, styles[6]));
    columns(width, cells)
}

pub(super) fn row(
    state: &State,
    theme: &Theme,
    at: usize,
    width: usize,
) -> Option<Vec<Line<'static>>> {
    let result = state.results.list.get(at)?;
    let (mark, mark_style) = mark(state, theme, result);
    let texts = [
        mark,
        result.name.to_string(),
        credits(&result.tags),
        kind(result),
        length(&result.tags),
        size(result),
        grouped(result.sources.len() as u64),
    ];
    let plain = Style::new();
    let styles = [mark_style, plain, theme.dim, theme.dim, theme.dim, plain, theme.good];
    Some(vec![cells(width, texts, styles)])
}

/// Whether we have it, fetch it, or should look twice.
fn mark(state: &State, theme: &Theme, row: &ResultRow) -> (String, Style) {
    let (sign, style) = if row.have {
        ("✓", theme.good)
    } else if state.transfers.is_fetching(&row.content) {
        ("↓", theme.accent)
    } else {
        (" ", theme.warn)
    };
    let variant = if row.variant { "!" } else { "" };
    (format!("{sign}{variant}"), if row.variant { theme.warn } else { style })
}

/// `Swan Lake — Pyotr Tchaikovsky`, as far as there are tags.
fn credits(tags: &ResultTags) -> String {
    let parts = [&tags.title, &tags.artist].into_iter().flatten();
    parts.map(Untrusted::to_string).collect::<Vec<_>>().join(" — ")
}

/// Of a folder nothing: its size is in its list, and the list's is of no interest.
fn size(row: &ResultRow) -> String {
    let is_folder = collection::is_list(row.media_type.as_deref());
    if is_folder { String::new() } else { units::bytes(row.content.size) }
}

/// The first part of the media type: audio, image, text; or that it is a folder.
fn kind(row: &ResultRow) -> String {
    if collection::is_list(row.media_type.as_deref()) {
        return "folder".to_owned();
    }
    let kind = row.media_type.as_deref().and_then(|kind| kind.split('/').next());
    match kind {
        Some("application") => "file".to_owned(),
        Some(kind) => safe(kind),
        None => String::new(),
    }
}

fn length(tags: &ResultTags) -> String {
    tags.duration_ms.map_or_else(String::new, |ms| units::playing_time(Duration::from_millis(ms)))
}

pub(super) fn empty(state: &State, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let Some(search) = &state.results.search else {
        let mut lines = paragraph("Nothing was searched for yet.", width, theme.heading);
        lines.push(Line::default());
        let how = "Press s and type words of a name, an artist, a title or an album; or Tab to \
                   look in one field. Enter fetches the selected result.";
        lines.extend(paragraph(how, width, Style::new()));
        return lines;
    };
    if let Some((why, hint)) = &search.failure {
        let mut lines = paragraph(&safe(why), width, theme.bad);
        if let Some(hint) = hint {
            lines.extend(paragraph(&safe(hint), width, Style::new()));
        }
        return lines;
    }
    match &search.row {
        Some(row) if row.end.is_some() => nothing_found(search, row, theme, width),
        Some(row) => {
            let text = match row.asked {
                0 => "Looking up who has these words…".to_owned(),
                _ => format!(
                    "Waiting for {} to answer…",
                    count((row.asked - row.answered.min(row.asked)).into(), "peer")
                ),
            };
            let mut lines = paragraph(&text, width, theme.dim);
            lines.extend(holders(row, theme, width));
            lines
        }
        None => paragraph("Asking the network…", width, theme.dim),
    }
}

/// Why a search found nothing, and what may help.
fn nothing_found(
    search: &Search,
    row: &SearchRow,
    theme: &Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let text = format!("Nothing found for {}.", asked_for(&search.query));
    let mut lines = paragraph(&text, width, theme.heading);
    lines.push(Line::default());
    lines.extend(holders(row, theme, width));
    lines.extend(paragraph(&verdict(search, row), width, Style::new()));
    lines
}

fn verdict(search: &Search, row: &SearchRow) -> String {
    let missing: Vec<String> =
        row.words.iter().filter(|word| word.holders == 0).map(|word| safe(&word.word)).collect();
    let silent = row.asked.saturating_sub(row.answered);
    if row.end == Some(SearchEnd::NoPeers) {
        return "There is nobody to ask: no peer is connected. i makes an invitation for \
                somebody, J uses one of theirs."
            .to_owned();
    }
    if silent > 0 && row.end == Some(SearchEnd::TimedOut) {
        let silent = count(silent.into(), "peer");
        return format!("Time ran out before {silent} answered. s, ↑ and Enter ask again.");
    }
    if row.end == Some(SearchEnd::TimedOut) {
        return "Time ran out. s, ↑ and Enter ask again.".to_owned();
    }
    match (search.query.field, missing.as_slice()) {
        (Some(field), _) => format!(
            "A search by {field} must name it in full; case and accents do not matter. \
             s and plain words look everywhere, and find parts."
        ),
        (None, [_, ..]) if missing.len() < row.words.len() => {
            format!("Try without {}.", missing.join(", "))
        }
        (None, [_, ..]) => {
            "Nobody who is online shares a file with these words. Another spelling may help, or \
             another time."
                .to_owned()
        }
        (None, []) => "Each word is known, but no file has all of them. Try fewer.".to_owned(),
    }
}

/// For each word, how many peers announced it.
fn holders(row: &SearchRow, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for word in &row.words {
        let (text, style) = match word.holders {
            0 => ("nobody has announced it".to_owned(), theme.warn),
            n => (format!("announced by {}", count(n.into(), "peer")), theme.dim),
        };
        lines.push(columns(
            width,
            vec![
                Cell::new(safe(&word.word), Width::Share(2), Style::new()),
                Cell::new(text, Width::Share(3), style),
            ],
        ));
    }
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

pub(super) fn detail(state: &State, theme: &Theme, width: usize) -> Option<Vec<Line<'static>>> {
    let row = state.results.list.selected()?;
    let mut lines = field(theme, "name", &row.name.to_string(), width);
    if row.have {
        lines.extend(styled_field(theme, "", "✓ you have this file", width, theme.good));
    }
    if row.variant {
        let text = "! another file has the same SHA-1 and different bytes: somebody may have \
                    forged one of them. Compare the BLAKE3 root with what you were told.";
        lines.extend(styled_field(theme, "", text, width, theme.warn));
    }
    lines.extend(field(theme, "about", &about(row), width));
    lines.extend(styled_field(theme, "link", &safe(&row.link), width, theme.accent));
    let tags = &row.tags;
    for (name, tag) in [("artist", &tags.artist), ("title", &tags.title), ("album", &tags.album)] {
        if let Some(tag) = tag {
            lines.extend(field(theme, name, &tag.truncated(LONGEST_TAG), width));
        }
    }
    lines.extend(field(theme, "peers", &peers(row), width));
    lines.extend(field(theme, "SHA-1", &row.content.sha1.to_string(), width));
    lines.extend(field(theme, "BLAKE3", &row.content.root.to_string(), width));
    Some(lines)
}

/// Size, media type and length in one line.
fn about(row: &ResultRow) -> String {
    let size = row.content.size;
    let mut parts = vec![format!("{} ({} bytes)", units::bytes(size), grouped(size))];
    parts.extend(row.media_type.as_deref().map(safe));
    if row.tags.duration_ms.is_some() {
        parts.push(length(&row.tags));
    }
    parts.join(" · ")
}

/// How many peers have it, and the first of them.
fn peers(row: &ResultRow) -> String {
    const NAMED: usize = 6;
    let names: Vec<String> = row.sources.iter().take(NAMED).map(routing::short_id).collect();
    let more = if row.sources.len() > NAMED { " and more" } else { "" };
    format!("{}: {}{more}", grouped(row.sources.len() as u64), names.join(" "))
}
