//! Where a transfer's bytes are while they arrive, and how they get their name: beside the
//! destination as `name.part`, moved in one step when everything is there and right. Nothing that
//! exists is ever overwritten.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::{domain::file_name, network::content::store::disk::Disk};

/// The most names that are tried where the wanted one is taken.
const MAX_NUMBER: u32 = 9_999;

/// Takes a name that nobody has for a part: an empty file, or an empty folder for a collection.
///
/// # Errors
/// When the folder is missing or cannot be written to.
pub(super) fn claim(destination: &Path, collection: bool) -> io::Result<PathBuf> {
    for n in 0..MAX_NUMBER {
        let mut name = numbered(destination, n).into_os_string();
        name.push(".part");
        let path = PathBuf::from(name);
        let made = if collection {
            fs::create_dir(&path)
        } else {
            OpenOptions::new().write(true).create_new(true).open(&path).map(drop)
        };
        match made {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Gives a complete part its name, or the next free one. `about_to` hears of each name before it is
/// tried, so that after a crash it is known which one it may have got.
///
/// # Errors
/// When the disk fails; the part is still there then.
pub(super) fn publish(
    disk: &dyn Disk,
    part: &Path,
    destination: &Path,
    about_to: &mut dyn FnMut(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    for n in 0..MAX_NUMBER {
        let path = numbered(destination, n);
        // A look first, so that not every taken name has to be written down.
        if path.symlink_metadata().is_ok() {
            continue;
        }
        about_to(&path)?;
        match disk.rename_to_free(part, &path) {
            Ok(()) => {
                if let Some(folder) = path.parent() {
                    disk.sync_dir(folder)?;
                }
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Deletes a part, whatever it is.
pub(super) fn discard(part: &Path) {
    let removed = match fs::symlink_metadata(part) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(part),
        Ok(_) => fs::remove_file(part),
        Err(_) => Ok(()),
    };
    if let Err(error) = removed {
        tracing::warn!(?part, %error, "what was fetched of it cannot be deleted");
    }
}

fn numbered(destination: &Path, n: u32) -> PathBuf {
    if n == 0 {
        return destination.to_owned();
    }
    let name = destination.file_name().unwrap_or_default().to_string_lossy();
    destination.with_file_name(file_name::numbered(&name, n))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::network::content::store::{
        disk::RealDisk,
        tests::{
            crash_disk::CrashDisk,
            open,
            truth::{Truth, put, size},
        },
    };

    /// The power fails at every moment from the first byte to the name.
    #[tokio::test]
    async fn under_its_name_a_file_is_complete_or_it_is_not_there() {
        for sizes in [vec![size(1, 2, 3)], vec![size(0, 1, 1), size(1, 1, 0), 0]] {
            let truth = Truth::new(&sizes);
            let (disk, plan) = (CrashDisk::default(), truth.plan(Path::new("/disk")));
            let (store, _) = open(Arc::new(disk.clone()), plan.clone()).expect("opened");
            put(&store, &truth, &truth.pieces()).await;
            store.complete().await.expect("complete");
            let part = plan.paths[0].base.join("part");
            let wanted = part.with_file_name("name");
            let mut told = Vec::new();
            let mut about_to = |path: &Path| {
                told.push(path.to_owned());
                Ok(())
            };
            publish(&disk, &part, &wanted, &mut about_to).expect("published");
            let now_at = |file: usize| {
                let rel = plan.paths[file].rel.strip_prefix("part").expect("below it");
                if rel.as_os_str().is_empty() { wanted.clone() } else { wanted.join(rel) }
            };
            let mut whole = 0;
            for (at, seed) in (0..=disk.operations()).flat_map(|at| [at; 20]).zip(0..) {
                let left = disk.after_crash(at, &mut StdRng::seed_from_u64(seed));
                let there: Vec<_> =
                    (0..truth.files.len()).map(|file| left.content(&now_at(file))).collect();
                if there.iter().any(Option::is_some) {
                    let right = there.iter().zip(&truth.files).all(|(a, b)| a.as_ref() == Some(b));
                    assert!(right, "after {at} operations, with seed {seed}");
                    whole += 1;
                }
            }
            assert!(whole > 0);
        }
    }

    #[test]
    fn a_part_takes_the_next_free_name_and_tells_before_it_does() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let wanted = folder.path().join("a.txt");
        fs::write(&wanted, "mine").expect("written");
        let part = claim(&wanted, false).expect("claimed");
        assert_eq!(part, folder.path().join("a.txt.part"));
        fs::write(&part, "theirs").expect("written");
        let mut told = Vec::new();
        let mut tell = |path: &Path| {
            assert!(!path.exists());
            told.push(path.to_owned());
            Ok(())
        };
        let path = publish(&RealDisk, &part, &wanted, &mut tell).expect("published");
        assert_eq!(path, folder.path().join("a (1).txt"));
        assert_eq!(told, std::slice::from_ref(&path));
        assert_eq!(fs::read(&wanted).expect("kept"), b"mine");
        assert_eq!(fs::read(path).expect("there"), b"theirs");
    }

    #[test]
    fn two_parts_of_one_name_stay_apart() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let wanted = folder.path().join("a");
        let parts = [false, true, false].map(|c| claim(&wanted, c).expect("claimed"));
        let names = ["a.part", "a (1).part", "a (2).part"].map(|name| folder.path().join(name));
        assert_eq!(parts, names);
        assert!(parts[1].is_dir());
        parts.iter().for_each(|part| discard(part));
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
        assert!(claim(&folder.path().join("none/a"), false).is_err());
    }
}
