//! What is to arrive in a store: files of random bytes, with their trees.

use std::{ops::Range, path::Path, sync::Arc};

use sha1::{Digest, Sha1};

use crate::{
    domain::{
        Root, Sha1Hash,
        blocks::{self, BLOCK},
    },
    network::content::{
        layout::{Layout, Mask, SpanNo, full, mask, runs},
        store::{CHUNK, Chunk, Plan, Proof, Recovered, Store, disk::FilePath},
        tree::{PAIR, Tree},
    },
};

/// The blocks of some spans.
pub(crate) type Blocks = Vec<(SpanNo, Mask)>;

/// Files as they ought to be.
pub(crate) struct Truth {
    pub(crate) files: Vec<Vec<u8>>,
    pairs: Vec<Vec<u8>>,
    pub(crate) layout: Arc<Layout>,
}

impl Truth {
    /// Files of these sizes.
    pub(crate) fn new(sizes: &[u64]) -> Self {
        let files: Vec<Vec<u8>> =
            sizes.iter().zip(0_u64..).map(|(size, n)| bytes(n, *size)).collect();
        let (mut pairs, mut contents) = (Vec::new(), Vec::new());
        for data in &files {
            let tree = Tree::new(data.len() as u64);
            let mut all = Vec::new();
            if !data.is_empty() {
                tree.subtree(&tree.block_cvs(0, data), &mut all);
            }
            pairs.push(all);
            contents.push((Root::from_bytes(*blake3::hash(data).as_bytes()), data.len() as u64));
        }
        let layout = Arc::new(Layout::new(contents).expect("fits"));
        Self { files, pairs, layout }
    }

    /// Where they go in a folder: `part` for a single file, files below it for several.
    pub(crate) fn plan(&self, folder: &Path) -> Plan {
        let base: Arc<Path> = folder.join("files").into();
        let path = |n: usize| match self.files.len() {
            1 => FilePath::new(base.clone(), "part"),
            _ => FilePath::new(base.clone(), format!("part/{}/{n}", n % 3)),
        };
        let paths = (0..self.files.len()).map(path).collect();
        let (layout, unwanted) = (self.layout.clone(), [].into());
        Plan { layout, paths, unwanted, state: folder.join("state").into() }
    }

    /// The same, after the folders were made.
    pub(crate) fn plan_in(&self, folder: &Path) -> Plan {
        let plan = self.plan(folder);
        std::fs::create_dir_all(&plan.paths[0].base).expect("a folder");
        std::fs::create_dir_all(&plan.state).expect("a folder");
        plan
    }

    /// Blocks of a span as a chunk, proven by itself.
    pub(crate) fn chunk(&self, span: SpanNo, part: &Range<u8>) -> Chunk {
        let place = self.layout.place(span).expect("a span");
        let first = place.blocks().start;
        let range = first + u64::from(part.start)..first + u64::from(part.end);
        let bytes = usize_range(&place.bytes_of(part));
        let data = self.files[place.file][bytes].to_vec();
        let pairs = self.proof(place.file, range.clone());
        Chunk { span, first: part.start, data, proof: Some(Proof { blocks: range, pairs }) }
    }

    /// The pairs that prove blocks of a file.
    pub(crate) fn proof(&self, file: usize, blocks: Range<u64>) -> Vec<u8> {
        let parents = Tree::new(self.files[file].len() as u64).parents(blocks);
        let pair = |index: u64| index as usize * PAIR..(index as usize + 1) * PAIR;
        parents.flat_map(|parent| self.pairs[file][pair(parent.index)].iter().copied()).collect()
    }

    /// Every block, in order, in pieces as they come from a peer.
    pub(crate) fn pieces(&self) -> Vec<(SpanNo, Range<u8>)> {
        self.missing(&[])
    }

    /// What is not here, in such pieces.
    pub(crate) fn missing(&self, here: &[(SpanNo, Mask)]) -> Vec<(SpanNo, Range<u8>)> {
        let at_once = (CHUNK as u64 / BLOCK) as u8;
        let mut pieces = Vec::new();
        for span in 0..self.layout.spans() {
            let has = here.iter().find(|(other, _)| *other == span).map_or(0, |(_, mask)| *mask);
            for run in runs(self.all_of(span) & !has) {
                let starts = run.clone().step_by(usize::from(at_once));
                pieces.extend(starts.map(|at| (span, at..run.end.min(at + at_once))));
            }
        }
        pieces
    }

    /// Every block of a span.
    pub(crate) fn all_of(&self, span: SpanNo) -> Mask {
        let bytes = self.layout.place(span).expect("a span").bytes;
        full(bytes.end - bytes.start)
    }

    /// Every span, whole.
    pub(crate) fn all(&self) -> Blocks {
        (0..self.layout.spans()).map(|span| (span, self.all_of(span))).collect()
    }

    pub(crate) fn sha1s(&self) -> Vec<Sha1Hash> {
        self.files.iter().map(|data| Sha1Hash::from_bytes(Sha1::digest(data).into())).collect()
    }

    /// Whatever a store says is here, it can prove, and the bytes are right.
    pub(crate) fn check(&self, store: &Store, recovered: &Recovered) {
        for (span, here) in &recovered.here {
            let place = self.layout.place(*span).expect("a span");
            for run in runs(*here) {
                let bytes = place.bytes_of(&run);
                let mut read = Vec::new();
                store.read_bytes(place.file, bytes.clone(), &mut read).expect("here");
                let right = &self.files[place.file][usize_range(&bytes)];
                assert!(read == right, "blocks {run:?} of span {span} are wrong");
            }
            assert_eq!(store.held().contains(*span), *here == self.all_of(*span), "span {span}");
            if *here == self.all_of(*span) {
                self.check_served(store, *span);
            }
        }
    }

    /// A span comes out with its proof.
    pub(crate) fn check_served(&self, store: &Store, span: SpanNo) {
        let place = self.layout.place(span).expect("a span");
        let mut read = Vec::new();
        store.read(place.file, place.blocks(), &mut read).expect("here");
        let mut right = self.proof(place.file, place.blocks());
        right.extend_from_slice(&self.files[place.file][usize_range(&place.bytes)]);
        assert!(read == right, "span {span} is served wrong");
    }
}

/// Puts pieces into a store.
pub(crate) async fn put(store: &Store, truth: &Truth, pieces: &[(SpanNo, Range<u8>)]) {
    for (span, part) in pieces {
        store.put(truth.chunk(*span, part)).await.expect("taken");
    }
}

/// The blocks of pieces, span by span.
pub(crate) fn blocks_of(pieces: &[(SpanNo, Range<u8>)]) -> Blocks {
    let mut blocks = std::collections::BTreeMap::<SpanNo, Mask>::new();
    for (span, part) in pieces {
        *blocks.entry(*span).or_default() |= mask(part);
    }
    blocks.into_iter().collect()
}

/// Random bytes, the same for the same seed.
pub(crate) fn bytes(seed: u64, length: u64) -> Vec<u8> {
    let mut out = vec![0; usize::try_from(length).expect("fits")];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

fn usize_range(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Sizes of a file of some whole spans, and a last one of some blocks and some bytes.
pub(crate) const fn size(spans: u64, blocks: u64, bytes: u64) -> u64 {
    spans * blocks::SPAN + blocks * BLOCK + bytes
}
