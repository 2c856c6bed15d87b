//! Scanning: which files of a shared path are shared at all.
//!
//! A scan reads folders and stamps, never files. It follows no symbolic link, so nothing outside
//! the shared path is ever shared through it, and passes over what people rarely mean to give
//! away: dotfiles, keys and what is not finished. What it passes over, it says.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, Metadata},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use walkdir::{DirEntry, WalkDir};

use crate::{
    application::message::{Failure, FailureKind, Notice, NoticeLevel},
    domain::untrusted,
    network::content::hash::Stamp,
};

/// Files that are not shared unless named themselves: keys, passwords, wallets. `*` stands for
/// any text at either end; case does not matter.
const KEYS: [&str; 19] = [
    "*.pem",
    "*.key",
    "*.kdbx",
    "*.kdb",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.ppk",
    "*.ovpn",
    "*.wallet",
    "wallet.dat",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "credentials*",
    "secring*",
    "htpasswd",
];
/// Files that programs rename once they are complete.
const UNFINISHED: [&str; 2] = ["*.part", "*.crdownload"];
/// Folders that hold the system's insides rather than files; only in the way when all is shared.
const SYSTEM: [&str; 4] = ["/dev", "/proc", "/run", "/sys"];

/// A file that a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: Arc<Path>,
    /// What it looks like.
    pub(super) stamp: Stamp,
}

/// Why something within a shared path is not shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It looks like a key or a password.
    Key,
    /// It is a symbolic link, and those are not followed.
    Link,
    /// It cannot be read.
    Unreadable,
    /// Its name begins with a dot.
    Hidden,
    /// A program has not finished writing it.
    Unfinished,
    /// It is the inside of the system, or this node's own state.
    System,
}

/// What a scan passed over.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    by_reason: BTreeMap<Reason, Passed>,
}

/// Some entries: how many, and the first of them.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) count: u64,
    pub(super) first: Vec<PathBuf>,
}

/// Entries passed over that are kept to be shown, for each reason.
pub(super) const KEPT: usize = 1_000;

impl Skipped {
    pub(super) fn add(&mut self, reason: Reason, path: &Path) {
        let passed = self.by_reason.entry(reason).or_default();
        passed.count += 1;
        if passed.first.len() < KEPT {
            passed.first.push(path.to_owned());
        }
    }

    /// What was passed over, by reason.
    pub(super) fn into_reasons(self) -> impl Iterator<Item = (Reason, Passed)> {
        self.by_reason.into_iter()
    }

    /// `the only one`, or `one of them and 3 more`.
    fn list(&self, reason: Reason) -> Option<String> {
        let passed = self.by_reason.get(&reason)?;
        let first = shown(passed.first.first()?);
        Some(match passed.count {
            1 => first,
            count => format!("{first} and {} more", count - 1),
        })
    }
}

/// Checks a path that a person wants to share, and gives its one real name.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn check_root(path: &Path) -> Result<PathBuf, Failure> {
    let failure = |why: &str, hint: &str| {
        let text = format!("cannot share {}: {why}", shown(path));
        Failure::new(FailureKind::Error, text).hint(hint)
    };
    let io_failure = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            failure("there is no such file or folder", "check the path and share it again")
        }
        io::ErrorKind::PermissionDenied => failure(
            "this user may not read it",
            "allow the user that runs the node to read it, then share it again",
        ),
        _ => failure(&error.to_string(), "check the path and share it again"),
    };
    if !path.is_absolute() {
        return Err(failure("the path is not absolute", "give the path from / on"));
    }
    let path = fs::canonicalize(path).map_err(io_failure)?;
    let metadata = fs::metadata(&path).map_err(io_failure)?;
    if metadata.is_dir() {
        fs::read_dir(&path).map_err(io_failure)?;
    } else if metadata.is_file() {
        fs::File::open(&path).map_err(io_failure)?;
    } else {
        return Err(failure("it is neither a file nor a folder", "share a file or a folder"));
    }
    Ok(path)
}

/// Checks that a path is not a node's own state. A folder in the data directory may be shared
/// (downloads may be there), but not what lies directly in it: the node's key is there.
///
/// # Errors
/// When it is.
pub(super) fn check_not_own(root: &Path, data_dir: &Path) -> Result<(), Failure> {
    let is_own = root == data_dir
        || root.starts_with(data_dir.join("outboards"))
        || (root.is_file() && root.parent() == Some(data_dir));
    if is_own {
        let text = format!("cannot share {}: this node's own state is there", shown(root));
        return Err(Failure::new(FailureKind::Error, text).hint("share another folder"));
    }
    Ok(())
}

/// A word of caution about a path that is more than most people mean to share.
pub(super) fn caution(root: &Path, home: Option<&Path>) -> Option<Notice> {
    let text = if root == Path::new("/") {
        "the whole disk is shared now".to_owned()
    } else if home.is_some_and(|home| home.starts_with(root)) {
        format!("the whole home folder {} is shared now", shown(root))
    } else if is_key(root) {
        format!("{} looks like a key, and is shared now", shown(root))
    } else {
        return None;
    };
    let hint = format!("if that was not meant: unshare {}", shown(root));
    Some(Notice { level: NoticeLevel::Warning, text: text.into(), hint: Some(hint) })
}

/// Finds the files that a shared path has at and beneath `start`, which is the shared path itself
/// or a part of it. `leave_out` names what not to go into, the shared path itself never being
/// asked about; `enter` hears of each folder before its entries are read; `each` may stop the scan.
pub(super) fn walk(
    root: &Path,
    start: &Path,
    leave_out: impl Fn(&Path) -> bool,
    mut enter: impl FnMut(&Path),
    mut each: impl FnMut(Found) -> ControlFlow<()>,
) -> Skipped {
    let skipped = RefCell::new(Skipped::default());
    // Only the shared path itself is shared whatever it is called.
    let is_root = |entry: &DirEntry| entry.depth() == 0 && start == root;
    let keep = |entry: &DirEntry| {
        let reason = match entry {
            entry if is_root(entry) => return true,
            entry if is_hidden(entry) => Reason::Hidden,
            entry if leave_out(entry.path()) || is_system(entry) => Reason::System,
            _ => return true,
        };
        skipped.borrow_mut().add(reason, entry.path());
        false
    };
    let walk = WalkDir::new(start).follow_root_links(false);
    for entry in walk.into_iter().filter_entry(keep) {
        let place = |error: &walkdir::Error| error.path().unwrap_or(start).to_owned();
        let found = entry.map_err(|error| (place(&error), error.into())).and_then(|entry| {
            let is_root = is_root(&entry);
            if entry.file_type().is_dir() {
                enter(entry.path());
            }
            look(&entry, is_root, &mut skipped.borrow_mut())
                .map_err(|error| (entry.path().to_owned(), error))
        });
        match found {
            Ok(Some(found)) => {
                if each(found).is_break() {
                    break;
                }
            }
            Ok(None) => {}
            // It was there a moment ago; nothing is wrong with that.
            Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err((path, error)) => {
                tracing::info!(?path, %error, "cannot read a part of a shared path");
                skipped.borrow_mut().add(Reason::Unreadable, &path);
            }
        }
    }
    skipped.into_inner()
}

/// Whether a scan of a shared path would never come to a path beneath it: something above that is
/// hidden or a link.
pub(super) fn is_passed_over(root: &Path, path: &Path) -> bool {
    let (Ok(below), Some(folder)) = (path.strip_prefix(root), path.parent()) else { return true };
    if below.as_os_str().is_empty() {
        return false;
    }
    let hidden = below.iter().any(|part| part.as_encoded_bytes().starts_with(b"."));
    // A folder that is gone has nothing to find; what was known of it is to be withdrawn.
    hidden || fs::canonicalize(folder).is_ok_and(|real| real != folder)
}

/// What to tell about a scan.
pub(super) fn notices(root: &Path, skipped: &Skipped) -> Vec<Notice> {
    let notice = |level, text: String, hint: &str| Notice {
        level,
        text: text.into(),
        hint: Some(hint.to_owned()),
    };
    let root = shown(root);
    let unreadable = skipped.list(Reason::Unreadable).map(|list| {
        let hint = "allow the user that runs the node to read them, then share the folder again";
        notice(NoticeLevel::Warning, format!("could not read everything in {root}: {list}"), hint)
    });
    let keys = skipped.list(Reason::Key).map(|list| {
        let hint = "to share such a file all the same, share it by its own path";
        notice(NoticeLevel::Info, format!("not shared, as they look like keys: {list}"), hint)
    });
    let links = skipped.list(Reason::Link).map(|list| {
        let hint = "share what the link points to by its own path";
        notice(NoticeLevel::Info, format!("not shared, as links are not followed: {list}"), hint)
    });
    [unreadable, keys, links].into_iter().flatten().collect()
}

/// A path for people: on one line, nothing in it that disturbs a terminal.
pub(super) fn shown(path: &Path) -> String {
    untrusted::visible(&path.to_string_lossy())
}

fn look(entry: &DirEntry, is_root: bool, skipped: &mut Skipped) -> io::Result<Option<Found>> {
    let kind = entry.file_type();
    if kind.is_symlink() {
        skipped.add(Reason::Link, entry.path());
    }
    if !kind.is_file() {
        return Ok(None);
    }
    if !is_root {
        let name = folded(entry.file_name());
        if matches_any(&name, &UNFINISHED) {
            skipped.add(Reason::Unfinished, entry.path());
            return Ok(None);
        }
        if matches_any(&name, &KEYS) {
            skipped.add(Reason::Key, entry.path());
            return Ok(None);
        }
    }
    let metadata: Metadata = entry.metadata()?;
    Ok(Some(Found { path: entry.path().into(), stamp: Stamp::of(&metadata) }))
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_system(entry: &DirEntry) -> bool {
    entry.file_type().is_dir() && SYSTEM.iter().any(|system| entry.path() == Path::new(system))
}

fn is_key(path: &Path) -> bool {
    matches_any(&folded(path.file_name().unwrap_or_default()), &KEYS)
}

/// A name as patterns are written.
fn folded(name: &OsStr) -> String {
    let mut name = name.to_string_lossy().into_owned();
    if name.is_ascii() {
        name.make_ascii_lowercase();
        return name;
    }
    name.to_lowercase()
}

fn matches_any(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => name == *pattern,
    })
}

#[cfg(test)]
mod tests;
