//! A question before something that cannot be undone, or that has two answers.

use std::path::Path;

use ratatui::{
    buffer::Buffer,
    style::Style,
    text::{Line, Span},
};

use super::{
    count, safe,
    widgets::{
        popup,
        text::{cut_start, paragraph, wrap},
    },
};
use crate::{
    domain::{units, untrusted::truncate},
    tui::{state::Question, theme::Theme},
};

/// How wide the keys before the answers are.
const KEYS: usize = 4;
/// What stands before the path of a folder.
const ALL_IN: &str = "everything in ";
/// The most lines that a name or a path takes, so that the answers are always seen.
const LINES: usize = 3;

pub(super) fn draw(question: &Question, theme: &Theme, buf: &mut Buffer) {
    let area = buf.area;
    let width = area.width.saturating_sub(4).min(80);
    let inner_width = usize::from(width).saturating_sub(4);
    let (title, text, answers) = wording(question, inner_width);
    let mut lines = paragraph(&text, inner_width, Style::new());
    lines.push(Line::default());
    for (key, answer) in answers {
        for (n, part) in wrap(&answer, inner_width.saturating_sub(KEYS)).into_iter().enumerate() {
            let key = if n == 0 { key } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{key:KEYS$}"), theme.key),
                Span::raw(part),
            ]));
        }
    }
    let height = u16::try_from(lines.len() + 2).unwrap_or(area.height);
    let title = Line::styled(format!(" {title} "), theme.heading);
    let inner = popup::popup(area, (width, height), title, theme.warn, buf);
    let inner =
        ratatui::layout::Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    popup::lines(&lines, inner, buf);
}

type Wording = (&'static str, String, Vec<(&'static str, String)>);

/// The words, for lines of `width` columns.
fn wording(question: &Question, width: usize) -> Wording {
    let no = |text: &str| ("n", text.to_owned());
    match question {
        Question::Leave { transfers } => (
            "Leave?",
            format!(
                "{} would stop until this node runs again. To let a node go on without a terminal, run p2pfs-tui daemon.",
                count((*transfers).into(), "transfer")
            ),
            vec![("y", "leave".to_owned()), no("stay")],
        ),
        Question::Cancel { name, done, .. } => (
            "Stop this transfer?",
            format!(
                "{}: what has arrived ({}) is deleted.",
                truncate(name, LINES * width),
                units::bytes(*done)
            ),
            vec![("y", "stop it".to_owned()), no("go on")],
        ),
        Question::Unshare { path, folder } => {
            let mut answers = vec![("y", "this file".to_owned())];
            if let Some(folder) = folder {
                let room = width.saturating_sub(KEYS + ALL_IN.len());
                answers.push(("r", format!("{ALL_IN}{}", path_end(folder, room))));
            }
            answers.push(no("nothing"));
            ("What to stop sharing?", path_end(path, LINES * width), answers)
        }
    }
}

/// The end of a path, which tells it from others.
fn path_end(path: &Path, width: usize) -> String {
    cut_start(&safe(path.display()), width)
}
