//! Everything that is known of the selected transfer, and who brings it.

use ratatui::text::Line;

use super::{
    count, grouped, routing, safe, sources, transfers,
    widgets::text::{field, styled_field},
};
use crate::{
    application::message::{Failure, Rate, TransferRow, TransferState},
    domain::units,
    tui::{state::State, theme::Theme},
};

/// The least lines for who brings a transfer.
const LEAST_SOURCES: usize = 6;

/// Everything that is known of the selected transfer, in at most `height` lines. Who brings it
/// goes before what the list tells too, and before the link, which can be copied unseen.
pub(super) fn lines(
    state: &State,
    theme: &Theme,
    width: usize,
    height: usize,
) -> Option<Vec<Line<'static>>> {
    let row = state.transfers.list.selected()?;
    let mut facts = facts(row, state.now_ms, theme, width);
    let wanted = sources::lines(state, theme, row.transfer, width, LEAST_SOURCES).len();
    leave_out(&mut facts, height.saturating_sub(wanted), wanted > 0);
    let mut lines: Vec<Line<'static>> = facts.into_iter().flat_map(|fact| fact.lines).collect();
    let room = height.saturating_sub(lines.len());
    let brought_by = sources::lines(state, theme, row.transfer, width, room);
    let mut link = styled_field(theme, "link", &safe(&row.link), width, theme.accent);
    if !brought_by.is_empty() && link.len() > room.saturating_sub(brought_by.len()) {
        link = field(theme, "link", "y copies it", width);
    }
    let gaps = !brought_by.is_empty() && brought_by.len() + link.len() + 2 <= room;
    lines.extend(gaps.then(Line::default));
    lines.extend(brought_by);
    lines.extend(gaps.then(Line::default));
    lines.extend(link);
    Some(lines)
}

/// Something about a transfer.
struct Fact {
    lines: Vec<Line<'static>>,
    /// What is left out first where there is little room has the most; 0 always stays.
    spare: u8,
}

/// Leaves out what can be spared until the rest fits into `room` lines, if somebody needs them.
fn leave_out(facts: &mut Vec<Fact>, room: usize, needed: bool) {
    while needed && facts.iter().map(|fact| fact.lines.len()).sum::<usize>() > room {
        let most = facts.iter().map(|fact| fact.spare).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        facts.retain(|fact| fact.spare < most);
    }
}

fn facts(row: &TransferRow, now_ms: u64, theme: &Theme, width: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |spare, lines| facts.push(Fact { lines, spare });
    add(7, field(theme, "name", &row.name.to_string(), width));
    let (text, style) = transfers::standing(row, now_ms, theme);
    let text = if row.state == TransferState::Done { "done, verified".to_owned() } else { text };
    let spare = if row.state == TransferState::Fetching { 6 } else { 0 };
    add(spare, styled_field(theme, "state", text.trim_start(), width, style));
    if let TransferState::Waiting { why: Failure { hint: Some(hint), .. }, .. } = &row.state {
        add(0, field(theme, "", &safe(hint), width));
    }
    let file = if row.state == TransferState::Done { "file" } else { "will be" };
    add(1, styled_field(theme, file, &safe(row.path.display()), width, theme.accent));
    let size = match row.size {
        Some(size) => format!("{} ({} bytes)", units::bytes(size), grouped(size)),
        None => "not known yet".to_owned(),
    };
    let files = row.files.map(|files| format!(" in {}", count(files.into(), "file")));
    add(5, field(theme, "size", &format!("{size}{}", files.unwrap_or_default()), width));
    let verified =
        format!("{} of {}", units::bytes(row.done), row.size.map_or("?".into(), units::bytes));
    add(4, field(theme, "verified", &verified, width));
    if let Some(queue) = queue(row) {
        add(2, field(theme, "queue", &queue, width));
    }
    if row.uploaded > 0 {
        let given = format!("{} to others", units::bytes(row.uploaded));
        add(3, field(theme, "given", &given, width));
    }
    add(2, field(theme, "peers", &peers(row), width));
    facts
}

/// What a person decided of how it runs, if anything.
fn queue(row: &TransferRow) -> Option<String> {
    let priority = (row.priority != 0).then(|| format!("priority {:+}", row.priority));
    let limit = row.limit.map(|limit| format!("at most {}", Rate(Some(limit)).about()));
    let said: Vec<String> = [priority, limit].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn peers(row: &TransferRow) -> String {
    if row.sources == 0 && row.banned == 0 {
        return "none known".to_owned();
    }
    let mut text = count(row.sources.into(), "peer");
    if row.talking > 0 {
        text = format!("{text}, {} in use", row.talking);
    }
    if let Some(from) = &row.from {
        text = format!("{text}, most from {}", routing::short_id(from));
    }
    if row.banned > 0 {
        text = format!("{text}; {} banned", row.banned);
    }
    text
}
