//! The two lines at the bottom: what the node is doing and how fast, and what keys do.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    application::message::{NoticeLevel, Rate, Rates, Snapshot},
    domain::{units, untrusted::truncate},
};

use super::{
    count, grouped, line_with_right, safe,
    widgets::{bar::percent, text::shorten},
};
use crate::tui::{
    state::{Action, KEYMAP, Mode, Scope, State, notices::Entry},
    theme::Theme,
};

/// What the node is doing, and the rates.
pub(super) fn activity(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let Some(snapshot) = &state.snapshot else {
        let text = if state.gone { "" } else { " waiting for the node's first word" };
        buf.set_line(place.x, place.y, &Line::styled(text, theme.dim), place.width);
        return;
    };
    if state.gone {
        let text = " the node ended: nothing can be asked of it; q leaves";
        buf.set_line(place.x, place.y, &Line::styled(text, theme.bad), place.width);
        return;
    }
    let doing = doing(state, snapshot, place.width < 110);
    let left = match doing.is_empty() {
        true => Line::styled(" nothing to do", theme.dim),
        false => Line::raw(format!(" {}", doing.join(" · "))),
    };
    let compact = place.width < 70;
    line_with_right(&left, &rates(&snapshot.rates, theme, compact), place, buf);
}

/// Each thing that the node is at; in few words where there is little room.
fn doing(state: &State, snapshot: &Snapshot, compact: bool) -> Vec<String> {
    let mut doing = Vec::new();
    if let Some(search) = state.results.search.as_ref().filter(|search| search.is_running()) {
        let what = truncate(&safe(&search.query.text), 24);
        let answers = search.row.as_ref().filter(|row| row.asked > 0);
        doing.push(match answers {
            Some(row) => format!("searching {what}: {} of {} answered", row.answered, row.asked),
            None => format!("searching {what}"),
        });
    }
    let things = |n: u64| if compact { grouped(n) } else { count(n, "file") };
    let shares = snapshot.shares;
    if snapshot.transfers.active > 0 {
        doing.push(format!("fetching {}", things(snapshot.transfers.active.into())));
    }
    if shares.to_hash > 0 {
        let left = format!(" ({} left)", units::bytes(shares.bytes_to_hash));
        let left = if compact { "" } else { &left };
        doing.push(format!("hashing {}{left}", things(shares.to_hash)));
    }
    if shares.keys_announced < shares.keys && snapshot.peers > 0 {
        let (done, all) = (shares.keys_announced, shares.keys);
        doing.push(match compact {
            true => format!("announcing {}%", percent(done, all)),
            false => format!("announcing {} of {} keys", grouped(done), grouped(all)),
        });
    }
    if snapshot.peers == 0 {
        doing.push("looking for peers".to_owned());
    }
    doing
}

fn rates(rates: &Rates, theme: &Theme, compact: bool) -> Line<'static> {
    let limit = |limit: Option<u64>| match limit.filter(|_| !compact) {
        Some(_) => format!(" of {}", Rate(limit).about()),
        None => String::new(),
    };
    let busy = |rate: u64| if rate > 0 { theme.good } else { theme.dim };
    Line::from(vec![
        Span::styled(format!(" ↓ {}", units::rate(rates.down)), busy(rates.down)),
        Span::styled(limit(rates.down_limit), theme.dim),
        Span::styled(format!("  ↑ {}", units::rate(rates.up)), busy(rates.up)),
        Span::styled(format!("{} ", limit(rates.up_limit)), theme.dim),
    ])
}

/// The newest notice while it is fresh, else what keys do here.
pub(super) fn hints(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let fresh = state.notices.fresh(state.now_ms);
    let line = match fresh.filter(|_| !matches!(state.mode, Mode::Prompt(_))) {
        Some(entry) => notice(entry, theme, place.width.into()),
        None => keys(state, state.scope(), theme, place.width.into()),
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
    let text = shorten(&entry.text, room);
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

/// The keys that do something where `here` has them, as many as fit. How to leave and where to
/// learn more is never left out.
pub(super) fn keys(state: &State, here: Scope, theme: &Theme, width: usize) -> Line<'static> {
    let holds = |scope: Scope| match here {
        Scope::In(_) => scope == here || scope == Scope::Browse,
        _ => scope == here,
    };
    let hints: Vec<_> = KEYMAP
        .iter()
        .filter(|binding| holds(binding.scope) && state.offers(binding.action))
        .filter_map(|binding| {
            Some((binding.action, binding.chords.first()?.label(), binding.hint?))
        })
        .collect();
    let vital = |action: Action| matches!(action, Action::Help | Action::Quit | Action::Close);
    let size = |key: &str, hint: &str| Line::raw(key).width() + hint.len() + 3;
    let mut room = width;
    for (_, key, hint) in hints.iter().filter(|(action, ..)| vital(*action)) {
        room = room.saturating_sub(size(key, hint));
    }
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (action, key, hint) in hints {
        if !vital(action) {
            let taken = size(&key, hint);
            if taken > room {
                continue;
            }
            room -= taken;
        }
        spans.push(Span::styled(format!(" {key}"), theme.key));
        spans.push(Span::raw(format!(" {hint} ")));
    }
    Line::from(spans)
}
