//! Where outboards are, how they come to be there, and what is proven from them.

use std::{
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{HashError, open_regular, read};
use crate::{
    domain::{ContentId, Root, blocks::SPAN},
    network::content::tree::{PAIR, Tree},
};

/// What an unfinished outboard's name begins with.
const UNFINISHED: &str = "unfinished-";

/// The outboard of a content that was hashed here: proves parts of it.
#[derive(Debug)]
pub struct Outboard {
    content: ContentId,
    tree: Tree,
    /// The pairs of all parents in pre-order; of a file of at most a span there is none.
    stored: Option<File>,
}

impl Outboard {
    /// The proof of a range of blocks: the pairs of all parents above it, in pre-order. `file` is
    /// read where nothing is stored. Blocks the thread.
    ///
    /// # Errors
    /// When the file or the outboard cannot be read, and [`io::ErrorKind::InvalidData`] where what
    /// is there does not lead to the root: no wrong proof leaves this function.
    pub fn proof(&self, file: &File, blocks: Range<u64>) -> io::Result<Vec<u8>> {
        let proof = match &self.stored {
            Some(stored) => self.read(stored, blocks.clone())?,
            None => self.compute(file, blocks.clone())?,
        };
        let checked = self.tree.verify(&self.content.root, blocks, &proof);
        checked.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(proof)
    }

    /// Reads pairs, those that lie side by side at once.
    fn read(&self, stored: &File, blocks: Range<u64>) -> io::Result<Vec<u8>> {
        let mut proof = vec![0; self.tree.proof_len(blocks.clone())];
        let numbers: Vec<u64> = self.tree.parents(blocks).map(|parent| parent.index).collect();
        let mut rest = &mut proof[..];
        for run in numbers.chunk_by(|one, next| one + 1 == *next) {
            let (pairs, after) = rest.split_at_mut(run.len() * PAIR);
            stored.read_exact_at(pairs, run[0] * PAIR as u64)?;
            rest = after;
        }
        Ok(proof)
    }

    /// Makes all pairs of a small file and picks those that are wanted.
    fn compute(&self, file: &File, blocks: Range<u64>) -> io::Result<Vec<u8>> {
        if self.tree.outboard_len() == 0 {
            return Ok(Vec::new());
        }
        let mut data = Vec::new();
        read(file, &(0..self.content.size), &mut data).map_err(|error| match error {
            HashError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })?;
        let mut all = Vec::new();
        self.tree.subtree(&self.tree.block_cvs(0, &data), &mut all);
        let (pairs, _) = all.as_chunks::<PAIR>();
        let mut proof = Vec::with_capacity(self.tree.proof_len(blocks.clone()));
        for parent in self.tree.parents(blocks) {
            let pair = usize::try_from(parent.index).ok().and_then(|index| pairs.get(index));
            proof.extend(pair.into_iter().flatten());
        }
        Ok(proof)
    }
}

/// Opens the outboard of a content that was hashed here.
///
/// # Errors
/// As of `open(2)`, and [`io::ErrorKind::InvalidData`] if it has not the length it must have.
pub fn open_outboard(data_dir: &Path, content: &ContentId) -> io::Result<Outboard> {
    let tree = Tree::new(content.size);
    let stored = if content.size <= SPAN {
        None
    } else {
        let (file, stamp) = open_regular(&path_of(data_dir, &content.root))?;
        if stamp.size != tree.outboard_len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an outboard is damaged"));
        }
        Some(file)
    };
    Ok(Outboard { content: *content, tree, stored })
}

/// Removes the outboard of a content, if there is one.
///
/// # Errors
/// As of `unlink(2)`.
pub fn remove_outboard(data_dir: &Path, root: &Root) -> io::Result<()> {
    match fs::remove_file(path_of(data_dir, root)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what an earlier run left unfinished. Nothing may be hashed meanwhile.
///
/// # Errors
/// When the folder cannot be read.
pub fn sweep_unfinished(data_dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// An outboard that is being written, under a name of its own; gone unless it is kept.
#[derive(Debug)]
pub(super) struct Unfinished(tempfile::NamedTempFile);

impl Unfinished {
    /// Begins one.
    ///
    /// # Errors
    /// When the data directory cannot be written.
    pub(super) fn create(data_dir: &Path) -> io::Result<Self> {
        let folder = folder(data_dir);
        fs::create_dir_all(&folder)?;
        Ok(Self(tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?))
    }

    /// Writes the pairs of consecutive parents, the first of which has this number.
    ///
    /// # Errors
    /// As of `pwrite(2)`.
    pub(super) fn write(&self, first: u64, pairs: &[u8]) -> io::Result<()> {
        self.0.as_file().write_all_at(pairs, first * PAIR as u64)
    }

    /// Gives it its final name.
    ///
    /// # Errors
    /// When the data directory cannot be written.
    pub(super) fn keep(self, data_dir: &Path, root: &Root) -> io::Result<()> {
        let path = path_of(data_dir, root);
        fs::create_dir_all(path.parent().unwrap_or(data_dir))?;
        self.0.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Where outboards are.
fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("outboards")
}

/// `<data_dir>/outboards/<first two digits>/<root>.obao`
pub(super) fn path_of(data_dir: &Path, root: &Root) -> PathBuf {
    let hex = root.to_string();
    folder(data_dir).join(&hex[..2]).join(format!("{hex}.obao"))
}
