//! What of a transfer is durable, written down so that no crash can make more of it than is true.
//!
//! The file has two slots, written in turn, each with a checksum: a crash in the middle of a write
//! spoils the slot that was being written and leaves the other. The newer of the good ones counts.
//! A slot says which spans were complete *and synced* before it was written, never more.

use std::{collections::BTreeMap, io};

use fixedbitset::FixedBitSet;
use serde::{Deserialize, Serialize};

use super::disk::DiskFile;
use crate::network::content::layout::{Mask, SpanNo};

/// The version of the format.
const VERSION: u8 = 1;
/// The most unfinished spans that are remembered; what is forgotten of others is fetched again.
pub const MAX_PARTIAL: usize = 256;
/// Bytes of a slot besides its bits: head, checksum, unfinished spans.
const ROOM: u64 = 512 + MAX_PARTIAL as u64 * 16;
/// Slots begin at a multiple of this, so that no write of one touches a page of the other.
const PAGE: u64 = 4096;
/// Bytes before a slot's body: its length and its checksum.
const HEAD: usize = 4 + 32;

/// What is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Spans of which every block is there.
    pub complete: FixedBitSet,
    /// Blocks of other spans.
    pub partial: BTreeMap<SpanNo, Mask>,
    /// What the data files looked like when work ended in good order; `None` while it goes on.
    pub clean: Option<[u8; 32]>,
}

/// The body of a slot.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    version: u8,
    generation: u64,
    spans: u32,
    #[serde(with = "serde_bytes")]
    complete: Vec<u8>,
    partial: Vec<(SpanNo, Mask)>,
    clean: Option<serde_bytes::ByteArray<32>>,
}

/// The file with the two slots.
#[derive(Debug)]
pub struct ProgressFile {
    file: Box<dyn DiskFile>,
    spans: SpanNo,
    generation: u64,
}

impl ProgressFile {
    /// Reads what was written down for a transfer of so many spans, if anything.
    ///
    /// # Errors
    /// When the file cannot be read. A damaged one is as good as none.
    pub fn open(file: Box<dyn DiskFile>, spans: SpanNo) -> io::Result<(Self, Option<Progress>)> {
        let mut found: Option<(u64, Progress)> = None;
        for slot in 0..2 {
            let mut bytes = vec![0; usize::try_from(slot_len(spans)).unwrap_or(0)];
            match file.read_exact_at(slot * slot_len(spans), &mut bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
                Err(error) => return Err(error),
            }
            let newer = decode(&bytes, spans)
                .filter(|(generation, _)| found.as_ref().is_none_or(|(old, _)| generation > old));
            found = newer.or(found);
        }
        let generation = found.as_ref().map_or(0, |(generation, _)| *generation);
        Ok((Self { file, spans, generation }, found.map(|(_, progress)| progress)))
    }

    /// Writes down what is durable by now, durably.
    ///
    /// # Errors
    /// When the disk fails; what was written down before still stands.
    pub fn write(&mut self, progress: &Progress) -> io::Result<()> {
        let generation = self.generation + 1;
        let slot = encode(progress, self.spans, generation)?;
        self.file.write_all_at((generation % 2) * slot_len(self.spans), &slot)?;
        self.file.sync()?;
        self.generation = generation;
        Ok(())
    }
}

fn slot_len(spans: SpanNo) -> u64 {
    (u64::from(spans).div_ceil(8) + ROOM).next_multiple_of(PAGE)
}

fn encode(progress: &Progress, spans: SpanNo, generation: u64) -> io::Result<Vec<u8>> {
    let mut complete = vec![0_u8; (spans as usize).div_ceil(8)];
    for span in progress.complete.ones().take_while(|span| *span < spans as usize) {
        complete[span / 8] |= 1 << (span % 8);
    }
    let partial = progress.partial.iter().take(MAX_PARTIAL).map(|(span, mask)| (*span, *mask));
    let clean = progress.clean.map(serde_bytes::ByteArray::new);
    let body =
        Body { version: VERSION, generation, spans, complete, partial: partial.collect(), clean };
    let body = serde_ipld_dagcbor::to_vec(&body).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut slot = Vec::with_capacity(usize::try_from(slot_len(spans)).unwrap_or(0));
    slot.extend_from_slice(&length.to_be_bytes());
    slot.extend_from_slice(blake3::hash(&body).as_bytes());
    slot.extend_from_slice(&body);
    slot.resize(slot.len().max(usize::try_from(slot_len(spans)).unwrap_or(0)), 0);
    Ok(slot)
}

/// Reads a slot; `None` unless every bit of it is as it was written, for a transfer of this shape.
fn decode(slot: &[u8], spans: SpanNo) -> Option<(u64, Progress)> {
    let (head, rest) = slot.split_at_checked(HEAD)?;
    let length = u32::from_be_bytes(head[..4].try_into().ok()?);
    let body = rest.get(..usize::try_from(length).ok()?)?;
    if blake3::hash(body).as_bytes() != &head[4..] {
        return None;
    }
    let body: Body = serde_ipld_dagcbor::from_slice(body).ok()?;
    let right = body.version == VERSION
        && body.spans == spans
        && body.complete.len() == (spans as usize).div_ceil(8)
        && body.partial.len() <= MAX_PARTIAL;
    if !right {
        return None;
    }
    let mut complete = FixedBitSet::with_capacity(spans as usize);
    let is_set = |span: &usize| body.complete[span / 8] >> (span % 8) & 1 == 1;
    complete.extend((0..spans as usize).filter(is_set));
    let partial = body.partial.into_iter().filter(|(span, _)| *span < spans).collect();
    let clean = body.clean.map(serde_bytes::ByteArray::into_array);
    Some((body.generation, Progress { complete, partial, clean }))
}

/// For the fuzzer: reads a slot of a transfer of 1,000 spans, and writes it again.
#[doc(hidden)]
#[must_use]
pub fn read_slot(slot: &[u8]) -> Option<Vec<u8>> {
    let (generation, progress) = decode(slot, 1_000)?;
    encode(&progress, 1_000, generation).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::content::store::disk::{Disk, FilePath, Open, RealDisk};

    fn progress(spans: &[usize]) -> Progress {
        let mut complete = FixedBitSet::with_capacity(1_000);
        complete.extend(spans.iter().copied());
        Progress { complete, partial: BTreeMap::from([(7, 0b101)]), clean: Some([9; 32]) }
    }

    fn open(folder: &tempfile::TempDir, spans: SpanNo) -> (ProgressFile, Option<Progress>) {
        let path = FilePath::new(folder.path(), "progress");
        let file = RealDisk.open(&path, Open::Either).expect("opened");
        ProgressFile::open(file, spans).expect("read")
    }

    #[test]
    fn the_last_one_written_counts_and_a_torn_one_does_not() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let (mut file, none) = open(&folder, 1_000);
        assert_eq!(none, None);
        for last in 1..=3 {
            file.write(&progress(&[0, last])).expect("written");
            assert_eq!(open(&folder, 1_000).1, Some(progress(&[0, last])));
        }
        let path = folder.path().join("progress");
        let whole = std::fs::read(&path).expect("there");
        let slot = slot_len(1_000) as usize;
        // The third went into the second slot: any byte of it that differs brings back the second.
        for at in [0, 5, 40, 60, 100] {
            let mut torn = whole.clone();
            torn[slot + at] ^= 1;
            std::fs::write(&path, torn).expect("written");
            assert_eq!(open(&folder, 1_000).1, Some(progress(&[0, 2])), "{at}");
        }
        std::fs::write(&path, &whole[..slot + 10]).expect("written");
        assert_eq!(open(&folder, 1_000).1, Some(progress(&[0, 2])));
        std::fs::write(&path, &whole).expect("written");
        assert_eq!(open(&folder, 999).1, None, "another shape");
    }

    #[test]
    fn a_full_slot_has_its_room() {
        for spans in [0, 1, 8_000, 100_000] {
            let mut complete = FixedBitSet::with_capacity(spans as usize);
            complete.set_range(.., true);
            let partial = (0..spans.min(1_000)).map(|span| (u32::MAX - span, u64::MAX)).collect();
            let full = Progress { complete, partial, clean: Some([255; 32]) };
            let slot = encode(&full, spans, u64::MAX).expect("encodes");
            assert_eq!(slot.len() as u64, slot_len(spans));
        }
    }
}
