//! What a search has found: one row for each content, with everybody who says he has it.

use std::collections::{BTreeMap, HashMap};

use libp2p_identity::PeerId;

use crate::{
    application::{
        catalog::Catalog,
        message::{Page, ResultRow, Window},
    },
    domain::{ContentId, Link, Manifest, Sha1Hash, Tags, Untrusted},
};

/// Sources kept of one content.
const MAX_SOURCES: usize = 64;
/// Different names counted of one content.
const MAX_NAMES: usize = 16;

/// The rows of a search. Every change has a generation, so that a client can ask for what is new.
#[derive(Debug, Default)]
pub(super) struct Rows {
    by_content: HashMap<ContentId, Row>,
    variants: HashMap<Sha1Hash, u32>,
    generation: u64,
}

/// One content.
#[derive(Debug, Clone)]
pub(super) struct Row {
    content: ContentId,
    /// What it is called, and by how many.
    names: BTreeMap<String, u32>,
    media_type: Option<String>,
    tags: Tags,
    sources: Vec<PeerId>,
    generation: u64,
    variant: bool,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.by_content.len()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes in what a peer says it has; `false` if that is one content too many.
    pub(super) fn insert(&mut self, manifest: Manifest, from: PeerId, limit: u32) -> bool {
        let content = manifest.content;
        if !self.by_content.contains_key(&content) {
            if self.by_content.len() >= limit as usize {
                return false;
            }
            self.count_variant(&content);
        }
        let generation = self.generation + 1;
        let variant = self.variants.get(&content.sha1).is_some_and(|n| *n > 1);
        let row = self.by_content.entry(content).or_insert_with(|| Row {
            content,
            names: BTreeMap::new(),
            media_type: manifest.media_type,
            tags: manifest.tags,
            sources: Vec::new(),
            generation,
            variant,
        });
        if row.sources.len() >= MAX_SOURCES || row.sources.contains(&from) {
            return true;
        }
        row.sources.push(from);
        if row.names.len() < MAX_NAMES || row.names.contains_key(&manifest.name) {
            *row.names.entry(manifest.name).or_default() += 1;
        }
        row.generation = generation;
        self.generation = generation;
        true
    }

    /// A second content with the same SHA-1 makes variants of both.
    fn count_variant(&mut self, content: &ContentId) {
        let count = self.variants.entry(content.sha1).or_default();
        *count += 1;
        if *count > 1 {
            self.generation += 1;
            let same = self.by_content.values_mut().filter(|row| row.content.sha1 == content.sha1);
            for row in same {
                row.variant = true;
                row.generation = self.generation;
            }
        }
    }

    pub(super) fn sources(&self, content: &ContentId) -> Vec<PeerId> {
        self.by_content.get(content).map(|row| row.sources.clone()).unwrap_or_default()
    }

    /// Rows that changed since a generation, those with most sources first.
    pub(super) fn page(&self, since: u64, window: Window) -> Page<Row> {
        let mut rows: Vec<&Row> =
            self.by_content.values().filter(|row| row.generation > since).collect();
        rows.sort_unstable_by(|a, b| {
            (b.sources.len(), a.name(), &a.content).cmp(&(a.sources.len(), b.name(), &b.content))
        });
        window.page(rows.into_iter().cloned(), self.generation)
    }
}

impl Row {
    /// The most attested name; the first by the alphabet where several are.
    fn name(&self) -> &str {
        let most = self.names.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
        most.map_or("", |(name, _)| name)
    }

    pub(super) fn present(self, ours: &Catalog, own: PeerId) -> ResultRow {
        let name = self.name().to_owned();
        let have = self.sources.contains(&own) || ours.by_root(&self.content.root).is_some();
        ResultRow {
            link: Link::of(&self.content, &name),
            name: Untrusted::new(name),
            content: self.content,
            media_type: self.media_type,
            tags: self.tags.into(),
            sources: self.sources,
            variant: self.variant,
            have,
            generation: self.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Root;

    fn manifest(name: &str, sha1: u8, root: u8) -> Manifest {
        Manifest {
            name: name.into(),
            content: ContentId {
                sha1: Sha1Hash::from_bytes([sha1; 20]),
                root: Root::from_bytes([root; 32]),
                size: 1,
            },
            media_type: None,
            tags: Tags::default(),
        }
    }

    fn names(rows: &Rows, since: u64) -> Vec<(String, usize)> {
        let page = rows.page(since, Window::first(100));
        page.rows.iter().map(|row| (row.name().to_owned(), row.sources.len())).collect()
    }

    #[test]
    fn rows_grow_by_sources_and_tell_what_changed() {
        let (a, b, c) = (PeerId::random(), PeerId::random(), PeerId::random());
        let mut rows = Rows::default();
        assert!(rows.insert(manifest("one", 1, 1), a, 10));
        assert!(rows.insert(manifest("two", 2, 2), a, 10));
        let seen = rows.generation();
        assert!(rows.insert(manifest("two", 2, 2), a, 10));
        assert!(names(&rows, seen).is_empty());
        assert!(rows.insert(manifest("2", 2, 2), b, 10));
        assert!(rows.insert(manifest("two", 2, 2), c, 10));
        assert_eq!(names(&rows, seen), [("two".to_owned(), 3)]);
        assert_eq!(names(&rows, 0), [("two".to_owned(), 3), ("one".to_owned(), 1)]);
        assert_eq!(rows.sources(&manifest("", 2, 2).content).len(), 3);
    }

    #[test]
    fn one_sha1_with_two_roots_is_two_rows_with_a_warning() {
        let mut rows = Rows::default();
        rows.insert(manifest("a", 1, 1), PeerId::random(), 10);
        let seen = rows.generation();
        rows.insert(manifest("b", 1, 2), PeerId::random(), 10);
        let page = rows.page(seen, Window::first(10));
        assert_eq!(page.rows.len(), 2);
        assert!(page.rows.iter().all(|row| row.variant));
    }

    #[test]
    fn the_limit_holds_for_contents_and_not_for_sources() {
        let mut rows = Rows::default();
        assert!(rows.insert(manifest("a", 1, 1), PeerId::random(), 1));
        assert!(!rows.insert(manifest("b", 2, 2), PeerId::random(), 1));
        assert!(rows.insert(manifest("a", 1, 1), PeerId::random(), 1));
        assert_eq!(names(&rows, 0), [("a".to_owned(), 2)]);
    }
}
