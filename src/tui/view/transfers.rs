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
    count, safe,
    widgets::{
        bar::{bar, percent},
        columns::{Cell, Width, row as columns},
        text::{cut_start, paragraph, shorten_path},
    },
};
use crate::{
    application::message::{TransferRow, TransferState},
    domain::{units, untrusted::truncate},
    tui::{state::State, theme::Theme},
};

/// The widest progress bar.
const WIDEST_BAR: usize = 30;
/// The narrowest progress bar; what does not fit beside it is left out.
const LEAST_BAR: usize = 8;
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
pub(super) fn standing(row: &TransferRow, now_ms: u64, theme: &Theme) -> (String, Style) {
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
