//! The last search: how far it is, and what it found.

use crate::{
    application::message::{Page, ResultRow, SearchId, SearchRow},
    domain::{ContentId, query::QueryText},
};

use super::list::{Loaded, Row};

/// What the pane of results knows.
#[derive(Debug, Default)]
pub(crate) struct ResultsPane {
    /// What was found: what we lack before what we have, best attested first.
    pub(crate) list: Loaded<ResultRow>,
    /// The search, if there was one.
    pub(crate) search: Option<Search>,
}

/// A search as the screen knows it.
#[derive(Debug)]
pub(crate) struct Search {
    /// What was asked.
    pub(crate) query: QueryText,
    /// Its name at the node, once it has one.
    pub(crate) id: Option<SearchId>,
    /// How far it is.
    pub(crate) row: Option<SearchRow>,
    /// Why it could not even begin, and what to do.
    pub(crate) failure: Option<(String, Option<String>)>,
    /// The newest generation that the node told of.
    known: u64,
    /// Rows up to this generation are here.
    held: u64,
    /// A read was asked for, whatever the generations say.
    again: bool,
    reading: bool,
}

impl Row for ResultRow {
    type Key = ContentId;

    fn key(&self) -> ContentId {
        self.content
    }

    fn text(&self) -> String {
        let tags = [&self.tags.artist, &self.tags.title, &self.tags.album];
        let tags: Vec<&str> = tags.into_iter().flatten().map(|tag| tag.raw()).collect();
        format!("{} {}", self.name.raw(), tags.join(" "))
    }
}

impl ResultsPane {
    /// A search begins; the one before it is forgotten. Gives its name, to be closed.
    pub(super) fn begin(&mut self, query: QueryText) -> Option<SearchId> {
        self.list.replace(Vec::new(), 0);
        let before = self.search.replace(Search {
            query,
            id: None,
            row: None,
            failure: None,
            known: 0,
            held: 0,
            again: false,
            reading: false,
        });
        before.and_then(|search| search.id)
    }

    /// The node named the search.
    pub(super) fn began(&mut self, id: SearchId) {
        if let Some(search) = &mut self.search {
            search.id = Some(id);
            search.again = true;
            // Rows of other searches may have come before the name did.
            search.row.take_if(|row| row.search != id);
        }
    }

    /// The search made progress.
    pub(super) fn heard(&mut self, row: SearchRow) {
        let Some(search) = &mut self.search else { return };
        if search.id.is_none_or(|id| id == row.search) && row.query == search.query {
            search.known = search.known.max(row.generation);
            search.row = Some(row);
        }
    }

    /// Something outside the search may have changed what we have of it.
    pub(super) fn read_again(&mut self) {
        if let Some(search) = &mut self.search {
            (search.again, search.held) = (true, 0);
        }
    }

    /// Which rows should be read now; the answer is taken as a promise to do so.
    pub(super) fn next_read(&mut self) -> Option<(SearchId, u64)> {
        let search = self.search.as_mut()?;
        let id = search.id?;
        if search.reading || !(search.again || search.held < search.known) {
            return None;
        }
        (search.reading, search.again) = (true, false);
        let since = search.held;
        // Should the reply name an older generation, we would otherwise ask forever.
        search.held = search.known;
        Some((id, since))
    }

    /// Takes rows that changed.
    pub(super) fn accept(&mut self, id: SearchId, page: Page<ResultRow>, visible: usize) {
        let Some(search) = self.search.as_mut().filter(|search| search.id == Some(id)) else {
            return;
        };
        search.reading = false;
        search.held = search.held.max(page.generation);
        search.known = search.known.max(page.generation);
        let mut rows = self.list.to_vec();
        for row in page.rows {
            match rows.iter_mut().find(|old| old.content == row.content) {
                Some(old) => *old = row,
                None => rows.push(row),
            }
        }
        // What we have goes last. Stable: among equals, what came first stays first.
        rows.sort_by_key(|row| (row.have, std::cmp::Reverse(row.sources.len())));
        self.list.replace(rows, visible);
    }

    /// The read could not be sent; it is tried again with whatever happens next.
    pub(super) fn refused(&mut self) {
        if let Some(search) = &mut self.search {
            // Rows that are here already come once more and change nothing.
            (search.reading, search.again, search.held) = (false, true, 0);
        }
    }

    /// Nobody will answer any more.
    pub(super) fn node_gone(&mut self) {
        if let Some(search) = self.search.as_mut().filter(|search| search.is_running()) {
            let hint = "start p2pfs-tui again, then ask once more".to_owned();
            search.failure = Some(("the node ended before it answered".to_owned(), Some(hint)));
        }
    }

    /// A read failed; the next hint tries again.
    pub(super) fn read_failed(&mut self, id: SearchId) {
        if let Some(search) = self.search.as_mut().filter(|search| search.id == Some(id)) {
            search.reading = false;
        }
    }
}

impl Search {
    /// Whether the node still looks.
    pub(crate) fn is_running(&self) -> bool {
        self.failure.is_none() && self.row.as_ref().is_none_or(|row| row.end.is_none())
    }
}
