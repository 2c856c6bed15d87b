//! Bytes with their proofs: the bao encoding of a span, checked against the root.
//!
//! A response is nothing but hashes and data in pre-order, so what must come follows from the
//! size and the range alone: no length is ever taken from the wire.

use std::{io, ops::Range};

use bao_tree::{
    BaoTree, BlockSize, ChunkNum, ChunkRanges,
    io::{
        BaoContentItem,
        sync::{DecodeResponseIter, Outboard, ReadAt, encode_ranges_validated},
    },
    iter::BaoChunk,
};
use bytes::Bytes;

use crate::domain::{
    Root,
    blocks::{BLOCK, MAX_FILE, SPAN},
};

/// The tree's leaves are blocks: 16 KiB, 2^4 chunks of BLAKE3.
pub const BLOCK_SIZE: BlockSize = BlockSize::from_chunk_log(4);
/// Bytes in a chunk of BLAKE3.
const CHUNK: u64 = 1024;
/// Bytes of a parent in an encoding: two hashes.
const PARENT: usize = 64;

/// The bytes are not what the root says, or not enough came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A hash does not fit: whoever sent this sent something else.
    #[error("the bytes do not belong to this content: {0}")]
    Mismatch(String),
    /// The range does not lie on blocks within the file, or is longer than a span.
    #[error("bytes {start}..{end} of {size} cannot be proven")]
    Range {
        /// First byte.
        start: u64,
        /// Byte after the last.
        end: u64,
        /// Bytes in the file.
        size: u64,
    },
}

/// Pairs by where they lie in an outboard.
struct Pairs(std::collections::BTreeMap<u64, [u8; PARENT]>);

impl ReadAt for Pairs {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(pair) = self.0.get(&offset) else { return Ok(0) };
        let length = buffer.len().min(PARENT);
        buffer[..length].copy_from_slice(&pair[..length]);
        Ok(length)
    }
}

/// A range of bytes of a file that can be proven: blocks of it, at most a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provable {
    tree: BaoTree,
    bytes: Range<u64>,
    chunks: ChunkRanges,
}

impl Provable {
    /// Checks that a range lies on blocks within a file.
    ///
    /// # Errors
    /// When it does not, or is empty or longer than a span.
    pub fn new(size: u64, bytes: Range<u64>) -> Result<Self, ProofError> {
        let Range { start, end } = bytes;
        let fits = size <= MAX_FILE
            && start < end
            && end <= size
            && end - start <= SPAN
            && start.is_multiple_of(BLOCK)
            && (end.is_multiple_of(BLOCK) || end == size);
        if !fits {
            return Err(ProofError::Range { start, end, size });
        }
        let tree = BaoTree::new(size, BLOCK_SIZE);
        let chunks = ChunkRanges::from(ChunkNum(start / CHUNK)..ChunkNum(end.div_ceil(CHUNK)));
        Ok(Self { tree, bytes, chunks })
    }

    /// The blocks of the range.
    #[must_use]
    pub fn blocks(&self) -> Range<u64> {
        self.bytes.start / BLOCK..self.bytes.end.div_ceil(BLOCK)
    }

    /// Bytes in the whole file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The range with its proofs, read from a file, and from pairs as of its outboard.
    ///
    /// # Errors
    /// When the file cannot be read, or the pairs do not belong to it.
    pub fn encode_with(&self, data: impl ReadAt, root: &Root, pairs: &[u8]) -> io::Result<Vec<u8>> {
        let parents = super::tree::Tree::new(self.size()).parents(self.blocks());
        let (chunks, _) = pairs.as_chunks::<PARENT>();
        let at = parents.map(|parent| parent.index * PARENT as u64);
        let outboard = bao_tree::io::outboard::PreOrderOutboard {
            root: blake3::Hash::from_bytes(*root.as_bytes()),
            tree: self.tree,
            data: Pairs(at.zip(chunks.iter().copied()).collect()),
        };
        self.encode(data, &outboard)
    }

    /// How many bytes the range has with its proofs.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let parts = self.tree.ranges_pre_order_chunks_iter_ref(&self.chunks, 0);
        parts
            .map(|part| match part {
                BaoChunk::Parent { .. } => PARENT,
                BaoChunk::Leaf { size, .. } => size,
            })
            .sum()
    }

    /// The range with its proofs, read from a file and its outboard; what does not fit the
    /// outboard's root is an error, so that a changed file is never served as its old self.
    ///
    /// # Errors
    /// When the file or the outboard cannot be read, or they do not belong together.
    pub fn encode(&self, data: impl ReadAt, outboard: impl Outboard) -> io::Result<Vec<u8>> {
        let mut encoded = Vec::with_capacity(self.encoded_len());
        encode_ranges_validated(data, outboard, &self.chunks, &mut encoded)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        Ok(encoded)
    }

    /// Checks a response against the root and returns the bytes of the range in order, block by
    /// block.
    ///
    /// # Errors
    /// When a single bit is not what the root says.
    pub fn decode(&self, root: &Root, encoded: &[u8]) -> Result<Vec<Bytes>, ProofError> {
        let root = blake3::Hash::from_bytes(*root.as_bytes());
        let mut blocks = Vec::new();
        let mut next = self.bytes.start;
        for item in DecodeResponseIter::new(root, self.tree, encoded, &self.chunks) {
            match item.map_err(|error| ProofError::Mismatch(error.to_string()))? {
                BaoContentItem::Parent(_) => {}
                BaoContentItem::Leaf(leaf) => {
                    if leaf.offset != next {
                        return Err(ProofError::Mismatch("blocks are out of order".to_owned()));
                    }
                    next += leaf.data.len() as u64;
                    blocks.push(leaf.data);
                }
            }
        }
        if next == self.bytes.end {
            Ok(blocks)
        } else {
            Err(ProofError::Mismatch("blocks are missing".to_owned()))
        }
    }
}

/// Whether a root is that of the empty file, which has no block that could be proven.
#[must_use]
pub fn is_root_of_nothing(root: &Root) -> bool {
    blake3::hash(b"").as_bytes() == root.as_bytes()
}

#[cfg(test)]
mod tests {
    use bao_tree::io::outboard::PreOrderMemOutboard;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::blocks;

    fn file(size: u64) -> Vec<u8> {
        (0..size).map(|n| (n * n / 7 + n) as u8).collect()
    }

    fn encode(data: &[u8], bytes: Range<u64>) -> (Provable, Root, Vec<u8>) {
        let provable = Provable::new(data.len() as u64, bytes).expect("range");
        let outboard = PreOrderMemOutboard::create(data, BLOCK_SIZE);
        let root = Root::from_bytes(*outboard.root.as_bytes());
        let encoded = provable.encode(data, outboard).expect("encodes");
        (provable, root, encoded)
    }

    #[test]
    fn what_was_encoded_decodes_and_has_the_expected_length() {
        for size in
            [1, 1024, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, SPAN + BLOCK, 2 * SPAN + 9]
        {
            let data = file(size);
            for index in 0..blocks::span_count(size) {
                let bytes = blocks::span(size, index).expect("span");
                let (provable, root, encoded) = encode(&data, bytes.clone());
                assert_eq!(encoded.len(), provable.encoded_len(), "{size} {index}");
                let decoded = provable.decode(&root, &encoded).expect("proven").concat();
                assert_eq!(decoded, data[bytes.start as usize..bytes.end as usize]);
            }
        }
    }

    #[test]
    fn a_wrong_size_cannot_be_proven() {
        let size = 5 * BLOCK + 100;
        let data = file(size);
        for claimed in [1, BLOCK, size - 1, size + 1, 8 * BLOCK, 100 * BLOCK, MAX_FILE] {
            let last = blocks::last_block(claimed).expect("a block");
            let theirs = Provable::new(claimed, last).expect("range");
            // The best a liar can do is to send true bytes in the shape that is expected.
            let (_, root, mut encoded) = encode(&data, blocks::last_block(size).expect("a block"));
            encoded.resize(theirs.encoded_len(), 0);
            assert!(theirs.decode(&root, &encoded).is_err(), "{claimed}");
        }
    }

    #[test]
    fn ranges_off_the_blocks_are_refused() {
        for (size, bytes) in [
            (100, 0..101),
            (100, 1..100),
            (3 * BLOCK, 0..BLOCK + 1),
            (3 * SPAN, 0..SPAN + BLOCK),
            (0, 0..0),
            (u64::MAX, 0..BLOCK),
        ] {
            assert!(Provable::new(size, bytes.clone()).is_err(), "{size} {bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_changed_bit_goes_unnoticed(size in 1_u64..200_000, at: prop::sample::Index, bit in 0..8) {
            let data = file(size);
            let (provable, root, mut encoded) = encode(&data, blocks::last_block(size).expect("a block"));
            let at = at.index(encoded.len());
            encoded[at] ^= 1_u8 << bit;
            prop_assert!(provable.decode(&root, &encoded).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes: Vec<u8>, size in 1_u64..MAX_FILE) {
            let provable = Provable::new(size, blocks::last_block(size).expect("a block")).expect("range");
            prop_assert!(provable.decode(&Root::from_bytes([9; 32]), &bytes).is_err());
        }
    }
}
