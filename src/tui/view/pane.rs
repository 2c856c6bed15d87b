//! What the four panes have in common: frame, head, rows, scroll position, detail.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Borders, Widget},
};

use super::{
    grouped, line_with_right, results, routing, safe, shares, top, transfer_detail, transfers,
    widgets::popup,
};
use crate::tui::{
    state::{Pane, State, layout::Place},
    theme::Theme,
};

/// Draws a pane.
pub(super) fn draw(state: &State, theme: &Theme, place: Place, buf: &mut Buffer) {
    let here = place.pane == state.focus;
    if place.framed {
        frame(state, theme, place, here, buf);
    }
    head(state, theme, place, buf);
    let rows = place.rows();
    let list = state.list(place.pane);
    if list.len() == 0 {
        // Without rows there is no need for the names of columns.
        let inner = place.inner();
        let below = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
        let lines = empty(state, theme, place.pane, usize::from(below.width).saturating_sub(2));
        let inset = Rect { x: below.x + 1, width: below.width.saturating_sub(2), ..below };
        popup::lines(&lines, inset, buf);
        return;
    }
    let cursor = list.cursor();
    for (n, at) in (cursor.top..list.len()).take(place.visible()).enumerate() {
        let height = place.pane.row_height();
        let y = rows.y + u16::try_from(n).unwrap_or(u16::MAX).saturating_mul(height);
        let area = Rect { y, height, ..rows };
        row(state, theme, place.pane, at, (at == cursor.at).then_some(here), area, buf);
    }
}

fn frame(state: &State, theme: &Theme, place: Place, here: bool, buf: &mut Buffer) {
    let pane = place.pane;
    let (border, title) = if here {
        (theme.accent, theme.accent.patch(theme.heading))
    } else {
        (theme.border, theme.heading)
    };
    let count = top::amount(state, pane).map(|n| format!("{} ", grouped(n))).unwrap_or_default();
    let title = Line::from(vec![
        Span::styled(format!(" {} ", pane.number()), theme.key),
        Span::styled(format!("{} ", pane.title()), title),
        Span::styled(count, theme.dim),
    ]);
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(border)
        .title(title)
        .render(place.outer, buf);
}

/// The lines above the rows: a summary or the filter, the position, the names of the columns.
fn head(state: &State, theme: &Theme, place: Place, buf: &mut Buffer) {
    let inner = place.inner();
    if inner.height == 0 {
        return;
    }
    let pane = place.pane;
    let list = state.list(pane);
    let line = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), height: 1, ..inner };
    let summary = match list.filter() {
        Some(needle) => filtered(state, theme, pane, needle.text()),
        None => match pane {
            Pane::Routing => routing::summary(state, theme),
            Pane::Shares => shares::summary(state, theme),
            Pane::Results => results::summary(state, theme),
            Pane::Transfers => transfers::summary(state, theme),
        },
    };
    let len = list.len();
    let position = if len > place.visible() {
        format!("{}/{}", grouped(list.cursor().at as u64 + 1), grouped(len as u64))
    } else {
        String::new()
    };
    line_with_right(&summary, &Line::styled(position, theme.dim), line, buf);
    if len > 0 && pane.head_height() > 1 && inner.height > 1 {
        let width = usize::from(line.width);
        let header = match pane {
            Pane::Results => results::header(theme, width),
            _ => shares::header(theme, width),
        };
        buf.set_line(line.x, line.y + 1, &header, line.width);
    }
}

fn filtered(state: &State, theme: &Theme, pane: Pane, text: &str) -> Line<'static> {
    let found = grouped(state.list(pane).len() as u64);
    let (total, scanned) = match pane {
        Pane::Routing => (state.routing.list.all().len(), None),
        Pane::Results => (state.results.list.all().len(), None),
        Pane::Shares => (state.shares.list.total(), state.shares.list.scanned()),
        Pane::Transfers => (state.transfers.list.total(), state.transfers.list.scanned()),
    };
    let total = grouped(total as u64);
    let progress = match scanned {
        Some(scanned) => format!("{found} so far; read {} of {total}", grouped(scanned)),
        None => format!("{found} of {total}; Esc shows all"),
    };
    Line::from(vec![
        Span::styled(format!("/{} ", safe(text)), theme.key),
        Span::styled(progress, theme.dim),
    ])
}

/// `selected` is whether the pane has the keys, if the row is the selected one.
fn row(
    state: &State,
    theme: &Theme,
    pane: Pane,
    at: usize,
    selected: Option<bool>,
    area: Rect,
    buf: &mut Buffer,
) {
    let width = usize::from(area.width).saturating_sub(2);
    let lines = match pane {
        Pane::Routing => routing::row(state, theme, at, width),
        Pane::Shares => shares::row(state, theme, at, width),
        Pane::Results => results::row(state, theme, at, width),
        Pane::Transfers => transfers::row(state, theme, at, width),
    };
    let lines = lines.unwrap_or_else(|| vec![Line::styled("…", theme.dim)]);
    let inset = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    popup::lines(&lines, inset, buf);
    match selected {
        Some(true) => {
            let first = Rect { height: 1, ..area };
            // One colour under the bar: reversed colours of all kinds are hard to read.
            buf.set_style(first, Style::reset().patch(theme.selected));
        }
        Some(false) => {
            buf.set_string(area.x, area.y, "▸", theme.dim);
        }
        None => {}
    }
}

fn empty(state: &State, theme: &Theme, pane: Pane, width: usize) -> Vec<Line<'static>> {
    if state.list(pane).filter().is_some() {
        return vec![Line::styled(
            "Nothing here matches the filter. Esc takes it away.",
            theme.dim,
        )];
    }
    if state.snapshot.is_none() {
        return Vec::new();
    }
    match pane {
        Pane::Routing => routing::empty(state, theme, width),
        Pane::Shares => shares::empty(state, theme, width),
        Pane::Results => results::empty(state, theme, width),
        Pane::Transfers => transfers::empty(state, theme, width),
    }
}

/// Everything that is known of what is selected.
pub(super) fn detail(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let beside = place.x > 0;
    let borders = if beside { Borders::LEFT } else { Borders::TOP };
    let block = Block::new().borders(borders).border_style(theme.border).title(if beside {
        Line::default()
    } else {
        Line::styled(" Detail ", theme.dim)
    });
    let inner = block.inner(place);
    block.render(place, buf);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width);
    let lines = match state.focus {
        Pane::Routing => routing::detail(state, theme, width),
        Pane::Shares => shares::detail(state, theme, width),
        Pane::Results => results::detail(state, theme, width),
        Pane::Transfers => transfer_detail::lines(state, theme, width, inner.height.into()),
    };
    let nothing = || vec![Line::styled("Nothing is selected.", theme.dim)];
    popup::lines(&lines.unwrap_or_else(nothing), inner, buf);
}
