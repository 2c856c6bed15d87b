//! [`Windowed`]: a list that stays at the node; only what is visible, and a margin, is read.
//!
//! One read is under way at most. A filter reads through the whole list once, page by page, and
//! again when the list changed, but then not more often than every few seconds.

use crate::application::message::{Page, Window};

use super::{Cursor, Needle, Row, Scroll};

/// Rows read above and below the screen, so that scrolling does not wait.
const MARGIN: usize = 100;
/// The most rows that a filter keeps.
pub(crate) const MOST_FOUND: usize = 2_000;
/// Rows shown above the selection when a filter is taken away.
const CONTEXT: usize = 5;
/// How long a filtered list may be out of date, in milliseconds.
const RESCAN_MS: u64 = 3_000;

/// A read that was sent; given back with its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What was asked for.
    pub(crate) window: Window,
    /// The newest state of the list that was known when asking.
    generation: u64,
    /// Which filter it was for; 0 is none.
    scan: u64,
}

/// A list whose rows are read as they are needed.
#[derive(Debug)]
pub(crate) struct Windowed<R: Row> {
    total: usize,
    offset: usize,
    rows: Vec<R>,
    /// What the selection is on, even while its row is not here.
    anchor: Option<R::Key>,
    cursor: Cursor,
    /// Whether somebody chose what is selected.
    chosen: bool,
    /// The state of the list that `rows` are of; `None` before the first read.
    held: Option<u64>,
    /// The newest state that the node told of.
    known: u64,
    reading: bool,
    /// The state and the place at which a read failed: not asked for again until either changes.
    gave_up: Option<(u64, usize)>,
    /// Why the last read failed.
    failure: Option<String>,
    filter: Option<Filter<R>>,
    scans: u64,
}

/// Reading through the list, keeping what matches.
#[derive(Debug)]
struct Filter<R> {
    needle: Needle,
    id: u64,
    /// Where to read on; `None` when the end was reached.
    next: Option<u64>,
    /// Matches that are shown, each with its place in the whole list.
    found: Vec<(usize, R)>,
    /// Matches of a later read, which replace `found` when it is whole.
    coming: Vec<(usize, R)>,
    /// Whether `found` is of a whole read.
    whole: bool,
    generation: u64,
    ended_ms: u64,
}

impl<R: Row> Default for Windowed<R> {
    fn default() -> Self {
        Self {
            total: 0,
            offset: 0,
            rows: Vec::new(),
            anchor: None,
            cursor: Cursor::default(),
            chosen: false,
            held: None,
            known: 0,
            reading: false,
            gave_up: None,
            failure: None,
            filter: None,
            scans: 0,
        }
    }
}

impl<R: Row> Windowed<R> {
    /// The node told of a newer state.
    pub(crate) fn heard(&mut self, generation: u64) {
        self.known = self.known.max(generation);
    }

    /// What should be read now, if anything.
    pub(crate) fn next_read(&mut self, visible: usize, now_ms: u64) -> Option<Reading> {
        if self.reading {
            return None;
        }
        let (window, scan) = match &mut self.filter {
            Some(filter) => {
                let due = now_ms.saturating_sub(filter.ended_ms) >= RESCAN_MS;
                if filter.next.is_none() && filter.generation < self.known && due {
                    filter.next = Some(0);
                    filter.generation = self.known;
                }
                (Window { offset: filter.next?, limit: Window::MAX }, filter.id)
            }
            None => (self.wanted_window(visible)?, 0),
        };
        self.reading = true;
        Some(Reading { window, generation: self.known, scan })
    }

    fn wanted_window(&self, visible: usize) -> Option<Window> {
        let bottom = (self.cursor.top + visible).min(self.total);
        let here = self.offset..self.offset + self.rows.len();
        let covered = self.cursor.top >= here.start && bottom <= here.end;
        let gave_up = self.gave_up == Some((self.known, self.cursor.top));
        if gave_up || (self.held == Some(self.known) && covered) {
            return None;
        }
        let offset = self.cursor.top.saturating_sub(MARGIN) as u64;
        let limit = u32::try_from(visible + 2 * MARGIN).unwrap_or(Window::MAX).min(Window::MAX);
        Some(Window { offset, limit })
    }

    /// A read could not be sent; it is tried again with whatever happens next.
    pub(crate) fn refused(&mut self) {
        self.reading = false;
    }

    /// What is here may be wrong: it is read again with whatever happens next.
    pub(crate) fn read_again(&mut self) {
        self.held = None;
    }

    /// A read failed; it is tried again when the list changes, or another part of it is wanted.
    pub(crate) fn failed(&mut self, why: &str) {
        self.reading = false;
        self.failure = Some(why.to_owned());
        self.gave_up = Some((self.known, self.cursor.top));
        self.held = Some(self.known);
        if let Some(filter) = &mut self.filter {
            filter.next = None;
        }
    }

    /// Takes what was read.
    pub(crate) fn accept(&mut self, reading: Reading, page: Page<R>, visible: usize, now_ms: u64) {
        if reading.scan != self.filter.as_ref().map_or(0, |filter| filter.id) {
            return; // For a filter that was changed since.
        }
        self.reading = false;
        self.failure = None;
        self.known = self.known.max(page.generation);
        self.total = to_index(page.total);
        let generation = page.generation.max(reading.generation);
        if let Some(filter) = &mut self.filter {
            filter.accept(page, generation, now_ms);
        } else {
            self.held = Some(generation);
            self.offset = to_index(page.offset);
            self.rows = page.rows;
        }
        self.chosen &= self.total > 0;
        let same = self.anchor.as_ref().filter(|_| self.chosen).and_then(|key| self.place_of(key));
        self.cursor.at = same.unwrap_or(self.cursor.at);
        self.cursor.settle(self.len(), visible);
        self.anchor = self.selected().map(Row::key).or(self.anchor.take());
    }

    fn place_of(&self, key: &R::Key) -> Option<usize> {
        match &self.filter {
            Some(filter) => filter.found.iter().position(|(_, row)| row.key() == *key),
            None => {
                let n = self.rows.iter().position(|row| row.key() == *key)?;
                Some(self.offset + n)
            }
        }
    }

    /// Selects a thing: where it is, or else the first row, where new things come.
    pub(crate) fn select(&mut self, key: &R::Key, visible: usize) {
        let place = self.place_of(key);
        self.move_to(place.unwrap_or(0), visible);
        self.chosen = place.is_some();
    }

    /// Changes a row wherever it is here.
    pub(crate) fn update(&mut self, row: &R)
    where
        R: Clone,
    {
        let found = self.filter.iter_mut().flat_map(|filter| &mut filter.found).map(|(_, r)| r);
        for old in self.rows.iter_mut().chain(found).filter(|old| old.key() == row.key()) {
            old.clone_from(row);
        }
    }

    /// Rows that are here, whatever the filter.
    pub(crate) fn here(&self) -> &[R] {
        &self.rows
    }

    /// Whether the list was read at least once.
    pub(crate) fn is_read(&self) -> bool {
        self.held.is_some() || self.filter.is_some()
    }

    /// Why the last read failed, if it did.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// How long the list is without a filter.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// How many rows the filter has read through, while it has not seen all of them.
    pub(crate) fn scanned(&self) -> Option<u64> {
        let filter = self.filter.as_ref()?;
        (!filter.whole).then(|| filter.next.unwrap_or(0))
    }

    /// A row, if it is here.
    pub(crate) fn get(&self, at: usize) -> Option<&R> {
        match &self.filter {
            Some(filter) => filter.found.get(at).map(|(_, row)| row),
            None => self.rows.get(at.checked_sub(self.offset)?),
        }
    }

    /// The selected row, if it is here.
    pub(crate) fn selected(&self) -> Option<&R> {
        self.get(self.cursor.at)
    }
}

impl<R: Row> Filter<R> {
    fn new(needle: Needle, id: u64, generation: u64) -> Self {
        let (found, coming) = (Vec::new(), Vec::new());
        Self { needle, id, next: Some(0), found, coming, whole: false, generation, ended_ms: 0 }
    }

    fn accept(&mut self, page: Page<R>, generation: u64, now_ms: u64) {
        let first = to_index(page.offset);
        let read = page.offset + page.rows.len() as u64;
        let kept = if self.whole { &mut self.coming } else { &mut self.found };
        let room = MOST_FOUND.saturating_sub(kept.len());
        let numbered = page.rows.into_iter().enumerate().map(|(n, row)| (first + n, row));
        kept.extend(numbered.filter(|(_, row)| self.needle.matches(&row.text())).take(room));
        let more = read > page.offset && read < page.total && kept.len() < MOST_FOUND;
        self.next = more.then_some(read);
        if !more {
            if self.whole {
                self.found = std::mem::take(&mut self.coming);
            }
            (self.whole, self.generation, self.ended_ms) = (true, generation, now_ms);
        }
    }
}

impl<R: Row> Scroll for Windowed<R> {
    fn len(&self) -> usize {
        self.filter.as_ref().map_or(self.total, |filter| filter.found.len())
    }

    fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn move_to(&mut self, at: usize, visible: usize) {
        let before = std::mem::replace(&mut self.cursor.at, at);
        self.cursor.settle(self.len(), visible);
        self.chosen |= self.cursor.at != before;
        self.anchor = self.selected().map(Row::key);
    }

    fn hold(&mut self) {
        self.chosen = true;
    }

    fn set_filter(&mut self, needle: Option<Needle>) {
        let selected = self.filter.as_ref().and_then(|filter| filter.found.get(self.cursor.at));
        let place = selected.map_or(0, |(place, _)| *place);
        self.scans += 1;
        self.reading = false;
        self.held = None;
        self.filter = needle.map(|needle| Filter::new(needle, self.scans, self.known));
        self.cursor = match self.filter {
            Some(_) => Cursor::default(),
            None => Cursor { at: place, top: place.saturating_sub(CONTEXT) },
        };
        // A row that a filter led to was chosen by it.
        self.chosen = place > 0;
    }

    fn filter(&self) -> Option<&Needle> {
        self.filter.as_ref().map(|filter| &filter.needle)
    }
}

/// A position as the node counts, as it is counted here.
fn to_index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Numbered(u64);

    impl Row for Numbered {
        type Key = u64;
        fn key(&self) -> u64 {
            self.0
        }
        fn text(&self) -> String {
            format!("row {}", self.0)
        }
    }

    /// Answers reads out of `rows` until nothing more is wanted; says how many rows were sent.
    fn settle(list: &mut Windowed<Numbered>, rows: &[u64], generation: u64, now_ms: u64) -> usize {
        list.heard(generation);
        let mut sent = 0;
        while let Some(reading) = list.next_read(20, now_ms) {
            let page = reading.window.page(rows.iter().map(|n| Numbered(*n)), generation);
            sent += page.rows.len();
            list.accept(reading, page, 20, now_ms);
        }
        sent
    }

    #[test]
    fn only_what_is_visible_is_read() {
        let rows: Vec<u64> = (0..100_000).collect();
        let mut list = Windowed::default();
        assert_eq!(settle(&mut list, &rows, 1, 0), 220);
        list.step(50, 20);
        assert_eq!(settle(&mut list, &rows, 1, 0), 0);
        list.move_to(usize::MAX, 20);
        assert_eq!(settle(&mut list, &rows, 1, 0), 120);
        assert_eq!(list.selected(), Some(&Numbered(99_999)));
    }

    #[test]
    fn the_selection_follows_its_thing() {
        let mut list = Windowed::default();
        settle(&mut list, &[10, 20, 30], 1, 0);
        list.move_to(1, 20);
        settle(&mut list, &[5, 6, 10, 20, 30], 2, 0);
        assert_eq!((list.cursor().at, list.selected()), (3, Some(&Numbered(20))));
    }

    #[test]
    fn the_first_row_is_selected_until_somebody_moves() {
        let mut list = Windowed::default();
        settle(&mut list, &[10, 20], 1, 0);
        settle(&mut list, &[5, 10, 20], 2, 0);
        assert_eq!(list.selected(), Some(&Numbered(5)));
        list.move_to(2, 20);
        list.select(&10, 20);
        settle(&mut list, &[1, 5, 10, 20], 3, 0);
        assert_eq!(list.selected(), Some(&Numbered(10)));
        // What has just begun is not here yet: it comes on top.
        list.select(&0, 20);
        settle(&mut list, &[0, 1, 5, 10, 20], 4, 0);
        assert_eq!(list.selected(), Some(&Numbered(0)));
    }

    #[test]
    fn a_filter_reads_through_everything_and_leads_back() {
        let rows: Vec<u64> = (0..5_000).collect();
        let mut list = Windowed::default();
        settle(&mut list, &rows, 1, 0);
        list.set_filter(Needle::new("4321"));
        assert_eq!(settle(&mut list, &rows, 1, 0), 5_000);
        assert_eq!((list.len(), list.selected()), (1, Some(&Numbered(4_321))));
        // The list changed: it is read again, but not at once.
        assert_eq!(settle(&mut list, &rows, 2, RESCAN_MS - 1), 0);
        assert_eq!(settle(&mut list, &rows, 2, RESCAN_MS), 5_000);
        list.set_filter(None);
        settle(&mut list, &rows, 2, 0);
        assert_eq!(list.selected(), Some(&Numbered(4_321)));
    }

    #[test]
    fn a_read_that_fails_is_not_asked_for_forever() {
        let mut list: Windowed<Numbered> = Windowed::default();
        list.heard(1);
        assert!(list.next_read(20, 0).is_some());
        list.refused();
        assert!(list.next_read(20, 0).is_some());
        list.failed("the disk is gone");
        assert_eq!(list.next_read(20, 0), None);
        list.heard(2);
        assert!(list.next_read(20, 0).is_some());
    }

    #[test]
    fn a_generation_that_is_never_reached_is_not_asked_for_forever() {
        let mut list = Windowed::default();
        list.heard(7);
        let reading = list.next_read(20, 0).expect("a read");
        list.accept(reading, Window::first(20).page([Numbered(1)].into_iter(), 0), 20, 0);
        assert_eq!(list.next_read(20, 0), None);
    }
}
