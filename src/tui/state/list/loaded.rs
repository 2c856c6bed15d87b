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
}

impl<R> Default for Loaded<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), shown: Vec::new(), needle: None, cursor: Cursor::default() }
    }
}

impl<R: Row> Loaded<R> {
    /// Takes new rows; the selection follows its thing.
    pub(crate) fn replace(&mut self, rows: Vec<R>, visible: usize) {
        let key = self.selected().map(Row::key);
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
        self.cursor.at = at;
        self.cursor.settle(self.len(), visible);
    }

    fn set_filter(&mut self, needle: Option<Needle>) {
        let key = self.selected().map(Row::key);
        self.needle = needle;
        self.refilter(key, 0);
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
