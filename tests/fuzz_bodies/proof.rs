//! Bytes of a content with their proofs.

use std::{ops::Range, sync::LazyLock};

use bao_tree::io::outboard::PreOrderMemOutboard;
use p2pfs_tui::{
    domain::{
        Root,
        blocks::{BLOCK, MAX_FILE, SPAN},
    },
    network::content::proof::{BLOCK_SIZE, Provable},
};

use super::{twice, within};

/// A file of two spans, the second short.
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..SPAN + 2 * BLOCK + 777).map(|n| (n.wrapping_mul(n) >> 7) as u8 ^ n as u8).collect()
});
static OUTBOARD: LazyLock<PreOrderMemOutboard> =
    LazyLock::new(|| PreOrderMemOutboard::create(&*FILE, BLOCK_SIZE));

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
    let Ok(provable) = Provable::new(size, range.clone()) else { return };
    assert!(size <= MAX_FILE && range.end <= size && range.end - range.start <= SPAN);
    let length = provable.encoded_len() as u64;
    let blocks = (range.end - range.start).div_ceil(BLOCK);
    assert!(length >= range.end - range.start);
    assert!(length <= range.end - range.start + 64 * (blocks + 100), "{length} for {range:?}");
    let root = Root::from_bytes([9; 32]);
    assert!(within(twice(response), || provable.decode(&root, response)).is_err());
}

/// A true response, cut to `length` if that is shorter, with some of its bytes changed: three
/// bytes of place and one to add.
fn changed(range: Range<u64>, length: u64, changes: &[u8]) -> bool {
    let provable = Provable::new(FILE.len() as u64, range.clone()).expect("within the file");
    let truth = provable.encode(&FILE[..], &*OUTBOARD).expect("encodes");
    assert_eq!(truth.len(), provable.encoded_len());
    let mut response = truth.clone();
    for change in changes.chunks_exact(4) {
        let place = usize::from(change[0]) << 16 | usize::from(change[1]) << 8;
        let place = (place | usize::from(change[2])) % response.len();
        response[place] = response[place].wrapping_add(change[3]);
    }
    response.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    let root = Root::from_bytes(*OUTBOARD.root.as_bytes());
    let proven = within(twice(&response), || provable.decode(&root, &response));
    assert_eq!(proven.is_ok(), response == truth, "{range:?}");
    if let Ok(blocks) = &proven {
        assert_eq!(blocks.concat(), FILE[range.start as usize..range.end as usize]);
    }
    proven.is_ok()
}
