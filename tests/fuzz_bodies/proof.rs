//! Bytes of a content with their proofs.

use std::{ops::Range, sync::LazyLock};

use p2pfs_tui::{
    domain::{
        Root,
        blocks::{BLOCK, MAX_FILE, SPAN},
    },
    network::content::tree::{PAIR, Tree},
};

use super::{twice, within};

/// A file of two spans, the second short.
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..SPAN + 2 * BLOCK + 777).map(|n| (n.wrapping_mul(n) >> 7) as u8 ^ n as u8).collect()
});
/// The root of the file and the pairs of all its parents, in pre-order.
static OUTBOARD: LazyLock<(Root, Vec<u8>)> = LazyLock::new(|| {
    let (tree, mut pairs) = (Tree::new(FILE.len() as u64), Vec::new());
    let root = tree.subtree(&tree.block_cvs(0, &FILE), &mut pairs);
    (Root::from_bytes(root), pairs)
});

/// A kind, three numbers and a response: the response as it came for any size and range, or what
/// it changes of a true one. Accepted if the true bytes are proven.
pub fn proof(bytes: &[u8]) -> bool {
    let Some((kind, rest)) = bytes.split_first() else { return false };
    let Some((numbers, response)) = rest.split_first_chunk::<24>() else { return false };
    let number = |n: usize| {
        let bytes = numbers[8 * n..8 * (n + 1)].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    };
    if kind % 2 == 0 {
        lied(number(0), number(1)..number(2), response);
        return false;
    }
    let start = number(0) % FILE.len() as u64 / BLOCK * BLOCK;
    let end = (start + (1 + number(1) % 4) * BLOCK).min(FILE.len() as u64).min(start + SPAN);
    changed(start..end, number(2), response)
}

/// A response that comes from nowhere proves nothing, whatever the size and the range.
fn lied(size: u64, range: Range<u64>, response: &[u8]) {
    let is_edge = |at: u64| at.is_multiple_of(BLOCK) || at == size;
    let is_asked_for = size <= MAX_FILE
        && range.start < range.end
        && range.end <= size
        && range.end - range.start <= SPAN
        && range.start.is_multiple_of(BLOCK)
        && is_edge(range.end);
    if !is_asked_for {
        return;
    }
    let proof = Tree::new(size).proof_len(blocks(&range)) as u64;
    let count = (range.end - range.start).div_ceil(BLOCK);
    assert!(proof <= 64 * (count + 100), "{proof} for {range:?}");
    let root = Root::from_bytes([9; 32]);
    assert!(within(twice(response), || proven(size, &range, &root, response)).is_none());
}

/// A true response, cut to `length` if that is shorter, with some of its bytes changed: three
/// bytes of place and one to add.
fn changed(range: Range<u64>, length: u64, changes: &[u8]) -> bool {
    let tree = Tree::new(FILE.len() as u64);
    let (root, pairs) = &*OUTBOARD;
    let bytes = &FILE[range.start as usize..range.end as usize];
    let mut truth = Vec::new();
    for parent in tree.parents(blocks(&range)) {
        let at = parent.index as usize * PAIR;
        truth.extend_from_slice(&pairs[at..at + PAIR]);
    }
    truth.extend_from_slice(bytes);
    let mut response = truth.clone();
    for change in changes.chunks_exact(4) {
        let place = usize::from(change[0]) << 16 | usize::from(change[1]) << 8;
        let place = (place | usize::from(change[2])) % response.len();
        response[place] = response[place].wrapping_add(change[3]);
    }
    response.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    let size = FILE.len() as u64;
    let proven = within(twice(&response), || proven(size, &range, root, &response));
    assert_eq!(proven.is_some(), response == truth, "{range:?}");
    assert!(proven.is_none_or(|proven| proven == bytes));
    response == truth
}

fn blocks(bytes: &Range<u64>) -> Range<u64> {
    bytes.start / BLOCK..bytes.end.div_ceil(BLOCK)
}

/// The bytes of a response, as whoever asked reads it: the proof, then the blocks.
fn proven<'a>(size: u64, range: &Range<u64>, root: &Root, response: &'a [u8]) -> Option<&'a [u8]> {
    let (tree, blocks) = (Tree::new(size), blocks(range));
    let (proof, bytes) = response.split_at_checked(tree.proof_len(blocks.clone()))?;
    let expected = tree.verify(root, blocks.clone(), proof).ok()?;
    let whole = bytes.len() as u64 == range.end - range.start;
    let mut parts = blocks.zip(bytes.chunks(BLOCK as usize)).zip(&expected);
    let fits = parts.all(|((index, data), cv)| tree.check_block(index, data, cv).is_ok());
    (whole && fits).then_some(bytes)
}
