//! Texts over the panes: the keys, the log of notices, an invitation.

use std::time::Duration;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    bottom, safe,
    widgets::{
        columns::{Cell, Width, row as columns},
        popup,
        text::{paragraph, wrap},
    },
};
use crate::{
    domain::units,
    tui::{
        state::{
            Overlay, OverlayText, State,
            help::{self, HelpLine},
            notices::Entry,
        },
        theme::Theme,
    },
};

pub(super) fn draw(state: &State, overlay: &Overlay, theme: &Theme, buf: &mut Buffer) {
    let area = buf.area;
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(3), ..area };
    let width = body.width.saturating_sub(4).min(96);
    let inner_width = usize::from(width).saturating_sub(4);
    let (title, lines) = match &overlay.text {
        OverlayText::Help => ("Keys", help_lines(state, theme, inner_width)),
        OverlayText::Notices => ("Notices", notice_lines(state, theme, overlay, inner_width)),
        OverlayText::Invite { link } => ("Invitation", invite_lines(link, theme, inner_width)),
    };
    // Notices are scrolled by entries, not by lines.
    let scrolled = if overlay.text == OverlayText::Help { overlay.scroll } else { 0 };
    let wanted = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let height = wanted.min(body.height);
    let more = lines.len().saturating_sub(scrolled) > usize::from(height.saturating_sub(2));
    let mut heading = vec![Span::styled(format!(" {title} "), theme.heading)];
    if more || overlay.scroll > 0 {
        heading.push(Span::styled("j k scroll ", theme.dim));
    }
    let inner = popup::popup(body, (width, height), Line::from(heading), theme.accent, buf);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let most = lines.len().saturating_sub(usize::from(inner.height));
    popup::lines(&lines[scrolled.min(most)..], inner, buf);
}

fn help_lines(state: &State, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let line = |line: HelpLine| match line {
        HelpLine::Heading(text) => Line::styled(text, theme.accent.patch(theme.heading)),
        HelpLine::Gap => Line::default(),
        HelpLine::Entry(keys, text) => columns(
            width,
            vec![
                Cell::new(keys, Width::Fixed(17), theme.key),
                Cell::new(text, Width::Share(1), Style::new()),
            ],
        ),
    };
    help::lines(state.focus).into_iter().map(line).collect()
}

fn notice_lines(
    state: &State,
    theme: &Theme,
    overlay: &Overlay,
    width: usize,
) -> Vec<Line<'static>> {
    if state.notices.newest_first().len() == 0 {
        return paragraph("Nothing happened yet that you should know.", width, theme.dim);
    }
    let entries = state.notices.newest_first().skip(overlay.scroll);
    entries.flat_map(|entry| notice(entry, state.now_ms, theme, width)).collect()
}

fn notice(entry: &Entry, now_ms: u64, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let (sign, style) = bottom::level(entry.level, theme);
    let ago = Duration::from_millis(now_ms.saturating_sub(entry.at_ms));
    let when = match ago.as_secs() {
        0..60 => "just now".to_owned(),
        seconds => format!("{} ago", coarse(seconds)),
    };
    let times = if entry.times > 1 { format!(", {} times", entry.times) } else { String::new() };
    let mut lines = Vec::new();
    for (n, text) in wrap(&entry.text, width.saturating_sub(2)).into_iter().enumerate() {
        let sign = if n == 0 { sign } else { " " };
        lines.push(Line::from(vec![Span::styled(format!("{sign} {text}"), style)]));
    }
    let hint = entry.hint.as_deref().unwrap_or_default();
    for text in wrap(hint, width.saturating_sub(2)).into_iter().filter(|text| !text.is_empty()) {
        lines.push(Line::raw(format!("  {text}")));
    }
    lines.push(Line::styled(format!("  {when}{times}"), theme.dim));
    lines
}

/// Minutes, hours or days: the log must not tick.
fn coarse(seconds: u64) -> String {
    let whole = match seconds {
        0..3_600 => return format!("{} min", seconds / 60),
        3_600..86_400 => seconds / 3_600 * 3_600,
        _ => seconds / 86_400 * 86_400,
    };
    units::duration(Duration::from_secs(whole))
}

fn invite_lines(link: &str, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let how = "Send this to somebody. They start p2pfs-tui, press J and paste it, or run \
               p2pfs-tui join with it in quotes. It tells them your address.";
    let mut lines = paragraph(how, width, Style::new());
    lines.push(Line::default());
    lines.extend(paragraph(&safe(link), width, theme.accent));
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("y", theme.key),
        Span::raw(" copies it   "),
        Span::styled("Esc", theme.key),
        Span::raw(" closes"),
    ]));
    lines
}
