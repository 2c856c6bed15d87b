//! What is being fetched, how far it is, and what became of it. Two lines each.
//!
//! ```text
//! ↓ swan-lake.flac                                              24.1 MiB
//!   ━━━━━━━━━━━━━╌╌╌╌╌╌╌  62%  1.20 MiB/s  8s left  4 peers
//! ```

use std::time::Duration;

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    count, grouped, routing, safe,
    widgets::{
        bar::{bar, percent},
        columns::{Cell, Width, row as columns},
        text::{cut_start, field, paragraph, shorten_path, styled_field},
    },
};
use crate::{
    application::message::{TransferRow, TransferState},
    domain::{units, untrusted::truncate},
    tui::{state::State, theme::Theme},
};

/// The widest progress bar.
const WIDEST_BAR: usize = 30;
/// What stands before the path of a file that is here.
const VERIFIED: &str = "verified: ";

pub(super) fn summary(state: &State, theme: &Theme) -> Line<'static> {
    let Some(snapshot) = &state.snapshot else { return Line::default() };
    let totals = snapshot.transfers;
    let mut spans = vec![Span::raw(format!("{} running", totals.active))];
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
    let first = columns(
        width,
        vec![
            Cell::new(sign, Width::Fixed(1), style),
            Cell::new(transfer.name.to_string(), Width::Share(1), Style::new()),
            Cell::right(size, 12, Style::new()),
        ],
    );
    let mut second = vec![Span::raw("   ")];
    second.extend(progress(transfer, theme, width.saturating_sub(3)));
    Some(vec![first, Line::from(second)])
}

fn sign(state: &TransferState, theme: &Theme) -> (&'static str, Style) {
    match state {
        TransferState::Queued | TransferState::Paused => ("‖", theme.dim),
        TransferState::Waiting { .. } => ("…", theme.bad),
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
fn progress(row: &TransferRow, theme: &Theme, width: usize) -> Vec<Span<'static>> {
    if !matches!(row.state, TransferState::Fetching | TransferState::Finishing) {
        let (text, style) = standing(row, theme);
        let text = match row.state {
            TransferState::Done => {
                let room = width.saturating_sub(VERIFIED.len());
                format!("{VERIFIED}{}", cut_start(&safe(row.path.display()), room))
            }
            _ => truncate(&shorten_path(&text, width), width),
        };
        return vec![Span::styled(text, style)];
    }
    let whole = row.size.unwrap_or(0);
    let text = pace(row);
    let taken = Line::raw(text.as_str()).width();
    let bar_width = width.saturating_sub(taken + 2).min(WIDEST_BAR);
    let [full, rest] = bar(theme, row.done, whole, bar_width, theme.bar);
    let text = truncate(&text, width.saturating_sub(bar_width + 2));
    vec![full, rest, Span::raw(format!("  {text}"))]
}

/// Percents, rate, time left and peers.
fn pace(row: &TransferRow) -> String {
    let whole = row.size.unwrap_or(0);
    let mut parts = vec![format!("{:>3}%", percent(row.done, whole))];
    if row.state == TransferState::Finishing {
        parts.push("all is here; last checks".to_owned());
        return parts.join("  ");
    }
    if row.sources == 0 {
        parts.push("waiting for a peer that has it".to_owned());
    } else {
        parts.push(units::rate(row.rate));
        parts.extend(time_left(row).map(|left| format!("{left} left")));
        parts.push(count(row.sources.into(), "peer"));
    }
    if row.banned > 0 {
        parts.push(format!("{} dropped", row.banned));
    }
    parts.join("  ")
}

fn time_left(row: &TransferRow) -> Option<String> {
    let seconds = row.size?.saturating_sub(row.done).checked_div(row.rate)?;
    Some(units::duration(Duration::from_secs(seconds)))
}

/// Where a transfer stands that has no bytes coming.
fn standing(row: &TransferRow, theme: &Theme) -> (String, Style) {
    match &row.state {
        TransferState::Queued => ("waits for others to end".to_owned(), theme.dim),
        TransferState::Paused => ("paused; p goes on".to_owned(), theme.dim),
        TransferState::Waiting { why, .. } => {
            (format!("waits and tries again: {}", safe(&why.message)), theme.warn)
        }
        TransferState::Checking { verified } => {
            (format!("checking what is there, {}", units::bytes(*verified)), theme.warn)
        }
        TransferState::FindingSources => ("looking for peers that have it".to_owned(), theme.warn),
        TransferState::Describing => {
            (format!("asking {} what it is", count(row.sources.into(), "peer")), theme.warn)
        }
        TransferState::Fetching | TransferState::Finishing => (pace(row), Style::new()),
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

pub(super) fn detail(state: &State, theme: &Theme, width: usize) -> Option<Vec<Line<'static>>> {
    let row = state.transfers.list.selected()?;
    let mut lines = field(theme, "name", &row.name.to_string(), width);
    let (text, style) = standing(row, theme);
    let text = if row.state == TransferState::Done { "done, verified".to_owned() } else { text };
    lines.extend(styled_field(theme, "state", &text, width, style));
    let file = match row.state {
        TransferState::Done => "file",
        _ => "will be",
    };
    lines.extend(styled_field(theme, file, &safe(row.path.display()), width, theme.accent));
    let size = match row.size {
        Some(size) => format!("{} ({} bytes)", units::bytes(size), grouped(size)),
        None => "not known yet".to_owned(),
    };
    lines.extend(field(theme, "size", &size, width));
    let verified =
        format!("{} of {}", units::bytes(row.done), row.size.map_or("?".into(), units::bytes));
    lines.extend(field(theme, "verified", &verified, width));
    lines.extend(field(theme, "peers", &peers(row), width));
    lines.extend(styled_field(theme, "link", &safe(&row.link), width, theme.accent));
    Some(lines)
}

fn peers(row: &TransferRow) -> String {
    let mut text = count(row.sources.into(), "peer");
    if let Some(from) = &row.from {
        text = format!("{text}; now from {}", routing::short_id(from));
    }
    if row.banned > 0 {
        text = format!("{text}; {} dropped for sending wrong bytes", row.banned);
    }
    text
}
