//! [`keep_freed_memory`]: what a transfer frees is kept for what comes next.
//!
//! Bulk is allocated and freed in pieces of some 64 KiB, hundreds of megabytes a second. glibc gives
//! memory back to the kernel as soon as 128 KiB of it are free at the end of a heap, and takes it
//! again page by page: without this, half the time of a transfer goes into that.

use std::{hint::black_box, sync::Once};

/// The size of a block, in bytes, whose freeing raises the limits: blocks up to this come from the
/// heap from then on, and twice this stays with each heap: as much as streams that are read fast
/// may hold, and free all at once.
const LESSON: usize = 6 << 20;

/// Has the allocator keep more of what is freed, once for the process.
///
/// The limits of glibc follow what a program does: freeing a large block teaches it that such blocks
/// come and go (`mallopt(3)`, `M_MMAP_THRESHOLD`). The block is never touched, so it takes up
/// address space for a moment, and no memory. Other allocators take no notice.
pub(super) fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(LESSON))));
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::fs;

    use super::*;

    /// Pages that this thread has had to be given so far.
    fn faults() -> u64 {
        let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux");
        let after_name = stat.rsplit(") ").next().expect("a name");
        after_name.split(' ').nth(7).and_then(|count| count.parse().ok()).expect("a count")
    }

    #[test]
    fn what_is_freed_is_not_taken_anew_from_the_kernel() {
        const ROUNDS: u64 = 40;
        const PIECES: u64 = 64;
        let round = || {
            let pieces: Vec<_> =
                (0..PIECES).map(|n| vec![n.to_le_bytes()[0] | 1; 64 << 10]).collect();
            drop(black_box(pieces));
        };
        keep_freed_memory();
        round();
        let before = faults();
        (0..ROUNDS).for_each(|_| round());
        let pages = ROUNDS * PIECES * 16;
        // Other tests use the same heaps, so some may be taken away in between.
        assert!(faults() - before < pages / 4, "{} faults for {pages} pages", faults() - before);
    }
}
