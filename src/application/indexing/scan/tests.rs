use super::*;
use std::{collections::BTreeSet, os::unix::fs::symlink};

use tempfile::TempDir;

fn tree(files: &[&str]) -> TempDir {
    // Not the default name: a dot at its start would hide the root from an outer scan.
    let folder = tempfile::Builder::new().prefix("scan").tempdir().expect("folder");
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("parent")).expect("folders");
        fs::write(path, file).expect("file");
    }
    folder
}

fn found(root: &Path, leave_out: &[&str]) -> (BTreeSet<String>, Skipped) {
    let mut files = BTreeSet::new();
    let leave_out = |path: &Path| leave_out.iter().any(|left| root.join(left) == path);
    let skipped = walk(
        root,
        root,
        leave_out,
        |_| {},
        |file| {
            let name = file.path.strip_prefix(root).expect("beneath the root");
            assert!(files.insert(name.to_string_lossy().into_owned()), "found twice");
            ControlFlow::Continue(())
        },
    );
    (files, skipped)
}

fn count(skipped: &Skipped, reason: Reason) -> u64 {
    skipped.by_reason.get(&reason).map_or(0, |passed| passed.count)
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn files_are_found_but_no_dotfiles_keys_or_unfinished_ones() {
    let folder = tree(&[
        "a.txt",
        "b/c.txt",
        "b/d/e.txt",
        ".hidden",
        ".git/config",
        "b/.env",
        "id_rsa.pub",
        "b/Server.PEM",
        "movie.mkv.part",
        "keys.txt",
    ]);
    let (files, skipped) = found(folder.path(), &[]);
    assert_eq!(files, set(&["a.txt", "b/c.txt", "b/d/e.txt", "keys.txt"]));
    assert_eq!(count(&skipped, Reason::Key), 2);
    assert_eq!(count(&skipped, Reason::Hidden), 3, "a folder counts as one");
    assert_eq!(count(&skipped, Reason::Unfinished), 1);
    let notices = notices(folder.path(), &skipped);
    assert_eq!(notices.len(), 1);
    assert!(notices[0].text.raw().ends_with("and 1 more"), "{notices:?}");
}

#[test]
fn links_are_not_followed() {
    let outside = tree(&["secret.txt"]);
    let folder = tree(&["a.txt"]);
    symlink(outside.path(), folder.path().join("folder")).expect("link");
    symlink(outside.path().join("secret.txt"), folder.path().join("file.txt")).expect("link");
    symlink(folder.path(), folder.path().join("loop")).expect("link");
    let (files, skipped) = found(folder.path(), &[]);
    assert_eq!(files, set(&["a.txt"]));
    assert_eq!(count(&skipped, Reason::Link), 3);
}

#[test]
fn what_is_left_out_is_not_entered() {
    let folder = tree(&["a.txt", "b/c.txt", "b/d.txt"]);
    assert_eq!(found(folder.path(), &["b"]).0, set(&["a.txt"]));
    assert_eq!(found(folder.path(), &["b/c.txt"]).0, set(&["a.txt", "b/d.txt"]));
}

#[test]
fn a_single_file_is_a_scan_of_one_whatever_its_name() {
    let folder = tree(&[".hidden.pem"]);
    assert_eq!(found(&folder.path().join(".hidden.pem"), &[]).0.len(), 1);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_found() {
    let folder = tree(&["one/a.txt", "two/b.txt", "c.txt"]);
    let mut files = 0;
    let skipped = walk(
        folder.path(),
        folder.path(),
        |_| false,
        |_| {},
        |file| {
            files += 1;
            // Whichever folder comes first, the other one is no folder any more.
            for (this, other) in [("one", "two"), ("two", "one")] {
                if file.path.parent() == Some(&folder.path().join(this)) {
                    let other = folder.path().join(other);
                    fs::remove_dir_all(&other).expect("remove");
                    fs::write(&other, b"").expect("replace");
                }
            }
            ControlFlow::Continue(())
        },
    );
    assert_eq!((files, count(&skipped, Reason::Unreadable)), (2, 1));
    assert_eq!(notices(folder.path(), &skipped)[0].level, NoticeLevel::Warning);
}

#[test]
fn a_part_is_scanned_by_the_rules_of_the_whole() {
    let folder = tree(&["a.txt", "b/c.txt", ".git/config", "b/key.pem", "d/.x/e.txt"]);
    let root = fs::canonicalize(folder.path()).expect("real");
    symlink(root.join("b"), root.join("link")).expect("link");
    let part = |part: &str| {
        let (mut files, start) = (0, root.join(part));
        if !is_passed_over(&root, &start) {
            walk(
                &root,
                &start,
                |_| false,
                |_| {},
                |_| {
                    files += 1;
                    ControlFlow::Continue(())
                },
            );
        }
        files
    };
    for (start, files) in [("a.txt", 1), ("b", 1), ("b/c.txt", 1), ("missing", 0)] {
        assert_eq!(part(start), files, "{start}");
    }
    for start in [".git", ".git/config", "b/key.pem", "d/.x/e.txt", "link", "link/c.txt"] {
        assert_eq!(part(start), 0, "{start}");
    }
}

#[test]
fn a_path_that_cannot_be_shared_says_why() {
    let folder = tree(&["file"]);
    for (path, why) in [
        (folder.path().join("missing"), "no such file"),
        (PathBuf::from("/dev/null"), "neither a file nor a folder"),
        (PathBuf::from("relative"), "not absolute"),
        (folder.path().join("file/below"), "Not a directory"),
    ] {
        let failure = check_root(&path).expect_err("no root");
        assert!(failure.message.contains(why), "{failure}");
        assert!(failure.message.contains(&shown(&path)) && failure.hint.is_some());
    }
}

#[test]
fn a_root_has_one_name_and_a_large_one_is_warned_of() {
    let folder = tree(&["file"]);
    let link = folder.path().join("link");
    symlink(folder.path().join("file"), &link).expect("link");
    let real = fs::canonicalize(folder.path()).expect("real");
    assert_eq!(check_root(&link).expect("root"), real.join("file"));

    let home = Some(Path::new("/home/ada"));
    for (root, warned) in [
        ("/", true),
        ("/home", true),
        ("/home/ada", true),
        ("/home/ada/Music", false),
        ("/home/ad", false),
        ("/srv/server.key", true),
    ] {
        assert_eq!(caution(Path::new(root), home).is_some(), warned, "{root}");
    }
}
