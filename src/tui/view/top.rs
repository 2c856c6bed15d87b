//! The status line and the tabs.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::application::message::{TransferTotals, Verdict};

use super::{count, grouped, line_with_right, safe};
use crate::tui::{
    state::{Pane, State, list::Scroll},
    theme::Theme,
};

/// Which network, whether others can reach this node and why, and how many peers it has.
pub(super) fn status(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let Some(snapshot) = &state.snapshot else {
        let text = if state.gone { " the node ended" } else { " asking the node…" };
        let line =
            Line::from(vec![Span::styled(" p2pfs ", theme.brand), Span::styled(text, theme.dim)]);
        buf.set_line(place.x, place.y, &line, place.width);
        return;
    };
    let (sign, verdict, style) = match snapshot.reachability.verdict {
        Verdict::Unknown => ("○", "reachability unknown", theme.dim),
        Verdict::Loopback => ("◐", "this machine only", theme.warn),
        Verdict::Lan => ("◐", "local network only", theme.warn),
        Verdict::Public => ("●", "public", theme.good),
    };
    let mut left = vec![
        Span::styled(format!(" {} ", safe(&snapshot.node.network)), theme.brand),
        Span::raw(" "),
    ];
    if state.gone {
        left.push(Span::styled("✗ the node ended; what you see is the last it said", theme.bad));
    } else {
        left.push(Span::styled(format!("{sign} {verdict}"), style));
        left.push(Span::styled(format!(": {}", safe(&snapshot.reachability.reason)), theme.dim));
    }
    let peers = if snapshot.peers == 0 { theme.warn } else { Style::new() };
    let right = Line::styled(format!("{} ", count(snapshot.peers.into(), "peer")), peers);
    line_with_right(&Line::from(left), &right, place, buf);
}

/// The panes by number and name, with how much is in each.
pub(super) fn tabs(state: &State, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let with_counts = place.width >= 70;
    let mut spans = Vec::new();
    for pane in Pane::ALL {
        let here = pane == state.focus;
        let name = if with_counts { pane.title() } else { pane.short_title() };
        let style = if here { theme.selected } else { Style::new() };
        let number = if here { theme.selected } else { theme.key };
        spans.push(Span::styled(format!(" {} ", pane.number()), number));
        spans.push(Span::styled(name, style));
        if with_counts && let Some(n) = amount(state, pane) {
            let count_style = if here { theme.selected } else { theme.dim };
            spans.push(Span::styled(format!(" {}", grouped(n)), count_style));
        }
        spans.push(Span::styled(" ", style));
    }
    buf.set_line(place.x, place.y, &Line::from(spans), place.width);
}

/// How much is in a pane, as far as it is known without reading it.
pub(super) fn amount(state: &State, pane: Pane) -> Option<u64> {
    let snapshot = state.snapshot.as_ref()?;
    Some(match pane {
        Pane::Routing => snapshot.routing.into(),
        Pane::Shares => snapshot.shares.files + snapshot.shares.to_hash + snapshot.shares.failed,
        Pane::Results => {
            state.results.search.as_ref()?;
            state.results.list.len() as u64
        }
        Pane::Transfers => {
            let TransferTotals { active, queued, paused, done, failed } = snapshot.transfers;
            [active, queued, paused, done, failed].map(u64::from).iter().sum()
        }
    })
}
