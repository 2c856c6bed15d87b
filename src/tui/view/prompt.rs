//! The line that is being typed, at the bottom, with what it will do.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use super::{bottom, line_with_right, safe, widgets::popup};
use crate::{
    application::message::Limits,
    domain::{Field, untrusted::truncate},
    tui::{
        state::{
            Scope, State,
            prompt::{Prompt, PromptKind},
            verbs::VERBS,
        },
        theme::Theme,
    },
};

/// Draws the prompt; gives the place of the cursor.
pub(super) fn draw(
    state: &State,
    prompt: &Prompt,
    theme: &Theme,
    buf: &mut Buffer,
) -> Option<(u16, u16)> {
    let area = buf.area;
    let height = 5.min(area.height);
    let place = Rect { y: area.bottom() - height, height, ..area };
    let title = Line::styled(format!(" {} ", prompt.kind.title()), theme.heading);
    let inner = popup::framed(place, title, theme.accent, buf);
    let line = |n: u16| Rect { y: inner.y + n, height: 1, ..inner };
    let cursor = input(prompt, theme, line(0), buf);
    let width = usize::from(inner.width).saturating_sub(2);
    let about = match &prompt.error {
        Some(why) => Line::styled(format!(" {}", truncate(&safe(why), width)), theme.bad),
        None => about(state, prompt, theme, width),
    };
    buf.set_line(inner.x, inner.y + 1, &about, inner.width);
    let fields = match prompt.kind {
        PromptKind::Search => fields(prompt.field, theme),
        _ => Line::default(),
    };
    let keys = bottom::keys(state, Scope::Prompt, theme, width.saturating_sub(fields.width()));
    let fits = fields.width() + keys.width() <= width;
    let keys = if fits { keys } else { Line::default() };
    line_with_right(&fields, &keys, line(2), buf);
    cursor
}

fn input(prompt: &Prompt, theme: &Theme, place: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
    let start = match prompt.kind {
        PromptKind::Filter => " / ",
        PromptKind::Command => " : ",
        _ => " › ",
    };
    buf.set_string(place.x, place.y, start, theme.key);
    let at = u16::try_from(start.width()).unwrap_or(0);
    let room = usize::from(place.width.saturating_sub(at + 1));
    let scroll = prompt.input.visual_scroll(room);
    let shown = skip_columns(prompt.input.value(), scroll);
    buf.set_stringn(place.x + at, place.y, shown, room, ratatui::style::Style::new());
    let column = prompt.input.visual_cursor().saturating_sub(scroll).min(room);
    Some((place.x + at + u16::try_from(column).ok()?, place.y))
}

/// A text without its first columns.
fn skip_columns(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        if used >= columns {
            return &text[at..];
        }
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
    }
    ""
}

/// The fields to search by, the chosen one marked.
fn fields(chosen: Option<Field>, theme: &Theme) -> Line<'static> {
    let mut spans = vec![Span::styled(" Tab", theme.key), Span::raw(" looks in: ")];
    let fields = std::iter::once(None).chain(Field::ALL.into_iter().map(Some));
    for field in fields {
        let name = field.map_or("words", Field::name);
        let style = if field == chosen { theme.selected } else { theme.dim };
        spans.push(Span::styled(format!(" {name} "), style));
    }
    Line::from(spans)
}

/// The commands that begin as what is typed; one that is whole with what it does.
fn commands(typed: &str) -> String {
    let name = typed.split_whitespace().next().unwrap_or_default();
    if let Some(row) = VERBS.iter().find(|row| row.name == name) {
        return format!("{} {}: {}", row.name, row.argument.unwrap_or_default(), row.help)
            .replace(" :", ":");
    }
    let begin = VERBS.iter().map(|row| row.name).filter(|verb| verb.starts_with(name));
    begin.collect::<Vec<_>>().join("  ")
}

/// How limits are written, and which hold now where a schedule says otherwise.
fn limits(state: &State) -> String {
    let other = state.limits.as_ref().filter(|limits| limits.in_force != (limits.up, limits.down));
    match other {
        Some(Limits { in_force: (up, down), .. }) => {
            format!("for other hours; now up {}, down {}", up.about(), down.about())
        }
        None => "per second: 500K, 2MiB, unlimited; until this node ends".to_owned(),
    }
}

/// What Enter will do.
fn about(state: &State, prompt: &Prompt, theme: &Theme, width: usize) -> Line<'static> {
    let text = match prompt.kind {
        PromptKind::Search => match prompt.field {
            None => "every word must occur in the name or the tags".to_owned(),
            Some(field) => format!("the {field} in full; case and accents do not matter"),
        },
        PromptKind::Filter => "rows that have every word; the network is not asked".to_owned(),
        PromptKind::Share => {
            format!("~ is your home; relative to {}", safe(state.setup.cwd.display()))
        }
        PromptKind::Fetch => "a magnet: or p2pfs: link, or the 40 digits of a SHA-1".to_owned(),
        PromptKind::Join => "p2pfs-join:… or /ip4/…/tcp/…/p2p/…".to_owned(),
        PromptKind::Command => commands(prompt.input.value()),
        PromptKind::Limits => limits(state),
    };
    Line::styled(format!(" {}", truncate(&text, width)), theme.dim)
}
