//! The tree of hashes over a file's blocks: its shape, its hashes, and what proves a range.
//!
//! BLAKE3 is a binary tree: a block's *chaining value* (CV) and its sibling's make their parent's,
//! up to the root. With blocks as leaves, n blocks have n - 1 parents, each a pair of CVs: 64
//! bytes. They are numbered in pre-order, and so they lie in an outboard. A left subtree has the
//! largest power of two of blocks that leaves something for the right one (BLAKE3 paper,
//! section 2.1), so blocks of one span always are one subtree, with consecutive numbers.
//!
//! A *proof* of a range is the pairs of all parents above its blocks, in pre-order. How many they
//! are follows from the size and the range alone: no length is ever taken from the wire.
//!
//! Pure: nothing here reads or writes.

use std::ops::Range;

use blake3::{
    Hasher,
    hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root},
};

use crate::domain::{
    Root,
    blocks::{BLOCK, block_count},
};

/// Bytes of a parent: the CVs of its two children.
pub const PAIR: usize = 64;

/// The hash of a block or of a subtree, as its parent has it.
pub type Cv = [u8; 32];

/// A hash does not fit: the bytes are not what the root says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A parent in a proof has another hash than the one above says.
    #[error("a proof does not lead to the root, at parent {0}")]
    Parent(u64),
    /// A block has another hash than its proof says.
    #[error("block {0} has another hash than its proof says")]
    Block(u64),
    /// A proof has another length than its range needs.
    #[error("a proof of the wrong length")]
    Length,
}

/// The tree of a file of some size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    blocks: u64,
}

/// A parent in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its number in pre-order: where its pair lies in the outboard, in pairs.
    pub index: u64,
    /// The blocks below it.
    pub blocks: Range<u64>,
}

impl Tree {
    /// The tree of a file of `size` bytes.
    #[must_use]
    pub const fn new(size: u64) -> Self {
        Self { blocks: block_count(size) }
    }

    /// How many blocks it has.
    #[must_use]
    pub const fn blocks(self) -> u64 {
        self.blocks
    }

    /// Bytes of all its parents.
    #[must_use]
    pub const fn outboard_len(self) -> u64 {
        self.blocks.saturating_sub(1) * PAIR as u64
    }

    /// The parents above a range of blocks, in pre-order.
    #[must_use]
    pub fn parents(self, range: Range<u64>) -> Parents {
        Parents { range, stack: vec![Parent { index: 0, blocks: 0..self.blocks }] }
    }

    /// Bytes of the proof of a range of blocks.
    #[must_use]
    pub fn proof_len(self, range: Range<u64>) -> usize {
        self.parents(range).count() * PAIR
    }

    /// Checks a proof against the root; returns the CV that each block of the range must have.
    ///
    /// # Errors
    /// When one bit of it is not what the root says.
    pub fn verify(self, root: &Root, range: Range<u64>, proof: &[u8]) -> Result<Vec<Cv>, Mismatch> {
        let (pairs, rest) = proof.as_chunks::<PAIR>();
        let mut pairs = pairs.iter();
        let mut leaves = Vec::new();
        let mut stack = vec![(Parent { index: 0, blocks: 0..self.blocks }, *root.as_bytes())];
        while let Some((parent, expected)) = stack.pop() {
            if !overlap(&parent.blocks, &range) {
                continue;
            }
            if len(&parent.blocks) == 1 {
                leaves.push(expected);
                continue;
            }
            let pair = pairs.next().ok_or(Mismatch::Length)?;
            let whole = len(&parent.blocks) == self.blocks;
            if merge(pair, whole) != expected {
                return Err(Mismatch::Parent(parent.index));
            }
            let (left, right) = children(&parent);
            let (left_cv, right_cv) = halves(pair);
            stack.push((right, right_cv));
            stack.push((left, left_cv));
        }
        if pairs.next().is_some() || !rest.is_empty() {
            return Err(Mismatch::Length);
        }
        Ok(leaves)
    }

    /// The CV of a block, from its bytes.
    #[must_use]
    pub fn block_cv(self, index: u64, data: &[u8]) -> Cv {
        if self.blocks <= 1 {
            return *blake3::hash(data).as_bytes();
        }
        Hasher::new().set_input_offset(index * BLOCK).update(data).finalize_non_root()
    }

    /// The CVs of consecutive blocks, the first of which is `first`, from their bytes.
    #[must_use]
    pub fn block_cvs(self, first: u64, data: &[u8]) -> Vec<Cv> {
        let blocks = data.chunks(usize::try_from(BLOCK).unwrap_or(usize::MAX));
        blocks.zip(first..).map(|(block, index)| self.block_cv(index, block)).collect()
    }

    /// Checks the bytes of a block against the CV that a proof gave it.
    ///
    /// # Errors
    /// When they are others.
    pub fn check_block(self, index: u64, data: &[u8], expected: &Cv) -> Result<(), Mismatch> {
        if self.block_cv(index, data) == *expected { Ok(()) } else { Err(Mismatch::Block(index)) }
    }

    /// The parents of the subtree over consecutive blocks with these CVs, appended to `pairs` in
    /// pre-order, and its own CV. The blocks must be one subtree: a span, or the whole file.
    pub fn subtree(self, cvs: &[Cv], pairs: &mut Vec<u8>) -> Cv {
        if let [only] = cvs {
            return *only;
        }
        let place = pairs.len();
        pairs.resize(place + PAIR, 0);
        let (left, right) = cvs.split_at(split(cvs.len() as u64) as usize);
        let (left, right) = (self.subtree(left, pairs), self.subtree(right, pairs));
        pairs[place..place + 32].copy_from_slice(&left);
        pairs[place + 32..place + PAIR].copy_from_slice(&right);
        merge_cvs(&left, &right, cvs.len() as u64 == self.blocks)
    }
}

/// Walks the parents above a range.
#[derive(Debug)]
pub struct Parents {
    range: Range<u64>,
    stack: Vec<Parent>,
}

impl Iterator for Parents {
    type Item = Parent;

    fn next(&mut self) -> Option<Parent> {
        loop {
            let parent = self.stack.pop()?;
            if len(&parent.blocks) < 2 || !overlap(&parent.blocks, &self.range) {
                continue;
            }
            let (left, right) = children(&parent);
            self.stack.push(right);
            self.stack.push(left);
            return Some(parent);
        }
    }
}

/// The hash of a pair: its parent's CV, or the root.
#[must_use]
pub fn merge(pair: &[u8; PAIR], root: bool) -> Cv {
    let (left, right) = halves(pair);
    merge_cvs(&left, &right, root)
}

fn merge_cvs(left: &Cv, right: &Cv, root: bool) -> Cv {
    if root {
        *merge_subtrees_root(left, right, Mode::Hash).as_bytes()
    } else {
        merge_subtrees_non_root(left, right, Mode::Hash)
    }
}

fn halves(pair: &[u8; PAIR]) -> (Cv, Cv) {
    let (mut left, mut right) = ([0; 32], [0; 32]);
    left.copy_from_slice(&pair[..32]);
    right.copy_from_slice(&pair[32..]);
    (left, right)
}

fn children(parent: &Parent) -> (Parent, Parent) {
    let Range { start, end } = parent.blocks;
    let left = split(end - start);
    (
        Parent { index: parent.index + 1, blocks: start..start + left },
        // The left subtree has one parent less than blocks.
        Parent { index: parent.index + left, blocks: start + left..end },
    )
}

/// Blocks of the left subtree: the largest power of two that leaves something for the right one.
const fn split(blocks: u64) -> u64 {
    1 << (blocks - 1).ilog2()
}

fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Whether a root is that of the empty file, which has no block that could be proven.
#[must_use]
pub fn is_root_of_nothing(root: &Root) -> bool {
    blake3::hash(b"").as_bytes() == root.as_bytes()
}

#[cfg(test)]
mod tests;
