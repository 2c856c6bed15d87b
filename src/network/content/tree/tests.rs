use bao_tree::{BlockSize, io::outboard::PreOrderMemOutboard};
use proptest::prelude::*;

use super::*;
use crate::domain::blocks::{self, SPAN};

fn file(size: u64) -> Vec<u8> {
    (0..size).map(|n| (n * n / 7 + n) as u8).collect()
}

/// The tree of some bytes as we make it: root and outboard.
fn build(data: &[u8]) -> (Tree, Root, Vec<u8>) {
    let tree = Tree::new(data.len() as u64);
    let mut pairs = Vec::new();
    let root = tree.subtree(&tree.block_cvs(0, data), &mut pairs);
    (tree, Root::from_bytes(root), pairs)
}

fn proof(tree: Tree, outboard: &[u8], range: Range<u64>) -> Vec<u8> {
    let pair = |parent: Parent| &outboard[parent.index as usize * PAIR..][..PAIR];
    tree.parents(range).flat_map(pair).copied().collect()
}

const SIZES: [u64; 9] = [
    1,
    1024,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    3 * BLOCK + 5,
    SPAN + BLOCK,
    2 * SPAN + 9,
    5 * SPAN + 3 * BLOCK + 1,
];

#[test]
fn roots_and_outboards_are_those_of_blake3_and_bao() {
    for size in SIZES {
        let data = file(size);
        let (tree, root, outboard) = build(&data);
        assert_eq!(root.as_bytes(), blake3::hash(&data).as_bytes(), "{size}");
        assert_eq!(outboard.len() as u64, tree.outboard_len());
        let theirs = PreOrderMemOutboard::create(&data, BlockSize::from_chunk_log(4));
        assert_eq!(outboard, theirs.data, "{size}");
    }
}

#[test]
fn what_is_proven_has_the_right_blocks_and_the_expected_length() {
    for size in SIZES {
        let data = file(size);
        let (tree, root, outboard) = build(&data);
        for start in 0..tree.blocks().min(70) {
            for end in start + 1..=tree.blocks().min(start + 70) {
                let proof = proof(tree, &outboard, start..end);
                assert_eq!(proof.len(), tree.proof_len(start..end));
                let cvs = tree.verify(&root, start..end, &proof).expect("proven");
                assert_eq!(cvs.len() as u64, end - start);
                let block = &data[(start * BLOCK) as usize..][..cvs_len(size, start)];
                tree.check_block(start, block, &cvs[0]).expect("its block");
            }
        }
    }
}

fn cvs_len(size: u64, block: u64) -> usize {
    (size - block * BLOCK).min(BLOCK) as usize
}

#[test]
fn the_parents_of_a_span_lie_together() {
    let size = 3 * SPAN + 5 * BLOCK;
    let data = file(size);
    let (tree, _, outboard) = build(&data);
    for span in 0..blocks::span_count(size) {
        let bytes = blocks::span(size, span).expect("span");
        let first = bytes.start / BLOCK;
        let mut pairs = Vec::new();
        let cvs = tree.block_cvs(first, &data[bytes.start as usize..bytes.end as usize]);
        tree.subtree(&cvs, &mut pairs);
        let inside = |parent: &Parent| parent.blocks.start >= first;
        let range = first..first + cvs.len() as u64;
        let inside: Vec<_> = tree.parents(range.clone()).filter(inside).collect();
        let own = inside.iter().find(|parent| parent.blocks == range);
        let start = own.expect("the span's own parent").index as usize * PAIR;
        assert_eq!(&outboard[start..start + pairs.len()], pairs);
    }
}

#[test]
fn a_wrong_size_cannot_be_proven() {
    let size = 5 * BLOCK + 100;
    let data = file(size);
    let (tree, root, outboard) = build(&data);
    let last = tree.blocks() - 1;
    let true_proof = proof(tree, &outboard, last..last + 1);
    for claimed in [1, BLOCK, size - 1, size + 1, 8 * BLOCK, 100 * BLOCK, blocks::MAX_FILE] {
        let theirs = Tree::new(claimed);
        let end = theirs.blocks() - 1;
        // The best a liar can do is to send true pairs and bytes in the shape that is expected.
        let mut pairs = true_proof.clone();
        pairs.resize(theirs.proof_len(end..end + 1), 0);
        let proven = theirs.verify(&root, end..end + 1, &pairs).and_then(|cvs| {
            let from = (last * BLOCK) as usize;
            let mut block = data[from..].to_vec();
            block.resize(cvs_len(claimed, end), 0);
            theirs.check_block(end, &block, &cvs[0])
        });
        assert!(proven.is_err(), "{claimed}");
    }
}

#[test]
fn the_largest_file_has_a_shape() {
    let tree = Tree::new(blocks::MAX_FILE);
    let last = tree.blocks() - 1;
    assert_eq!(tree.parents(last..last + 1).last().expect("parent").index, last - 1);
    assert_eq!(Tree::new(0).outboard_len(), 0);
    assert_eq!(Tree::new(0).parents(0..0).count(), 0);
}

proptest! {
    #[test]
    fn no_changed_bit_goes_unnoticed(size in 1_u64..400_000, at: prop::sample::Index, bit in 0..8, block: prop::sample::Index) {
        let data = file(size);
        let (tree, root, outboard) = build(&data);
        let block = block.index(tree.blocks() as usize) as u64;
        let mut sent = proof(tree, &outboard, block..block + 1);
        let proof_len = sent.len();
        sent.extend_from_slice(&data[(block * BLOCK) as usize..][..cvs_len(size, block)]);
        let at = at.index(sent.len());
        sent[at] ^= 1_u8 << bit;
        let proven = tree.verify(&root, block..block + 1, &sent[..proof_len])
            .and_then(|cvs| tree.check_block(block, &sent[proof_len..], &cvs[0]));
        prop_assert!(proven.is_err());
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes: Vec<u8>, size in 1_u64..blocks::MAX_FILE) {
        let tree = Tree::new(size);
        let last = tree.blocks() - 1;
        let proven = tree.verify(&Root::from_bytes([9; 32]), last..last + 1, &bytes);
        prop_assert!(proven.is_err() || (tree.blocks() == 1 && bytes.is_empty()));
    }
}
