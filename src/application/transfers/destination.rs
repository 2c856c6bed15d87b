//! Where a file goes: decided before the first byte, so that a wrong path costs nothing.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    application::message::{Failure, FailureKind},
    domain::file_name,
};

/// The path a file is to get, from what was asked for and what the file is called.
///
/// A folder that exists takes the file under a safe form of its name; anything else is the path
/// itself. The download folder is created when it is first needed.
///
/// # Errors
/// When the folder is missing or is no folder.
pub(super) fn choose(
    wanted: Option<&Path>,
    download_dir: &Path,
    name: &str,
) -> Result<PathBuf, Failure> {
    let Some(wanted) = wanted else {
        std::fs::create_dir_all(download_dir).map_err(|error| explain(download_dir, &error))?;
        return Ok(download_dir.join(file_name::safe(name)));
    };
    if wanted.is_dir() {
        return Ok(wanted.join(file_name::safe(name)));
    }
    if wanted.exists() && !wanted.is_file() {
        let message =
            format!("cannot save to {}: it is neither a file nor a folder", wanted.display());
        return Err(Failure::new(FailureKind::Error, message)
            .hint("give a file name or a folder; `-o -` writes to stdout"));
    }
    let folder = wanted.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        let message =
            format!("cannot save to {}: there is no folder {}", wanted.display(), folder.display());
        return Err(Failure::new(FailureKind::Error, message)
            .hint(format!("create it first: mkdir -p {}", folder.display())));
    }
    Ok(wanted.to_owned())
}

/// What an error of the disk means to a person.
pub(super) fn explain(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::new(FailureKind::DiskFull, format!("no room left for {path}"))
                .hint("make room, or choose another disk with -o, and get it again")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Failure::new(FailureKind::Error, format!("not allowed to write {path}"))
                .hint("choose another place with -o")
        }
        _ => Failure::new(FailureKind::Error, format!("cannot write {path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_take_safe_names_and_missing_ones_are_told() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let (here, downloads) = (folder.path(), folder.path().join("Downloads"));
        let name = "../evil.txt";
        let in_downloads = choose(None, &downloads, name).expect("created");
        assert_eq!(in_downloads, downloads.join("%2E.%2Fevil.txt"));
        assert_eq!(choose(Some(here), &downloads, "a").expect("a folder"), here.join("a"));
        let exact = here.join("b");
        assert_eq!(choose(Some(&exact), &downloads, "a").expect("a path"), exact);
        let special = choose(Some(Path::new("/dev/null")), &downloads, "a").expect_err("a device");
        assert!(special.message.contains("neither"), "{special}");
        let failure = choose(Some(&here.join("none/b")), &downloads, "a").expect_err("missing");
        assert!(failure.message.contains("none") && failure.hint.is_some());
    }

    #[test]
    fn a_full_disk_has_its_own_kind() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(explain(Path::new("/x"), &full).kind, FailureKind::DiskFull);
    }
}
