//! How a file is cut: blocks that can be proven, spans that are asked for.
//!
//! A **block** is 16 KiB, the smallest piece with a proof of its own. A **span** is up to 64
//! blocks, 1 MiB: what one request asks for, so that neither proofs nor bookkeeping grow with
//! the file. Only the last block of a file is short, and an empty file has no block.

use std::ops::Range;

/// Bytes in a block; the last one of a file may be shorter.
pub const BLOCK: u64 = 16 * 1024;
/// Bytes in a span; the last one of a file may be shorter.
pub const SPAN: u64 = 64 * BLOCK;

/// The largest size of a file that is believed, in bytes: 1 PiB.
///
/// Nothing computed from a size under this can overflow, here or in the tree of hashes.
pub const MAX_FILE: u64 = 1 << 50;

/// How many blocks a file of this size has.
#[must_use]
pub const fn block_count(size: u64) -> u64 {
    size.div_ceil(BLOCK)
}

/// How many spans a file of this size has.
#[must_use]
pub const fn span_count(size: u64) -> u64 {
    size.div_ceil(SPAN)
}

/// The bytes of a span, or `None` past the end.
#[must_use]
pub fn span(size: u64, index: u64) -> Option<Range<u64>> {
    let start = index.checked_mul(SPAN).filter(|start| *start < size)?;
    Some(start..start.saturating_add(SPAN).min(size))
}

/// The bytes of the last block, or `None` of an empty file.
///
/// Its proof is what makes a claimed size certain: a tree of another size has another last block.
#[must_use]
pub fn last_block(size: u64) -> Option<Range<u64>> {
    let last = block_count(size).checked_sub(1)?;
    Some(last * BLOCK..size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges() {
        assert_eq!((block_count(0), span(0, 0), last_block(0)), (0, None, None));
        assert_eq!((block_count(1), span(1, 0), last_block(1)), (1, Some(0..1), Some(0..1)));
        assert_eq!(last_block(BLOCK), Some(0..BLOCK));
        assert_eq!(last_block(BLOCK + 1), Some(BLOCK..BLOCK + 1));
        assert_eq!(span(SPAN, 1), None);
        let huge = last_block(u64::MAX).expect("a last block");
        assert_eq!(huge.end, u64::MAX);
        assert_eq!(span(u64::MAX, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn spans_cover_the_file_once(size in 0..20 * SPAN) {
            let mut at = 0;
            for index in 0..span_count(size) {
                let bytes = span(size, index).expect("within the file");
                prop_assert_eq!(bytes.start, at);
                prop_assert!(bytes.end > bytes.start && bytes.end - bytes.start <= SPAN);
                at = bytes.end;
            }
            prop_assert_eq!(at, size);
        }
    }
}
