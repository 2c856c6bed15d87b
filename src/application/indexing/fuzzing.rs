//! Doors for the fuzz targets to decoders that are nobody else's: what is read from the index and
//! from shared files. Nothing in the program comes through here.

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
};

use super::{index, tags};
use crate::domain::{Manifest, Tags};

/// Reads a remembered hash.
#[must_use]
pub fn decode_file(bytes: &[u8]) -> Option<Manifest> {
    index::decode_file(bytes)
}

/// Reads what a remembered root excludes.
#[must_use]
pub fn decode_root(bytes: &[u8]) -> Option<BTreeSet<PathBuf>> {
    index::decode_root(bytes)
}

/// Reads the media type and the tags of a file of this name.
#[must_use]
pub fn read_tags(file: &File, name: &Path) -> (Option<String>, Tags) {
    tags::read(file, name)
}
