//! Who brings a transfer: a line for each, under the detail of the transfer.
//!
//! ```text
//! peer             rate  round trip       owes  state
//! …mN4qKkVw  1.20 MiB/s       40 ms   2.00 MiB  serving
//! …xTq81bbc  banned: block 12 has another hash than its proof says
//! ```

use ratatui::{style::Style, text::Line};

use super::{
    count, routing, safe,
    widgets::{
        columns::{Cell, Width, row as columns},
        text::wrap,
    },
};
use crate::{
    application::message::{SourceRow, SourceState, TransferId},
    domain::units,
    tui::{state::State, theme::Theme},
};

/// How wide the end of an identity is.
const PEER: usize = 9;
/// The least width at which all columns are shown.
const ALL: usize = 50;
/// The least width at which states are told in full.
const IN_FULL: usize = 66;

/// The sources of a transfer in at most `room` lines; nothing where there are none.
pub(super) fn lines(
    state: &State,
    theme: &Theme,
    id: TransferId,
    width: usize,
    room: usize,
) -> Vec<Line<'static>> {
    let rows = state.transfers.sources.of(id).unwrap_or_default();
    if rows.is_empty() || room < 2 {
        return Vec::new();
    }
    let heading = theme.dim.patch(theme.heading);
    let trip = if width >= IN_FULL { "round trip" } else { "rtt" };
    let head = ["peer", "rate", trip, "owes", "state"];
    let mut lines = vec![cells(width, head.map(str::to_owned), [heading; 3])];
    for (n, row) in rows.iter().enumerate() {
        let next = line(row, theme, width);
        let others = &rows[n..];
        // The last line says how many are left out.
        let last = usize::from(others.len() > 1);
        if lines.len() + next.len() + last > room {
            lines.push(Line::styled(left_out(others), theme.dim));
            break;
        }
        lines.extend(next);
    }
    lines
}

/// Says how many there is no room for, and never nothing of one that is banned.
fn left_out(rows: &[SourceRow]) -> String {
    let is_banned = |row: &&SourceRow| matches!(row.state, SourceState::Banned { .. });
    let more = count(rows.len() as u64, "more peer");
    match rows.iter().filter(is_banned).count() {
        0 => format!("and {more}"),
        banned => format!("and {more}, {banned} banned"),
    }
}

fn cells(width: usize, texts: [String; 5], styles: [Style; 3]) -> Line<'static> {
    let [peer, rate, rtt, owes, what] = texts;
    let mut cells =
        vec![Cell::new(peer, Width::Fixed(PEER), styles[0]), Cell::right(rate, 10, styles[1])];
    if width >= ALL {
        cells.push(Cell::right(rtt, if width >= IN_FULL { 10 } else { 6 }, styles[1]));
        cells.push(Cell::right(owes, 8, styles[1]));
    }
    cells.push(Cell::new(what, Width::Share(1), styles[2]));
    columns(width, cells)
}

fn line(row: &SourceRow, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let peer = routing::short_id(&row.peer);
    let (what, style) = match &row.state {
        SourceState::Serving => ("serving".to_owned(), theme.good),
        SourceState::Waiting(ahead) if width < IN_FULL => (format!("{ahead} before"), theme.dim),
        SourceState::Waiting(0) => ("our turn comes next".to_owned(), theme.dim),
        SourceState::Waiting(ahead) => {
            (format!("serves {} first", count(u64::from(*ahead), "other")), theme.dim)
        }
        SourceState::Stalled if width < IN_FULL => ("silent".to_owned(), theme.warn),
        SourceState::Stalled => ("silent for too long".to_owned(), theme.warn),
        SourceState::Banned { evidence } => return banned(peer, evidence, theme, width),
    };
    let rate = units::rate(row.rate);
    let rtt = row.rtt_ms.map_or_else(|| "-".to_owned(), routing::round_trip);
    let texts = [peer, rate, rtt, units::bytes(row.outstanding), what];
    vec![cells(width, texts, [Style::new(), Style::new(), style])]
}

/// The evidence takes the place of everything else, and as many lines as it needs.
fn banned(peer: String, evidence: &str, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let room = width.saturating_sub(PEER + 2);
    let parts = wrap(&format!("banned: {}", safe(evidence)), room).into_iter().enumerate();
    let line = |(n, part): (usize, String)| {
        let peer = if n == 0 { peer.clone() } else { String::new() };
        let cells = vec![
            Cell::new(peer, Width::Fixed(PEER), Style::new()),
            Cell::new(part, Width::Share(1), theme.bad),
        ];
        columns(width, cells)
    };
    parts.map(line).collect()
}
