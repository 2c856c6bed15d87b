//! A framed box over everything else.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::Line,
    widgets::{Block, BorderType, Clear, Widget},
};

/// Draws a frame with a title in the middle of `area`; gives the place inside.
pub(in crate::tui::view) fn popup(
    area: Rect,
    (width, height): (u16, u16),
    title: Line<'_>,
    border: Style,
    buf: &mut Buffer,
) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    framed(place, title, border, buf)
}

/// Draws a frame with a title at a place; gives the place inside.
pub(in crate::tui::view) fn framed(
    place: Rect,
    title: Line<'_>,
    border: Style,
    buf: &mut Buffer,
) -> Rect {
    Clear.render(place, buf);
    let block =
        Block::bordered().border_type(BorderType::Rounded).border_style(border).title(title);
    let inner = block.inner(place);
    block.render(place, buf);
    inner
}

/// Draws lines from the top of a place, as many as fit.
pub(in crate::tui::view) fn lines(lines: &[Line<'_>], place: Rect, buf: &mut Buffer) {
    for (line, y) in lines.iter().zip(place.top()..place.bottom()) {
        buf.set_line(place.x, y, line, place.width);
    }
}
