//! Lists that are scrolled, filtered and change while one looks at them.
//!
//! Invariant: the selection is the first row, whatever comes there, until somebody moves it; from
//! then on it stays on the same thing when rows move, and only when the thing is gone does it
//! stay at the same place. [`Loaded`] has all its rows; [`Windowed`] reads what is
//! visible, because the list may have a hundred thousand.

mod cursor;
mod loaded;
mod needle;
mod windowed;

pub(crate) use cursor::Cursor;
pub(crate) use loaded::Loaded;
pub(crate) use needle::Needle;
pub(crate) use windowed::{Reading, Windowed};

/// Something that stands in a list.
pub(crate) trait Row {
    /// What makes it the same thing when it moved or changed.
    type Key: PartialEq + Clone + std::fmt::Debug;

    /// What makes it the same thing.
    fn key(&self) -> Self::Key;

    /// What a filter looks at.
    fn text(&self) -> String;
}

/// What every list can do, whatever is in it.
pub(crate) trait Scroll {
    /// Rows that can be scrolled to.
    fn len(&self) -> usize;

    /// Where the selection is.
    fn cursor(&self) -> Cursor;

    /// Moves the selection; `visible` rows fit on the screen.
    fn move_to(&mut self, at: usize, visible: usize);

    /// The selection stays on its thing from now on, as if it had been moved there.
    fn hold(&mut self);

    /// Shows only what matches, or everything.
    fn set_filter(&mut self, needle: Option<Needle>);

    /// The filter, if there is one.
    fn filter(&self) -> Option<&Needle>;

    /// Moves the selection by some rows.
    fn step(&mut self, by: isize, visible: usize) {
        self.move_to(self.cursor().at.saturating_add_signed(by), visible);
    }
}
