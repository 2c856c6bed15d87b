//! How the state looks. Pure: the same state, theme and size draw the same frame.
//!
//! Text that somebody else chose comes here as [`crate::domain::Untrusted`], or passes through
//! [`crate::domain::untrusted::visible`] on its way to the screen.

mod ascii;
mod bottom;
mod overlay;
mod pane;
mod prompt;
mod question;
mod results;
mod routing;
mod shares;
mod sources;
mod top;
mod transfer_detail;
mod transfers;
mod welcome;
mod widgets;

use std::fmt;

use ratatui::{Frame, buffer::Buffer, layout::Size, text::Line};

use super::state::{Mode, State, layout::SMALLEST};
pub use super::theme::Theme;
use crate::domain::untrusted;

/// Draws the state.
pub fn view(state: &State, theme: &Theme, frame: &mut Frame<'_>) {
    let size = frame.area().as_size();
    let cursor = draw(state, theme, size, frame.buffer_mut());
    if theme.ascii {
        ascii::translate(frame.buffer_mut());
    }
    if let Some(position) = cursor {
        frame.set_cursor_position(position);
    }
}

/// Draws everything; says where the cursor is, if text is being typed.
fn draw(state: &State, theme: &Theme, size: Size, buf: &mut Buffer) -> Option<(u16, u16)> {
    let Some(layout) = state.layout_on(size) else {
        too_small(theme, buf);
        return None;
    };
    top::status(state, theme, layout.status, buf);
    if let Some(tabs) = layout.tabs {
        top::tabs(state, theme, tabs, buf);
    }
    if let Some(place) = layout.welcome {
        welcome::draw(state, theme, place, buf);
    }
    for place in &layout.panes {
        pane::draw(state, theme, *place, buf);
    }
    if let Some(place) = layout.detail {
        pane::detail(state, theme, place, buf);
    }
    bottom::activity(state, theme, layout.activity, buf);
    bottom::hints(state, theme, layout.hints, buf);
    match &state.mode {
        Mode::Browse => None,
        Mode::Prompt(prompt) => prompt::draw(state, prompt, theme, buf),
        Mode::Question(question) => {
            question::draw(question, theme, buf);
            None
        }
        Mode::Overlay(overlay) => {
            overlay::draw(state, overlay, theme, buf);
            None
        }
    }
}

fn too_small(theme: &Theme, buf: &mut Buffer) {
    let area = buf.area;
    let text = format!(
        "This screen is {}×{}. Make it at least {}×{}; q leaves.",
        area.width, area.height, SMALLEST.width, SMALLEST.height
    );
    let lines = widgets::text::paragraph(&text, area.width.into(), theme.warn);
    widgets::popup::lines(&lines, area, buf);
}

/// A text that may come from a peer, safe to show.
fn safe(text: impl fmt::Display) -> String {
    untrusted::visible(&text.to_string())
}

/// `12,345`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `12,345 files`.
fn count(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Draws a line with another at its right end, which has priority.
fn line_with_right(
    left: &Line<'_>,
    right: &Line<'_>,
    place: ratatui::layout::Rect,
    buf: &mut Buffer,
) {
    let taken = u16::try_from(right.width()).unwrap_or(u16::MAX).min(place.width);
    let room = place.width - taken;
    buf.set_line(place.x + room, place.y, right, taken);
    let left_room = room.saturating_sub(1);
    buf.set_line(place.x, place.y, left, left_room);
    if left.width() > usize::from(left_room) && left_room > 0 {
        buf[(place.x + left_room - 1, place.y)].set_char('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            (grouped(7), grouped(1_234), grouped(100_000)),
            ("7".into(), "1,234".into(), "100,000".into())
        );
        assert_eq!((count(1, "file"), count(0, "file")), ("1 file".into(), "0 files".into()));
    }
}
