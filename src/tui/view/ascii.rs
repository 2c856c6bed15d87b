//! The ASCII set: each sign of a finished frame that is beyond ASCII, replaced by one that is not.
//!
//! It works on the frame, so that no text, ours or a peer's, can slip past it.

use ratatui::buffer::Buffer;

/// Replaces every sign beyond ASCII.
pub(super) fn translate(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            let replaced = cell.symbol().chars().next().map_or('?', replacement);
            cell.set_char(replaced);
        }
    }
}

const fn replacement(c: char) -> char {
    match c {
        '─' | '–' | '—' => '-',
        '━' => '=',
        '│' | '‖' => '|',
        '╭' | '╮' | '╰' | '╯' | '✓' => '+',
        '●' => '*',
        '╌' | '·' => '.',
        '…' => '~',
        '↓' => 'v',
        '↑' => '^',
        '←' | '⟨' => '<',
        '→' | '⟩' | '▸' | '›' => '>',
        '✗' => 'x',
        '○' => 'o',
        '◐' => '@',
        '■' => '#',
        '␀'..='␡' => '^',
        _ => '?',
    }
}
