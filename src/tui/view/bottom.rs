//! The two lines at the bottom: what the node is doing and how fast, and what keys do.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    application::message::{NoticeLevel, Rates, Snapshot},
    domain::{units, untrusted::truncate},
};

use super::{count, grouped, line_with_right, safe};
use crate::tui::{
    state::{KEYMAP, Mode, Scope, State, notices::Entry},
    theme::Theme,
};

/// What the node is doing, and the rates.
pub(super) fn activity(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let Some(snapshot) = &state.snapshot else {
        let text = if state.gone { "" } else { " waiting for the node's first word" };
        buf.set_line(place.x, place.y, &Line::styled(text, theme.dim), place.width);
        return;
    };
    let doing = doing(state, snapshot);
    let left = match doing.is_empty() {
        true => Line::styled(" nothing to do", theme.dim),
        false => Line::raw(format!(" {}", doing.join(" · "))),
    };
    let compact = place.width < 70;
    line_with_right(&left, &rates(&snapshot.rates, theme, compact), place, buf);
}

/// Each thing that the node is at.
fn doing(state: &State, snapshot: &Snapshot) -> Vec<String> {
    let mut doing = Vec::new();
    if state.gone {
        return doing;
    }
    if let Some(search) = state.results.search.as_ref().filter(|search| search.is_running()) {
        let (asked, answered) = search.row.as_ref().map_or((0, 0), |row| (row.asked, row.answered));
        doing.push(match asked {
            0 => format!("searching {}", safe(&search.query.text)),
            _ => format!("searching {}: {answered} of {asked} answered", safe(&search.query.text)),
        });
    }
    if snapshot.transfers.active > 0 {
        doing.push(format!("fetching {}", count(snapshot.transfers.active.into(), "file")));
    }
    let shares = snapshot.shares;
    if shares.to_hash > 0 {
        let left = units::bytes(shares.bytes_to_hash);
        doing.push(format!("hashing {} ({left} left)", count(shares.to_hash, "file")));
    }
    if shares.keys_announced < shares.keys && snapshot.peers > 0 {
        let (done, all) = (grouped(shares.keys_announced), grouped(shares.keys));
        doing.push(format!("announcing {done} of {all} keys"));
    }
    if snapshot.peers == 0 {
        doing.push("looking for peers".to_owned());
    }
    doing
}

fn rates(rates: &Rates, theme: &Theme, compact: bool) -> Line<'static> {
    let limit = match rates.up_limit {
        _ if compact => String::new(),
        Some(limit) => format!(" of {}", units::rate(limit)),
        None => " without limit".to_owned(),
    };
    let busy = |rate: u64| if rate > 0 { theme.good } else { theme.dim };
    Line::from(vec![
        Span::styled(format!(" ↓ {}", units::rate(rates.down)), busy(rates.down)),
        Span::styled(format!("  ↑ {}", units::rate(rates.up)), busy(rates.up)),
        Span::styled(format!("{limit} "), theme.dim),
    ])
}

/// The newest notice while it is fresh, else what keys do here.
pub(super) fn hints(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let fresh = state.notices.fresh(state.now_ms);
    let line = match fresh.filter(|_| !matches!(state.mode, Mode::Prompt(_))) {
        Some(entry) => notice(entry, theme, place.width.into()),
        None => keys(state.scope(), theme, place.width.into()),
    };
    buf.set_line(place.x, place.y, &line, place.width);
}

fn notice(entry: &Entry, theme: &Theme, width: usize) -> Line<'static> {
    const MORE: &str = "  n: all of it";
    let (sign, style) = level(entry.level, theme);
    let hint = entry.hint.as_deref().map(|hint| format!(" — {hint}")).unwrap_or_default();
    let room = width.saturating_sub(4);
    let whole = ratatui::text::Line::raw(format!("{}{hint}", entry.text)).width() <= room;
    let room = if whole { room } else { room.saturating_sub(MORE.len()) };
    let text = truncate(&entry.text, room);
    let left = room.saturating_sub(Line::raw(text.as_str()).width());
    let mut spans = vec![
        Span::styled(format!(" {sign} "), style),
        Span::styled(text, style),
        Span::styled(if left > 3 { truncate(&hint, left) } else { String::new() }, theme.dim),
    ];
    if !whole {
        spans.push(Span::styled(MORE, theme.key));
    }
    Line::from(spans)
}

/// The sign and the style of a level.
pub(super) fn level(level: NoticeLevel, theme: &Theme) -> (&'static str, ratatui::style::Style) {
    match level {
        NoticeLevel::Info => ("●", theme.good),
        NoticeLevel::Warning => ("!", theme.warn),
        NoticeLevel::Error => ("✗", theme.bad),
    }
}

/// The keys that are hinted at where `here` has them, as many as fit; the last is always help.
pub(super) fn keys(here: Scope, theme: &Theme, width: usize) -> Line<'static> {
    let holds = |scope: Scope| match here {
        Scope::In(_) => scope == here || scope == Scope::Browse,
        _ => scope == here,
    };
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut used = 1;
    for binding in KEYMAP.iter().filter(|binding| holds(binding.scope)) {
        let (Some(hint), Some(chord)) = (binding.hint, binding.chords.first()) else { continue };
        let key = chord.label();
        let taken = Line::raw(key.as_str()).width() + hint.len() + 3;
        if used + taken > width {
            continue;
        }
        used += taken;
        spans.push(Span::styled(format!(" {key}"), theme.key));
        spans.push(Span::raw(format!(" {hint} ")));
    }
    Line::from(spans)
}
