//! [`Layout`]: where everything is on the screen. Pure: the same state and size, the same places.
//!
//! Both sides use it: `update` to know how far a page is, `view` to draw.
//!
//! ```text
//! wide (120×40 and more)            narrow
//! ┌──────────────────────────┐      ┌──────────────────────────┐
//! │ status                   │      │ status                   │
//! ├───────────┬──────────────┤      │ tabs                     │
//! │ 1 routing │ 3 results    │      │ one pane                 │
//! ├───────────┼──────────────┤      │                          │
//! │ 2 shared  │ 4 transfers  │      │                          │
//! ├───────────┴──────────────┤      │                          │
//! │ activity, or a notice    │      │ activity, or a notice    │
//! │ keys                     │      │ keys                     │
//! └──────────────────────────┘      └──────────────────────────┘
//! ```

use ratatui::layout::{Rect, Size};

use super::pane::Pane;

/// The smallest screen that is drawn.
pub(crate) const SMALLEST: Size = Size { width: 50, height: 15 };
/// From here on all four panes are shown.
pub(crate) const GRID: Size = Size { width: 120, height: 40 };

/// What decides the places, besides the size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrangement {
    /// The pane that keys go to.
    pub(crate) focus: Pane,
    /// Whether it has the screen for itself, with detail.
    pub(crate) zoomed: bool,
    /// Whether the four lines of the first start are shown.
    pub(crate) welcome: bool,
}

/// A pane's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which pane.
    pub(crate) pane: Pane,
    /// Everything, with the frame if there is one.
    pub(crate) outer: Rect,
    /// Whether a frame is drawn around it.
    pub(crate) framed: bool,
}

impl Place {
    /// Inside the frame.
    pub(crate) fn inner(self) -> Rect {
        if self.framed { inset(self.outer) } else { self.outer }
    }

    /// Where the rows are.
    pub(crate) fn rows(self) -> Rect {
        let inner = self.inner();
        let head = self.pane.head_height().min(inner.height);
        Rect { y: inner.y + head, height: inner.height - head, ..inner }
    }

    /// How many rows fit.
    pub(crate) fn visible(self) -> usize {
        usize::from(self.rows().height / self.pane.row_height())
    }
}

/// Every place on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) status: Rect,
    pub(crate) tabs: Option<Rect>,
    pub(crate) welcome: Option<Rect>,
    pub(crate) panes: Vec<Place>,
    pub(crate) detail: Option<Rect>,
    pub(crate) activity: Rect,
    pub(crate) hints: Rect,
}

impl Layout {
    /// The places on a screen of this size, or `None` if it is too small for any of it.
    pub(crate) fn new(size: Size, arrangement: Arrangement) -> Option<Self> {
        if size.width < SMALLEST.width || size.height < SMALLEST.height {
            return None;
        }
        let Arrangement { focus, zoomed, welcome } = arrangement;
        let all_four = size.width >= GRID.width && size.height >= GRID.height && !zoomed;
        let line = |y| Rect::new(0, y, size.width, 1);
        let mut body = Rect::new(0, 1, size.width, size.height - 3);
        let tabs = (!all_four).then(|| take_top(&mut body, 1));
        let welcome = welcome.then(|| {
            let lines = if size.width >= 80 { 6 } else { 8 };
            let height = lines.min(body.height - 4);
            take_top(&mut body, height)
        });
        let (panes, detail) =
            if all_four { (grid(body), None) } else { single(body, focus, zoomed) };
        Some(Self {
            status: line(0),
            tabs,
            welcome,
            panes,
            detail,
            activity: line(size.height - 2),
            hints: line(size.height - 1),
        })
    }

    /// How many rows of a pane fit; none if it is not shown.
    pub(crate) fn visible(&self, pane: Pane) -> usize {
        self.panes.iter().find(|place| place.pane == pane).map_or(0, |place| place.visible())
    }

    /// Whether panes stand side by side.
    pub(crate) fn is_grid(&self) -> bool {
        self.panes.len() > 1
    }
}

/// The area without the cells at its edge.
pub(crate) fn inset(area: Rect) -> Rect {
    Rect::new(
        area.x + 1.min(area.width),
        area.y + 1.min(area.height),
        area.width.saturating_sub(2),
        area.height.saturating_sub(2),
    )
}

fn grid(body: Rect) -> Vec<Place> {
    let left = body.width * 42 / 100;
    let top = body.height / 2;
    let place = |pane, x: u16, y: u16| {
        let width = if x == 0 { left } else { body.width - left };
        let height = if y == 0 { top } else { body.height - top };
        Place { pane, outer: Rect::new(body.x + x, body.y + y, width, height), framed: true }
    };
    vec![
        place(Pane::Routing, 0, 0),
        place(Pane::Shares, 0, top),
        place(Pane::Results, left, 0),
        place(Pane::Transfers, left, top),
    ]
}

fn single(body: Rect, focus: Pane, zoomed: bool) -> (Vec<Place>, Option<Rect>) {
    let place = |outer, framed| vec![Place { pane: focus, outer, framed }];
    if !zoomed {
        return (place(body, false), None);
    }
    let mut rest = body;
    let list = if body.width >= GRID.width {
        let list = Rect { width: body.width * 55 / 100, ..body };
        rest.x += list.width;
        rest.width -= list.width;
        list
    } else {
        take_top(&mut rest, body.height * 2 / 5)
    };
    (place(list, false), Some(rest))
}

fn take_top(area: &mut Rect, height: u16) -> Rect {
    let top = Rect { height, ..*area };
    area.y += height;
    area.height -= height;
    top
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_fill_the_screen_and_never_overlap(
            width in 50_u16..300, height in 15_u16..120, zoomed: bool, welcome: bool, n in 0_usize..4,
        ) {
            let focus = Pane::ALL[n];
            let layout = Layout::new(Size { width, height }, Arrangement { focus, zoomed, welcome })
                .expect("large enough");
            let all: Vec<Rect> = [layout.status, layout.activity, layout.hints]
                .into_iter()
                .chain(layout.tabs)
                .chain(layout.welcome)
                .chain(layout.detail)
                .chain(layout.panes.iter().map(|place| place.outer))
                .collect();
            let covered: u32 = all.iter().map(|area| u32::from(area.width) * u32::from(area.height)).sum();
            prop_assert_eq!(covered, u32::from(width) * u32::from(height));
            for (n, a) in all.iter().enumerate() {
                prop_assert!(all[n + 1..].iter().all(|b| !a.intersects(*b)));
            }
            prop_assert!(layout.visible(focus) > 0);
        }
    }
}
