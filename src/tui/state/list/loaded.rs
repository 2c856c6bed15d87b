//! [`Loaded`]: a list with all its rows here.

use super::{Cursor, Needle, Row, Scroll};

/// A list with all its rows.
#[derive(Debug)]
pub(crate) struct Loaded<R> {
    rows: Vec<R>,
    /// Rows that pass the filter.
    shown: Vec<usize>,
    needle: Option<Needle>,
    cursor: Cursor,
    /// Whether somebody chose what is selected.
    held: bool,
}

impl<R> Default for Loaded<R> {
    fn default() -> Self {
        let (rows, shown, cursor) = (Vec::new(), Vec::new(), Cursor::default());
        Self { rows, shown, needle: None, cursor, held: false }
    }
}

impl<R: Row> Loaded<R> {
    /// Takes new rows; a selection that somebody chose follows its thing.
    pub(crate) fn replace(&mut self, rows: Vec<R>, visible: usize) {
        let key = self.selected().filter(|_| self.held).map(Row::key);
        self.held &= !rows.is_empty();
        self.rows = rows;
        self.refilter(key, visible);
    }

    /// Every row, whatever the filter.
    pub(crate) fn all(&self) -> &[R] {
        &self.rows
    }

    /// The rows, to be changed and given back with [`Loaded::replace`]; the selection is kept.
    pub(crate) fn to_vec(&self) -> Vec<R>
    where
        R: Clone,
    {
        self.rows.clone()
    }

    /// A row that passes the filter.
    pub(crate) fn get(&self, at: usize) -> Option<&R> {
        self.rows.get(*self.shown.get(at)?)
    }

    /// The selected row.
    pub(crate) fn selected(&self) -> Option<&R> {
        self.get(self.cursor.at)
    }

    fn refilter(&mut self, key: Option<R::Key>, visible: usize) {
        let passes = |row: &R| self.needle.as_ref().is_none_or(|n| n.matches(&row.text()));
        self.shown =
            self.rows.iter().enumerate().filter(|(_, r)| passes(r)).map(|(n, _)| n).collect();
        let same = key.and_then(|key| self.shown.iter().position(|n| self.rows[*n].key() == key));
        self.cursor.at = same.unwrap_or(self.cursor.at);
        self.cursor.settle(self.shown.len(), visible);
    }
}

impl<R: Row> Scroll for Loaded<R> {
    fn len(&self) -> usize {
        self.shown.len()
    }

    fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn move_to(&mut self, at: usize, visible: usize) {
        let before = std::mem::replace(&mut self.cursor.at, at);
        self.cursor.settle(self.len(), visible);
        self.held |= self.cursor.at != before;
    }

    fn hold(&mut self) {
        self.held = true;
    }

    fn set_filter(&mut self, needle: Option<Needle>) {
        let key = self.selected().map(Row::key);
        self.needle = needle;
        self.refilter(key, 0);
        // A row that a filter led to was chosen by it.
        self.held |= self.cursor.at > 0;
    }

    fn filter(&self) -> Option<&Needle> {
        self.needle.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Row for &'static str {
        type Key = &'static str;
        fn key(&self) -> Self::Key {
            self
        }
        fn text(&self) -> String {
            (*self).to_owned()
        }
    }

    #[test]
    fn the_first_row_is_selected_until_somebody_moves() {
        let mut list = Loaded::default();
        list.replace(vec!["c"], 2);
        list.replace(vec!["b", "c"], 2);
        list.step(0, 2);
        list.replace(vec!["a", "b", "c"], 2);
        assert_eq!((list.selected(), list.cursor().top), (Some(&"a"), 0));
        list.step(1, 2);
        list.step(-1, 2);
        list.replace(vec!["0", "a", "b", "c"], 2);
        assert_eq!(list.selected(), Some(&"a"));
        list.replace(vec![], 2);
        list.replace(vec!["z"], 2);
        list.replace(vec!["y", "z"], 2);
        assert_eq!(list.selected(), Some(&"y"));
    }

    #[test]
    fn the_selection_follows_its_thing() {
        let mut list = Loaded::default();
        list.replace(vec!["b", "c"], 5);
        list.move_to(1, 5);
        list.replace(vec!["a", "b", "c"], 5);
        assert_eq!(list.selected(), Some(&"c"));
        list.replace(vec!["a", "b"], 5);
        assert_eq!(list.selected(), Some(&"b"));
        list.set_filter(Needle::new("a"));
        assert_eq!((list.len(), list.selected()), (1, Some(&"a")));
        list.set_filter(None);
        assert_eq!((list.len(), list.selected()), (2, Some(&"a")));
    }
}
