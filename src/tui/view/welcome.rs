//! The four lines of the first start: what is shared, where downloads go, how to find something,
//! and who can see what. They block nothing.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    count, safe,
    widgets::{popup, text::wrap},
};
use crate::tui::{state::State, theme::Theme};

/// How wide the names before the lines are.
const NAMES: usize = 9;

pub(super) fn draw(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let title = Line::from(vec![
        Span::styled(" Welcome ", theme.heading),
        Span::styled("Esc closes this ", theme.dim),
    ]);
    let inner = popup::framed(place, title, theme.accent, buf);
    let width = usize::from(inner.width).saturating_sub(NAMES + 1);
    let mut lines = Vec::new();
    for (name, text) in four_lines(state) {
        for (n, part) in wrap(&text, width).into_iter().enumerate() {
            let name = if n == 0 { name } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!(" {name:NAMES$}"), theme.key),
                Span::raw(part),
            ]));
        }
    }
    popup::lines(&lines, inner, buf);
}

fn four_lines(state: &State) -> [(&'static str, String); 4] {
    let roots = &state.shares.roots;
    let shared = match roots.as_slice() {
        [] => "nothing yet; press a to share a folder".to_owned(),
        [only] => format!("{} ({})", safe(only.path.display()), count(only.files, "file")),
        [first, rest @ ..] => {
            let files = roots.iter().map(|root| root.files).sum();
            let (path, rest) = (safe(first.path.display()), rest.len());
            format!("{} in {path} and {rest} more", count(files, "file"))
        }
    };
    let downloads = state
        .snapshot
        .as_ref()
        .map_or_else(|| "…".to_owned(), |snapshot| safe(snapshot.node.download_dir.display()));
    [
        ("Shared", shared),
        ("Saved to", downloads),
        ("Find", "press s and type words; Enter fetches".to_owned()),
        ("Visible", "peers see your address; the peers you ask see your search words".to_owned()),
    ]
}
