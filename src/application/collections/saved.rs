//! The lists of collections on the disk: `<data_dir>/collections/<root>`, each with what was asked
//! for beside it, in `<root>.json`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    application::message::path_text,
    domain::{ContentId, Root, collection::MAX_LIST},
};

/// The largest description that is read, in bytes.
const MAX_DESCRIPTION: u64 = 64 << 10;

/// What is known of a collection besides its list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) name: String,
    #[serde(with = "path_text")]
    pub(super) folder: PathBuf,
    /// In Unix seconds.
    pub(super) made: u64,
    pub(super) content: ContentId,
}

impl Saved {
    /// Writes it down, the list first, so that what is described is there.
    pub(super) fn write(&self, data_dir: &Path, list: &[u8]) -> io::Result<()> {
        let home = home(data_dir);
        fs::create_dir_all(&home)?;
        let root = self.content.root.to_string();
        replace(&home, &home.join(&root), list)?;
        replace(&home, &home.join(format!("{root}.json")), &serde_json::to_vec(self)?)
    }
}

/// Every collection with its list, as far as both are what they were.
pub(super) fn all(data_dir: &Path) -> Vec<(Saved, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(home(data_dir)) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let described = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let read = |path: PathBuf| {
        let fits = fs::metadata(&path).is_ok_and(|file| file.len() <= MAX_DESCRIPTION);
        let saved: Saved = serde_json::from_slice(&fs::read(&path).ok().filter(|_| fits)?).ok()?;
        let list = list(data_dir, &saved.content.root)?;
        Some((saved, list))
    };
    described.filter_map(read).take(super::MAX_COLLECTIONS).collect()
}

/// The list of a collection, unless it is gone or damaged.
pub(super) fn list(data_dir: &Path, root: &Root) -> Option<Vec<u8>> {
    let path = home(data_dir).join(root.to_string());
    if fs::metadata(&path).ok()?.len() > MAX_LIST {
        return None;
    }
    let list = fs::read(path).ok()?;
    (blake3::hash(&list).as_bytes() == root.as_bytes()).then_some(list)
}

pub(super) fn remove(data_dir: &Path, root: &Root) {
    let home = home(data_dir);
    for name in [root.to_string(), format!("{root}.json")] {
        if let Err(error) = fs::remove_file(home.join(&name)) {
            tracing::warn!(%name, %error, "a list cannot be deleted");
        }
    }
}

fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("collections")
}

fn replace(home: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = tempfile::NamedTempFile::new_in(home)?;
    fs::write(file.path(), bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
