//! Private folders in the data directory, for what is on its way through.
//!
//! Each goes with the command that made it. One that was killed leaves its folder behind, and the
//! next node in the data directory removes it: whoever still reads from it has it open.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::exit::io_failure;
use crate::application::message::Failure;

/// The lists of the node name the folder, so it says what it is for.
const PREFIX: &str = ".to-stdout-";

/// Makes one (0700).
pub(super) fn make(data_dir: &Path) -> Result<TempDir, Failure> {
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(data_dir);
    let what = format!("cannot make a folder in {}", data_dir.display());
    folder.map_err(|error| io_failure(&what, &error))
}

/// Removes what killed commands left. The caller holds the lock of the data directory, so no
/// command waits for a node there.
pub(super) fn sweep(data_dir: &Path) {
    let entries = fs::read_dir(data_dir).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            // One that cannot be removed is only untidy.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_behind_is_swept_and_nothing_else() {
        let data = tempfile::tempdir().expect("tempdir");
        let left = make(data.path()).expect("made").keep();
        fs::write(left.join("file"), "x").expect("write");
        fs::write(data.path().join("index"), "x").expect("write");
        sweep(data.path());
        assert!(!left.exists());
        assert!(data.path().join("index").exists());
    }
}
