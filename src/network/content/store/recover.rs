//! What of an earlier run's work can be believed.
//!
//! After an end in good order everything that was written down, as long as the files look as they
//! did. After any other end it is read and verified again, as a disk may have kept less than it
//! said. What is not found right is fetched again; nothing else is done about it.

use std::{collections::BTreeMap, io};

use super::{
    files::{Files, has_outboard},
    progress::Progress,
};
use crate::{
    domain::blocks::BLOCK,
    network::content::layout::{Mask, Place, SpanNo, full, runs},
};

/// What can be believed, and how many bytes had to be verified for that.
pub(super) fn recover(
    files: &Files,
    saved: Progress,
    checking: &mut dyn FnMut(u64),
) -> io::Result<(Progress, u64)> {
    if saved.clean.is_some() && saved.clean == Some(files.look()?) {
        return Ok((saved, 0));
    }
    let mut verified = 0;
    let mut good = Progress::default();
    good.complete.grow(files.plan.layout.spans() as usize);
    for (span, blocks) in claimed(files, &saved) {
        let Some(place) = files.plan.layout.place(span) else { continue };
        let whole = full(place.bytes.end - place.bytes.start);
        let right = verify(files, &place, blocks)?;
        verified += place.bytes.end - place.bytes.start;
        checking(verified);
        if right == whole {
            good.complete.insert(span as usize);
        } else if right != 0 {
            good.partial.insert(span, right);
        }
    }
    Ok((good, verified))
}

/// Every span of which something is said to be here.
fn claimed(files: &Files, saved: &Progress) -> BTreeMap<SpanNo, Mask> {
    let mut claimed = saved.partial.clone();
    for span in saved.complete.ones() {
        let Ok(span) = SpanNo::try_from(span) else { continue };
        let Some(place) = files.plan.layout.place(span) else { continue };
        claimed.insert(span, full(place.bytes.end - place.bytes.start));
    }
    claimed
}

/// Which of some blocks of a span are what the root says.
fn verify(files: &Files, place: &Place, blocks: Mask) -> io::Result<Mask> {
    let placed = *files.placed(place.file)?;
    let (tree, first) = (placed.tree(), place.blocks().start);
    if !has_outboard(&placed) {
        // Without stored pairs the file can be verified as a whole only.
        let mut data = Vec::new();
        let all = full(placed.size);
        if blocks != all || !readable(files.append(place.file, 0..placed.size, &mut data))? {
            return Ok(0);
        }
        let root = tree.subtree(&tree.block_cvs(0, &data), &mut Vec::new());
        return Ok(if root == *placed.root.as_bytes() { all } else { 0 });
    }
    let mut right = 0;
    for run in runs(blocks) {
        let range = first + u64::from(run.start)..first + u64::from(run.end);
        let (mut pairs, mut data) = (Vec::new(), Vec::new());
        if !readable(files.pairs(place.file, range.clone(), &mut pairs))?
            || !readable(files.append(place.file, place.bytes_of(&run), &mut data))?
        {
            continue;
        }
        let Ok(cvs) = tree.verify(&placed.root, range.clone(), &pairs) else { continue };
        let block_len = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        for ((block, bytes), cv) in run.zip(data.chunks(block_len)).zip(&cvs) {
            if tree.check_block(first + u64::from(block), bytes, cv).is_ok() {
                right |= 1 << block;
            }
        }
    }
    Ok(right)
}

/// Whether something could be read: a file that is gone or short is one without these bytes.
fn readable(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
