//! A question before something that cannot be undone, or that has two answers.

use ratatui::{
    buffer::Buffer,
    style::Style,
    text::{Line, Span},
};

use super::{
    count, safe,
    widgets::{popup, text::paragraph},
};
use crate::{
    domain::units,
    tui::{state::Question, theme::Theme},
};

pub(super) fn draw(question: &Question, theme: &Theme, buf: &mut Buffer) {
    let area = buf.area;
    let width = area.width.saturating_sub(4).min(70);
    let inner_width = usize::from(width).saturating_sub(4);
    let (title, text, answers) = wording(question);
    let mut lines = paragraph(&text, inner_width, Style::new());
    lines.push(Line::default());
    for (key, answer) in answers {
        lines
            .push(Line::from(vec![Span::styled(format!("{key:4}"), theme.key), Span::raw(answer)]));
    }
    let height = u16::try_from(lines.len() + 2).unwrap_or(area.height);
    let title = Line::styled(format!(" {title} "), theme.heading);
    let inner = popup::popup(area, (width, height), title, theme.warn, buf);
    let inner =
        ratatui::layout::Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    popup::lines(&lines, inner, buf);
}

type Wording = (&'static str, String, Vec<(&'static str, String)>);

fn wording(question: &Question) -> Wording {
    let no = |text: &str| ("n", text.to_owned());
    match question {
        Question::Leave { transfers } => (
            "Leave?",
            format!(
                "{} would stop. To let a node go on without a terminal, run p2pfs-tui daemon.",
                count((*transfers).into(), "transfer")
            ),
            vec![("y", "leave".to_owned()), no("stay")],
        ),
        Question::Cancel { name, done, .. } => (
            "Stop this transfer?",
            format!("{name}: what has arrived ({}) is deleted.", units::bytes(*done)),
            vec![("y", "stop it".to_owned()), no("go on")],
        ),
        Question::Unshare { path, folder } => {
            let mut answers = vec![("y", "this file".to_owned())];
            if let Some(folder) = folder {
                answers.push(("r", format!("everything in {}", safe(folder.display()))));
            }
            answers.push(no("nothing"));
            ("What to stop sharing?", safe(path.display()), answers)
        }
    }
}
