//! Changes that nobody was told of yet, in order.
//!
//! A hundred thousand files may have to wait for whoever announces them, so a file that was added
//! is only its number here. One that is gone before it was told is not told at all, nor is its end.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use super::{super::Change as Told, Library};
use crate::application::{
    catalog::{Catalog, Number, SharedFile},
    message::Notice,
};

/// A change that was not told yet.
#[derive(Debug)]
pub(super) enum Change {
    Added(Number),
    Removed(Number, Arc<SharedFile>),
    Notice(Notice),
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Untold {
    changes: VecDeque<Change>,
    /// Files that were gone before anybody was told of them.
    unheard: HashSet<Number>,
}

impl Untold {
    pub(super) fn push(&mut self, change: Change) {
        self.changes.push_back(change);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn next(&mut self, catalog: &Catalog) -> Option<Told> {
        loop {
            match self.changes.pop_front()? {
                Change::Notice(notice) => return Some(Told::Notice(notice)),
                Change::Added(number) => match catalog.get(number) {
                    Some(file) => return Some(Told::Added(Arc::new(file))),
                    None => drop(self.unheard.insert(number)),
                },
                Change::Removed(number, file) => {
                    if !self.unheard.remove(&number) {
                        return Some(Told::Removed(file));
                    }
                }
            }
        }
    }
}

impl Library {
    /// Something to tell a person.
    pub(in super::super) fn notify(&mut self, notice: Notice) {
        self.untold.push(Change::Notice(notice));
    }

    /// What was not told yet, oldest first.
    pub(in super::super) fn next_change(&mut self) -> Option<Told> {
        self.untold.next(&self.catalog)
    }
}
