//! The BLAKE3 half: spans in, one after the other, the root and the outboard out.
//!
//! Holds one CV for each level of the tree above spans, so its memory grows with the logarithm of
//! the file.

use std::{io, ops::Range};

use super::outboard::Unfinished;
use crate::{
    domain::{Root, blocks::block_count},
    network::content::tree::{Cv, PAIR, Parent, Tree, merge},
};

/// The tree of a file that is being read.
pub(super) struct Spans {
    tree: Tree,
    /// The first block that did not come yet.
    next: u64,
    /// CVs of finished left subtrees, the outermost first.
    lefts: Vec<Cv>,
    root: Option<Cv>,
    /// The pairs of one span, to be used again.
    pairs: Vec<u8>,
    outboard: Unfinished,
}

impl Spans {
    /// The tree of a file of `size` bytes: more than a span.
    pub(super) fn new(size: u64, outboard: Unfinished) -> Self {
        let tree = Tree::new(size);
        Self { tree, next: 0, lefts: Vec::new(), root: None, pairs: Vec::new(), outboard }
    }

    /// The next span, whole: only the last one of a file is short.
    ///
    /// # Errors
    /// When the outboard cannot be written.
    pub(super) fn push(&mut self, data: &[u8]) -> io::Result<()> {
        let blocks = self.next..self.next + block_count(data.len() as u64);
        self.next = blocks.end;
        let parents: Vec<Parent> = self.tree.parents(blocks.clone()).collect();
        let is_above = |parent: &Parent| len(&parent.blocks) > len(&blocks);
        let (above, within) = parents.split_at(parents.partition_point(is_above));

        let cvs = self.tree.block_cvs(blocks.start, data);
        self.pairs.clear();
        let mut cv = self.tree.subtree(&cvs, &mut self.pairs);
        if let Some(first) = within.first() {
            self.outboard.write(first.index, &self.pairs)?;
        }
        // What ends with this span is finished, from the inside out.
        for parent in above.iter().rev() {
            if parent.blocks.end != blocks.end {
                self.lefts.push(cv);
                return Ok(());
            }
            let left = self.lefts.pop().ok_or_else(out_of_order)?;
            let mut pair = [0; PAIR];
            pair[..PAIR / 2].copy_from_slice(&left);
            pair[PAIR / 2..].copy_from_slice(&cv);
            self.outboard.write(parent.index, &pair)?;
            cv = merge(&pair, parent.index == 0);
        }
        self.root = Some(cv);
        Ok(())
    }

    /// The root, and the outboard that is still to be kept.
    ///
    /// # Errors
    /// When spans are missing.
    pub(super) fn finish(self) -> io::Result<(Root, Unfinished)> {
        let root = self.root.ok_or_else(out_of_order)?;
        Ok((Root::from_bytes(root), self.outboard))
    }
}

fn len(blocks: &Range<u64>) -> u64 {
    blocks.end - blocks.start
}

fn out_of_order() -> io::Error {
    io::Error::other("spans of a file were not hashed in order")
}
