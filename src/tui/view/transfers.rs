//! What is being fetched, how far it is, and what became of it. Two lines each.
//!
//! ```text
//! ↓ swan-lake.flac                                          +2  24.1 MiB
//!   ━━━━━━━━━━━━━╌╌╌╌╌╌╌  62%  1.20 MiB/s  8s left  4 of 6 peers
//! ```

use std::time::Duration;

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    count, grouped, routing, safe, sources,
    widgets::{
        bar::{bar, percent},
        columns::{Cell, Width, row as columns},
        text::{cut_start, field, paragraph, shorten_path, styled_field},
    },
};
use crate::{
    application::message::{Failure, Rate, TransferRow, TransferState},
    domain::{units, untrusted::truncate},
    tui::{state::State, theme::Theme},
};

/// The widest progress bar.
const WIDEST_BAR: usize = 30;
/// The narrowest progress bar; what does not fit beside it is left out.
const LEAST_BAR: usize = 8;
/// The least lines for who brings a transfer.
const LEAST_SOURCES: usize = 6;
/// What is done to what is there from before.
const CHECKING: &str = "checking what is here from before";
/// What stands before the path of a file that is here.
const VERIFIED: &str = "verified: ";

pub(super) fn summary(state: &State, theme: &Theme) -> Line<'static> {
    let Some(snapshot) = &state.snapshot else { return Line::default() };
    let totals = snapshot.transfers;
    let mut spans = vec![Span::raw(format!("{} running", totals.active))];
    for (number, what) in [(totals.queued, "queued"), (totals.paused, "paused")] {
        spans.extend((number > 0).then(|| Span::raw(format!(" · {number} {what}"))));
    }
    spans.push(Span::raw(format!(" · {} done", totals.done)));
    if totals.failed > 0 {
        spans.push(Span::styled(format!(" · {} failed", totals.failed), theme.bad));
    }
    Line::from(spans)
}

pub(super) fn row(
    state: &State,
    theme: &Theme,
    at: usize,
    width: usize,
) -> Option<Vec<Line<'static>>> {
    let transfer = state.transfers.list.get(at)?;
    let (sign, style) = sign(&transfer.state, theme);
    let size = transfer.size.map_or_else(|| "size unknown".to_owned(), units::bytes);
    let mut cells = vec![
        Cell::new(sign, Width::Fixed(1), style),
        Cell::new(transfer.name.to_string(), Width::Share(1), Style::new()),
    ];
    if transfer.priority != 0 && !transfer.state.is_over() {
        cells.push(Cell::right(format!("{:+}", transfer.priority), 4, theme.accent));
    }
    cells.push(Cell::right(size, 12, Style::new()));
    let mut second = vec![Span::raw("   ")];
    second.extend(progress(transfer, state.now_ms, theme, width.saturating_sub(3)));
    Some(vec![columns(width, cells), Line::from(second)])
}

fn sign(state: &TransferState, theme: &Theme) -> (&'static str, Style) {
    match state {
        TransferState::Queued | TransferState::Paused => ("‖", theme.dim),
        TransferState::Waiting { .. } => ("!", theme.warn),
        TransferState::FindingSources
        | TransferState::Describing
        | TransferState::Checking { .. } => ("…", theme.warn),
        TransferState::Fetching | TransferState::Finishing => ("↓", theme.accent),
        TransferState::Done => ("✓", theme.good),
        TransferState::Failed(_) => ("✗", theme.bad),
        TransferState::Cancelled => ("■", theme.dim),
    }
}

/// The second line: the bar while bytes come, else where it stands.
fn progress(row: &TransferRow, now_ms: u64, theme: &Theme, width: usize) -> Vec<Span<'static>> {
    let (done, text) = match row.state {
        TransferState::Fetching | TransferState::Finishing => {
            (row.done, pace(row, width.saturating_sub(LEAST_BAR + 2)))
        }
        TransferState::Checking { verified } if row.size.is_some() => {
            let text = format!("{:>3}%  {CHECKING}", percent(verified, row.size.unwrap_or(0)));
            (verified, text)
        }
        _ => return vec![stands(row, now_ms, theme, width)],
    };
    let bar_width = width.saturating_sub(Line::raw(text.as_str()).width() + 2).min(WIDEST_BAR);
    let style = if row.state.moves() { theme.bar } else { theme.dim };
    let [full, rest] = bar(theme, done, row.size.unwrap_or(0), bar_width, style);
    let text = truncate(&text, width.saturating_sub(bar_width + 2));
    vec![full, rest, Span::raw(format!("  {text}"))]
}

/// Where a transfer stands, on one line; a path loses its beginning.
fn stands(row: &TransferRow, now_ms: u64, theme: &Theme, width: usize) -> Span<'static> {
    let (text, style) = standing(row, now_ms, theme);
    let text = match row.state {
        TransferState::Done => {
            let room = width.saturating_sub(VERIFIED.len());
            format!("{VERIFIED}{}", cut_start(&safe(row.path.display()), room))
        }
        _ => truncate(&shorten_path(&text, width), width),
    };
    Span::styled(text, style)
}

/// Percents, rate, time left, peers and what was given, as much as fits.
fn pace(row: &TransferRow, width: usize) -> String {
    let mut text = format!("{:>3}%", percent(row.done, row.size.unwrap_or(0)));
    let mut add = |part: String| {
        if text.len() + 2 + Line::raw(part.as_str()).width() <= width {
            text = format!("{text}  {part}");
        }
    };
    if row.state == TransferState::Finishing {
        add("all is here; last checks".to_owned());
        return text;
    }
    if row.sources == 0 {
        add("waiting for a peer that has it".to_owned());
    } else {
        add(units::rate(row.rate));
        time_left(row).map(|left| format!("{left} left")).into_iter().for_each(&mut add);
        add(peers_in_use(row));
    }
    if row.banned > 0 {
        add(format!("{} banned", row.banned));
    }
    if row.uploaded > 0 {
        add(format!("↑ {}", units::bytes(row.uploaded)));
    }
    text
}

/// `4 of 6 peers`: talked to, of those that have it.
fn peers_in_use(row: &TransferRow) -> String {
    let all = count(row.sources.into(), "peer");
    if row.talking >= row.sources { all } else { format!("{} of {all}", row.talking) }
}

fn time_left(row: &TransferRow) -> Option<String> {
    let seconds = row.size?.saturating_sub(row.done).checked_div(row.rate)?;
    Some(units::duration(Duration::from_secs(seconds)))
}

/// How long until a Unix time, in steps, so that a screen on which nothing happens stays still.
fn until(unix: u64, now_ms: u64) -> String {
    match unix.saturating_sub(now_ms / 1_000) {
        0 => "now".to_owned(),
        seconds @ 1..60 => format!("in {} s", seconds.div_ceil(10) * 10),
        seconds @ 60..3_600 => format!("in {} min", seconds.div_ceil(60)),
        seconds => format!("in {} h", seconds.div_ceil(3_600)),
    }
}

/// `, 42% is here`, where anything is.
fn here(row: &TransferRow) -> String {
    match row.size.filter(|_| row.done > 0) {
        Some(size) => format!(", {}% is here", percent(row.done, size)),
        None => String::new(),
    }
}

/// Where a transfer stands that has no bytes coming.
fn standing(row: &TransferRow, now_ms: u64, theme: &Theme) -> (String, Style) {
    match &row.state {
        TransferState::Queued => (format!("queued until others end{}", here(row)), theme.dim),
        TransferState::Paused => (format!("paused{}; p goes on", here(row)), theme.dim),
        TransferState::Waiting { why, retry_at } => {
            let again = until(*retry_at, now_ms);
            (format!("tries again {again}: {}", safe(&why.message)), theme.warn)
        }
        TransferState::Checking { verified } => {
            (format!("{CHECKING}: {}", units::bytes(*verified)), theme.warn)
        }
        TransferState::FindingSources => ("looking for peers that have it".to_owned(), theme.warn),
        TransferState::Describing => {
            (format!("asking {} what it is", count(row.sources.into(), "peer")), theme.warn)
        }
        TransferState::Fetching | TransferState::Finishing => (pace(row, usize::MAX), Style::new()),
        TransferState::Done => (format!("{VERIFIED}{}", safe(row.path.display())), theme.good),
        TransferState::Failed(failure) => {
            let hint = failure.hint.as_deref().unwrap_or("Enter tries again");
            (format!("{}; {}", safe(&failure.message), safe(hint)), theme.bad)
        }
        TransferState::Cancelled => ("stopped; Enter fetches it again".to_owned(), theme.dim),
    }
}

pub(super) fn empty(state: &State, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    if !state.transfers.list.is_read() {
        return paragraph("Reading the list of transfers…", width, theme.dim);
    }
    if let Some(why) = state.transfers.list.failure() {
        let text = format!("The list of transfers could not be read: {}.", safe(why));
        return paragraph(&text, width, theme.bad);
    }
    let mut lines = paragraph("Nothing was fetched yet.", width, theme.heading);
    lines.push(Line::default());
    let how = "Search with s and press Enter on a result, or press d and paste a link.";
    lines.extend(paragraph(how, width, Style::new()));
    if let Some(snapshot) = &state.snapshot {
        let folder = format!("Files go to {}.", safe(snapshot.node.download_dir.display()));
        lines.extend(paragraph(&folder, width, theme.dim));
    }
    lines
}

/// Everything that is known of the selected transfer, in at most `height` lines. Who brings it
/// goes before what the list tells too, and before the link, which can be copied unseen.
pub(super) fn detail(
    state: &State,
    theme: &Theme,
    width: usize,
    height: usize,
) -> Option<Vec<Line<'static>>> {
    let row = state.transfers.list.selected()?;
    let mut facts = facts(row, state.now_ms, theme, width);
    let wanted = sources::lines(state, theme, row.transfer, width, LEAST_SOURCES).len();
    leave_out(&mut facts, height.saturating_sub(wanted), wanted > 0);
    let mut lines: Vec<Line<'static>> = facts.into_iter().flat_map(|fact| fact.lines).collect();
    let room = height.saturating_sub(lines.len());
    let brought_by = sources::lines(state, theme, row.transfer, width, room);
    let mut link = styled_field(theme, "link", &safe(&row.link), width, theme.accent);
    if !brought_by.is_empty() && link.len() > room.saturating_sub(brought_by.len()) {
        link = field(theme, "link", "y copies it", width);
    }
    let gaps = !brought_by.is_empty() && brought_by.len() + link.len() + 2 <= room;
    lines.extend(gaps.then(Line::default));
    lines.extend(brought_by);
    lines.extend(gaps.then(Line::default));
    lines.extend(link);
    Some(lines)
}

/// Something about a transfer.
struct Fact {
    lines: Vec<Line<'static>>,
    /// What is left out first where there is little room has the most; 0 always stays.
    spare: u8,
}

/// Leaves out what can be spared until the rest fits into `room` lines, if somebody needs them.
fn leave_out(facts: &mut Vec<Fact>, room: usize, needed: bool) {
    while needed && facts.iter().map(|fact| fact.lines.len()).sum::<usize>() > room {
        let most = facts.iter().map(|fact| fact.spare).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        facts.retain(|fact| fact.spare < most);
    }
}

fn facts(row: &TransferRow, now_ms: u64, theme: &Theme, width: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |spare, lines| facts.push(Fact { lines, spare });
    add(7, field(theme, "name", &row.name.to_string(), width));
    let (text, style) = standing(row, now_ms, theme);
    let text = if row.state == TransferState::Done { "done, verified".to_owned() } else { text };
    let spare = if row.state == TransferState::Fetching { 6 } else { 0 };
    add(spare, styled_field(theme, "state", text.trim_start(), width, style));
    if let TransferState::Waiting { why: Failure { hint: Some(hint), .. }, .. } = &row.state {
        add(0, field(theme, "", &safe(hint), width));
    }
    let file = if row.state == TransferState::Done { "file" } else { "will be" };
    add(1, styled_field(theme, file, &safe(row.path.display()), width, theme.accent));
    let size = match row.size {
        Some(size) => format!("{} ({} bytes)", units::bytes(size), grouped(size)),
        None => "not known yet".to_owned(),
    };
    let files = row.files.map(|files| format!(" in {}", count(files.into(), "file")));
    add(5, field(theme, "size", &format!("{size}{}", files.unwrap_or_default()), width));
    let verified =
        format!("{} of {}", units::bytes(row.done), row.size.map_or("?".into(), units::bytes));
    add(4, field(theme, "verified", &verified, width));
    if let Some(queue) = queue(row) {
        add(2, field(theme, "queue", &queue, width));
    }
    if row.uploaded > 0 {
        let given = format!("{} to others", units::bytes(row.uploaded));
        add(3, field(theme, "given", &given, width));
    }
    add(2, field(theme, "peers", &peers(row), width));
    facts
}

/// What a person decided of how it runs, if anything.
fn queue(row: &TransferRow) -> Option<String> {
    let priority = (row.priority != 0).then(|| format!("priority {:+}", row.priority));
    let limit = row.limit.map(|limit| format!("at most {}", Rate(Some(limit)).about()));
    let said: Vec<String> = [priority, limit].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn peers(row: &TransferRow) -> String {
    if row.sources == 0 && row.banned == 0 {
        return "none known".to_owned();
    }
    let mut text = count(row.sources.into(), "peer");
    if row.talking > 0 {
        text = format!("{text}, {} in use", row.talking);
    }
    if let Some(from) = &row.from {
        text = format!("{text}, most from {}", routing::short_id(from));
    }
    if row.banned > 0 {
        text = format!("{text}; {} banned", row.banned);
    }
    text
}
