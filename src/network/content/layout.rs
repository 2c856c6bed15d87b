//! [`Layout`]: what is fetched as one row of spans, whether it is one file or a whole collection.
//!
//! The spans of all files are numbered in a row, file after file. So the schedule, the store and the
//! sets that peers tell each other know nothing of files: a folder of ten thousand small files is
//! ten thousand spans. An empty file has no span.
//!
//! Pure. Invariant: spans are consecutive, and each lies in exactly one file.

use std::ops::Range;

use super::tree::Tree;
use crate::domain::{
    Root,
    blocks::{self, BLOCK, MAX_FILE, SPAN},
};

/// A span's number in a layout.
pub type SpanNo = u32;
/// Blocks of one span: bit i is block i.
pub type Mask = u64;

/// Blocks in a span that is not the last one of its file.
pub const BLOCKS_PER_SPAN: u64 = SPAN / BLOCK;
/// The most spans of a layout; what a peer's set or a schedule takes in memory follows from it.
pub const MAX_SPANS: u32 = 1 << 28;

/// A file in a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// What it is.
    pub root: Root,
    /// Bytes.
    pub size: u64,
    /// Its first span.
    pub first: SpanNo,
}

impl Placed {
    /// The tree over its blocks.
    #[must_use]
    pub const fn tree(&self) -> Tree {
        Tree::new(self.size)
    }

    /// Its spans.
    #[must_use]
    pub fn spans(&self) -> Range<SpanNo> {
        // Whoever made the layout has seen that this fits.
        self.first..self.first + u32::try_from(blocks::span_count(self.size)).unwrap_or(u32::MAX)
    }
}

/// Where a span lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's number in the layout.
    pub file: usize,
    /// The bytes in that file.
    pub bytes: Range<u64>,
}

impl Place {
    /// The blocks in that file.
    #[must_use]
    pub fn blocks(&self) -> Range<u64> {
        self.bytes.start / BLOCK..self.bytes.end.div_ceil(BLOCK)
    }

    /// The bytes of some of the span's blocks in that file.
    #[must_use]
    pub fn bytes_of(&self, part: &Range<u8>) -> Range<u64> {
        let at = |block: u8| (self.bytes.start + u64::from(block) * BLOCK).min(self.bytes.end);
        at(part.start)..at(part.end)
    }
}

/// What is fetched is larger than anything this program takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is larger than anything that can be fetched")]
pub struct TooLarge;

/// What is fetched, as one row of spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    files: Vec<Placed>,
    spans: SpanNo,
}

impl Layout {
    /// The layout of some files, in their order.
    ///
    /// # Errors
    /// When a size is impossible, or there are more than [`MAX_SPANS`] spans.
    pub fn new(contents: impl IntoIterator<Item = (Root, u64)>) -> Result<Self, TooLarge> {
        let (mut files, mut spans) = (Vec::new(), 0_u32);
        for (root, size) in contents {
            files.push(Placed { root, size, first: spans });
            let count = (size <= MAX_FILE).then(|| blocks::span_count(size)).ok_or(TooLarge)?;
            let end = u32::try_from(count).ok().and_then(|count| spans.checked_add(count));
            spans = end.filter(|end| *end <= MAX_SPANS).ok_or(TooLarge)?;
        }
        Ok(Self { files, spans })
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &[Placed] {
        &self.files
    }

    /// How many spans there are.
    #[must_use]
    pub const fn spans(&self) -> SpanNo {
        self.spans
    }

    /// All bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Where a span lies; `None` past the end.
    #[must_use]
    pub fn place(&self, span: SpanNo) -> Option<Place> {
        if span >= self.spans {
            return None;
        }
        // Of several that begin here only the last is not empty.
        let file = self.files.partition_point(|file| file.first <= span) - 1;
        let Placed { size, first, .. } = self.files[file];
        let bytes = blocks::span(size, u64::from(span - first))?;
        Some(Place { file, bytes })
    }

    /// The span over a byte of a file, and the block in it; `None` past the end.
    #[must_use]
    pub fn span_at(&self, file: usize, byte: u64) -> Option<(SpanNo, u8)> {
        let placed = self.files.get(file).filter(|placed| byte < placed.size)?;
        let span = u32::try_from(byte / SPAN).ok()? + placed.first;
        Some((span, u8::try_from(byte % SPAN / BLOCK).ok()?))
    }

    /// Bytes of each span.
    #[must_use]
    pub fn lengths(&self) -> Vec<u32> {
        let lengths = self.files.iter().flat_map(|file| {
            let spans = (0..).map_while(|index| blocks::span(file.size, index));
            spans.map(|bytes| u32::try_from(bytes.end - bytes.start).unwrap_or(u32::MAX))
        });
        lengths.collect()
    }
}

/// The mask of a run of blocks.
#[must_use]
pub const fn mask(blocks: &Range<u8>) -> Mask {
    below(blocks.end as u64) & !below(blocks.start as u64)
}

/// The runs of consecutive blocks in a mask.
#[must_use]
pub fn runs(mask: Mask) -> Vec<Range<u8>> {
    let mut runs: Vec<Range<u8>> = Vec::new();
    for block in (0..64).filter(|block| mask >> block & 1 == 1) {
        match runs.last_mut() {
            Some(run) if run.end == block => run.end += 1,
            _ => runs.push(block..block + 1),
        }
    }
    runs
}

/// The mask of a whole span of so many bytes.
#[must_use]
pub const fn full(bytes: u64) -> Mask {
    below(bytes.div_ceil(BLOCK))
}

const fn below(block: u64) -> Mask {
    if block >= BLOCKS_PER_SPAN { Mask::MAX } else { (1 << block) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(n: u8) -> Root {
        Root::from_bytes([n; 32])
    }

    #[test]
    fn spans_run_through_all_files_and_empty_ones_have_none() {
        let sizes = [0, 5, 0, 0, SPAN, SPAN + 1, 0, 3 * BLOCK];
        let files = sizes.iter().zip(0..).map(|(size, n)| (root(n), *size));
        let layout = Layout::new(files).expect("fits");
        assert_eq!(layout.spans(), 5);
        let places: Vec<_> = (0..6).map(|span| layout.place(span)).collect();
        let place = |file, bytes| Some(Place { file, bytes });
        let expected = [
            place(1, 0..5),
            place(4, 0..SPAN),
            place(5, 0..SPAN),
            place(5, SPAN..SPAN + 1),
            place(7, 0..3 * BLOCK),
            None,
        ];
        assert_eq!(places, expected);
        assert_eq!(layout.lengths(), [5, 1 << 20, 1 << 20, 1, 3 << 14]);
        assert_eq!(layout.size(), sizes.iter().sum::<u64>());
        assert_eq!(layout.files()[5].spans(), 2..4);
        assert_eq!(layout.span_at(5, SPAN), Some((3, 0)));
        assert_eq!(layout.span_at(7, BLOCK), Some((4, 1)));
        assert_eq!((layout.span_at(7, 3 * BLOCK), layout.span_at(0, 0)), (None, None));
    }

    #[test]
    fn the_bytes_of_a_part_end_with_the_span() {
        let place = Place { file: 0, bytes: SPAN..SPAN + 2 * BLOCK + 7 };
        assert_eq!(place.blocks(), 64..67);
        assert_eq!(place.bytes_of(&(0..1)), SPAN..SPAN + BLOCK);
        assert_eq!(place.bytes_of(&(1..3)), SPAN + BLOCK..SPAN + 2 * BLOCK + 7);
    }

    #[test]
    fn masks_have_the_bits_of_their_blocks() {
        assert_eq!((mask(&(0..1)), mask(&(2..4)), mask(&(0..64))), (1, 0b1100, u64::MAX));
        assert_eq!(runs(mask(&(0..1)) | mask(&(2..4)) | mask(&(63..64))), [0..1, 2..4, 63..64]);
        assert_eq!((full(1), full(BLOCK), full(BLOCK + 1), full(SPAN)), (1, 1, 3, u64::MAX));
    }

    #[test]
    fn sizes_beyond_all_bounds_are_refused() {
        assert_eq!(Layout::new([(root(1), u64::MAX)]), Err(TooLarge));
        assert_eq!(Layout::new([(root(1), MAX_FILE)]), Err(TooLarge), "more spans than are kept");
        let half = u64::from(MAX_SPANS / 2) * SPAN;
        assert!(Layout::new([(root(1), half), (root(2), half)]).is_ok());
        assert_eq!(Layout::new([(root(1), half), (root(2), half + 1)]), Err(TooLarge));
    }
}
