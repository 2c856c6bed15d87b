//! Shared files and how far each is on its way into the network.

use std::time::Duration;

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    count, grouped, safe, top,
    widgets::{
        bar::percent,
        columns::{Cell, Width, row as columns},
        text::{field, paragraph, styled_field},
    },
};
use crate::{
    application::message::{ShareRow, ShareState},
    domain::{Link, Tags, units},
    tui::{
        state::{Pane, State},
        theme::Theme,
    },
};

pub(super) fn summary(state: &State, theme: &Theme) -> Line<'static> {
    let Some(snapshot) = &state.snapshot else { return Line::default() };
    let totals = snapshot.shares;
    let served = format!("{}, {}", count(totals.files, "file"), units::bytes(totals.bytes));
    let mut spans = vec![Span::raw(served)];
    let mut add = |text: String, style| spans.push(Span::styled(format!(" · {text}"), style));
    if totals.to_hash > 0 {
        add(format!("{} to hash", grouped(totals.to_hash)), theme.warn);
    }
    if totals.failed > 0 {
        add(format!("{} failed", grouped(totals.failed)), theme.bad);
    }
    if totals.keys > 0 {
        let text = match totals.keys_announced < totals.keys {
            true => format!(
                "{} of {} keys announced",
                grouped(totals.keys_announced),
                grouped(totals.keys)
            ),
            false => format!("all {} keys announced", grouped(totals.keys)),
        };
        add(text, theme.dim);
    }
    Line::from(spans)
}

pub(super) fn header(theme: &Theme, width: usize) -> Line<'static> {
    let style = theme.dim.patch(theme.heading);
    cells(width, ["name", "title — artist", "size", "state"], [style; 4])
}

/// A row's four cells; the tags only where there is room.
fn cells(width: usize, texts: [&str; 4], styles: [Style; 4]) -> Line<'static> {
    let [name, tags, size, state] = texts;
    let mut cells = vec![Cell::new(name, Width::Share(3), styles[0]).keep_end()];
    if width >= 84 {
        cells.push(Cell::new(tags, Width::Share(3), styles[1]));
    }
    cells.push(Cell::right(size, 9, styles[2]));
    cells.push(Cell::new(state, Width::Fixed(16), styles[3]));
    columns(width, cells)
}

pub(super) fn row(
    state: &State,
    theme: &Theme,
    at: usize,
    width: usize,
) -> Option<Vec<Line<'static>>> {
    let share = state.shares.list.get(at)?;
    let (text, style) = progress(&share.state, theme);
    let (name, tags) = (place(share), credits(&share.tags));
    let size = units::bytes(share.size);
    let styles = [Style::new(), theme.dim, Style::new(), style];
    Some(vec![cells(width, [&name, &tags, &size, &text], styles)])
}

/// Where a file is within what was shared: a name alone (`01.flac`) says little.
fn place(share: &ShareRow) -> String {
    match share.path.strip_prefix(&share.root) {
        Ok(below) if !below.as_os_str().is_empty() => safe(below.display()),
        _ => share.name.to_string(),
    }
}

/// A state in at most 16 columns.
fn progress(state: &ShareState, theme: &Theme) -> (String, Style) {
    match state {
        ShareState::Waiting => ("waiting".to_owned(), theme.dim),
        ShareState::Hashing { done, size } => {
            (format!("hashing {:>3}%", percent(*done, *size)), theme.warn)
        }
        ShareState::Announcing { done, keys } => (format!("announcing {done}/{keys}"), theme.warn),
        ShareState::Announced { .. } => ("✓ announced".to_owned(), theme.good),
        ShareState::Failed { .. } => ("✗ failed".to_owned(), theme.bad),
    }
}

/// `Swan Lake — Pyotr Tchaikovsky`, as far as there are tags.
fn credits(tags: &Tags) -> String {
    let parts = [&tags.title, &tags.artist].into_iter().flatten();
    parts.map(safe).collect::<Vec<_>>().join(" — ")
}

pub(super) fn empty(state: &State, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    if !state.shares.list.is_read() {
        return paragraph("Reading the list of shared files…", width, theme.dim);
    }
    if let Some(why) = state.shares.list.failure() {
        let text = format!("The list of shared files could not be read: {}.", safe(why));
        return paragraph(&text, width, theme.bad);
    }
    if top::amount(state, Pane::Shares).is_some_and(|files| files > 0) {
        return paragraph("Reading the list of shared files…", width, theme.dim);
    }
    let mut lines = paragraph("You share nothing yet.", width, theme.heading);
    let how = "Press a and type the path of a folder. Its files are hashed and announced, and \
               others find them by their names and tags. Dotfiles and keys are never shared.";
    lines.push(Line::default());
    lines.extend(paragraph(how, width, Style::new()));
    lines
}

pub(super) fn detail(state: &State, theme: &Theme, width: usize) -> Option<Vec<Line<'static>>> {
    let share = state.shares.list.selected()?;
    let mut lines = field(theme, "name", &share.name.to_string(), width);
    lines.extend(state_detail(share, theme, width));
    lines.extend(field(theme, "path", &safe(share.path.display()), width));
    if share.root != share.path {
        let root = state.shares.folder(&share.root);
        let files = root.map(|root| format!(" ({})", count(root.files, "file")));
        let kept = root.filter(|root| !root.remembered).map(|_| ", until this node ends");
        let text = format!(
            "{}{}{}",
            safe(share.root.display()),
            files.unwrap_or_default(),
            kept.unwrap_or_default()
        );
        lines.extend(field(theme, "shared by", &text, width));
    }
    let size = format!("{} ({} bytes)", units::bytes(share.size), grouped(share.size));
    lines.extend(field(theme, "size", &size, width));
    if let Some(media_type) = &share.media_type {
        lines.extend(field(theme, "type", &safe(media_type), width));
    }
    let tags = &share.tags;
    for (name, tag) in [("artist", &tags.artist), ("title", &tags.title), ("album", &tags.album)] {
        if let Some(tag) = tag {
            lines.extend(field(theme, name, &safe(tag), width));
        }
    }
    if let Some(ms) = tags.duration_ms {
        let length = units::playing_time(Duration::from_millis(ms));
        lines.extend(field(theme, "length", &length, width));
    }
    if let Some(content) = &share.content {
        let link = Link::of(content, share.name.raw());
        lines.extend(styled_field(theme, "link", &safe(&link), width, theme.accent));
        lines.extend(field(theme, "SHA-1", &content.sha1.to_string(), width));
        lines.extend(field(theme, "BLAKE3", &content.root.to_string(), width));
    }
    Some(lines)
}

fn state_detail(share: &ShareRow, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let (text, style) = match &share.state {
        ShareState::Waiting => ("waiting to be hashed".to_owned(), theme.dim),
        ShareState::Hashing { done, size } => {
            let (done, size) = (units::bytes(*done), units::bytes(*size));
            (format!("being hashed: {done} of {size}"), theme.warn)
        }
        ShareState::Announcing { done, keys } => {
            (format!("served; {done} of {keys} keys announced"), theme.warn)
        }
        ShareState::Announced { keys } => {
            (format!("served and announced under {}", count((*keys).into(), "key")), theme.good)
        }
        ShareState::Failed { reason } => (format!("cannot be shared: {}", safe(reason)), theme.bad),
    };
    styled_field(theme, "state", &text, width, style)
}
