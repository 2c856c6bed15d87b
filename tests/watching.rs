//! Shared folders are watched: what happens in them happens in the network, once.
#![allow(clippy::unwrap_used)]

#[path = "fixtures/home.rs"]
mod home;

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use home::{Home, LARGE, Node};
use p2pfs_tui::{
    application::{
        catalog::SharedFile,
        indexing::Change,
        message::{NoticeLevel, Window},
    },
    network::content::hash::open_outboard,
};

/// A node that shares the folder of a home, and what it told of the files there.
async fn sharing(home: &Home, files: &[&str]) -> (Node, Vec<Arc<SharedFile>>) {
    for file in files {
        home.write(file, file);
    }
    let mut node = home.start().await;
    let root = node.service.share(home.shared(), true).await.unwrap();
    let told = node.added(usize::try_from(root.files).unwrap()).await;
    node.wait_for_files(root.files).await;
    (node, told)
}

fn root_of(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    *blake3::hash(bytes.as_ref()).as_bytes()
}

#[tokio::test]
async fn what_appears_is_shared_and_what_goes_is_not() {
    let home = Home::new();
    let (mut node, _) = sharing(&home, &["a.txt"]).await;
    home.write("b.txt", "new");
    home.write("deep/er/c.txt", "deeper");
    home.write(".hidden/d.txt", "no");
    home.write("server.pem", "no");
    home.write("movie.part", "no");
    let names: Vec<_> = node.added(2).await.iter().map(|file| file.manifest.name.clone()).collect();
    assert!(names.contains(&"b.txt".into()) && names.contains(&"c.txt".into()), "{names:?}");

    // A folder that came is watched, too, and one that came again under an old name.
    home.write("deep/er/e.txt", "in a new folder");
    assert_eq!(node.added(1).await[0].manifest.name, "e.txt");

    fs::remove_file(home.shared().join("b.txt")).unwrap();
    assert_eq!(node.removed().await.manifest.name, "b.txt");
    fs::remove_dir_all(home.shared().join("deep")).unwrap();
    let mut gone =
        [node.removed().await.manifest.name.clone(), node.removed().await.manifest.name.clone()];
    gone.sort();
    assert_eq!(gone, ["c.txt", "e.txt"]);
    assert_eq!(node.paths(), [home.shared().join("a.txt")].into());
    for name in ["deep/er/f.txt", "deep/er/g.txt"] {
        home.write(name, name);
        node.added(1).await;
    }
    fs::remove_dir_all(home.shared().join("deep")).unwrap();
    node.wait_for_files(1).await;
    assert_eq!(node.service.files_hashed(), 6);
    node.service.stop().await;

    // Nothing of what is gone was kept.
    let mut node = home.start().await;
    node.added(1).await;
    assert_eq!((node.service.totals().files, node.service.files_hashed()), (1, 0));
    node.service.stop().await;
}

#[tokio::test]
async fn a_changed_file_is_withdrawn_then_hashed_again() {
    let home = Home::new();
    let path = home.write("a.bin", vec![1; LARGE]);
    let (mut node, mut told) = sharing(&home, &[]).await;
    let before = told.remove(0);
    fs::write(&path, vec![2; LARGE]).unwrap();
    assert_eq!(node.removed().await, before);
    let after = node.added(1).await.remove(0);
    assert_eq!(after.manifest.content.root.as_bytes(), &root_of(vec![2; LARGE]));
    assert!(open_outboard(&home.data(), &before.manifest.content).is_err(), "nobody needs it");
    open_outboard(&home.data(), &after.manifest.content).unwrap();
    // As an editor saves: another file in its place.
    let beside = home.shared().join(".a.bin.swp");
    fs::write(&beside, "third").unwrap();
    fs::rename(&beside, &path).unwrap();
    assert_eq!(node.removed().await, after);
    assert_eq!(node.added(1).await[0].manifest.content.root.as_bytes(), &root_of("third"));
    node.service.stop().await;
}

#[tokio::test]
async fn a_file_that_is_written_for_a_while_is_hashed_once() {
    let home = Home::new();
    let (mut node, _) = sharing(&home, &["a.txt"]).await;
    let path = home.shared().join("slow.log");
    let begun = Instant::now();
    let mut expected = Vec::new();
    let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
    // Pauses are what is tested here: each is much shorter than a file must be quiet for.
    while begun.elapsed() < Duration::from_secs(3) {
        file.write_all(b"more").unwrap();
        expected.extend(b"more");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let added = node.added(1).await.remove(0);
    assert_eq!(added.manifest.content.root.as_bytes(), &root_of(expected));
    assert_eq!(node.service.files_hashed(), 2);
    node.service.stop().await;
}

#[tokio::test]
async fn what_is_moved_is_known_without_a_hash() {
    let home = Home::new();
    home.write("large.bin", vec![7; LARGE]);
    let (mut node, _) = sharing(&home, &["a/one.txt", "a/two.txt"]).await;
    let at = |name: &str| home.shared().join(name);
    let expect = async |node: &mut Node, added: &[&str], removed: usize| {
        let (mut new, mut gone) = (Vec::new(), 0);
        while new.len() < added.len() || gone < removed {
            match node.change().await {
                Change::Added(file) => new.push(file),
                Change::Removed(_) => gone += 1,
                Change::Notice(_) => {}
            }
        }
        let mut names: Vec<_> = new.iter().map(|file| file.manifest.name.clone()).collect();
        names.sort();
        assert_eq!((names, gone), (added.iter().map(|name| (*name).to_owned()).collect(), removed));
    };
    fs::rename(at("large.bin"), at("renamed.bin")).unwrap();
    expect(&mut node, &["renamed.bin"], 1).await;
    fs::rename(at("a"), at("b")).unwrap();
    expect(&mut node, &["one.txt", "two.txt"], 2).await;
    fs::create_dir(at("c")).unwrap();
    fs::rename(at("b/one.txt"), at("c/uno.md")).unwrap();
    expect(&mut node, &["uno.md"], 1).await;
    assert_eq!(node.service.files_hashed(), 3);
    // What was moved is watched where it is now.
    fs::write(at("b/three.txt"), "3").unwrap();
    expect(&mut node, &["three.txt"], 0).await;
    fs::remove_file(at("b/three.txt")).unwrap();
    expect(&mut node, &[], 1).await;
    let row = node.service.row(&at("c/uno.md")).unwrap();
    assert_eq!(row.media_type.as_deref(), Some("text/markdown"), "the name tells it");
    open_outboard(&home.data(), &node.service.find(&at("renamed.bin")).unwrap().content).unwrap();
    let expected = ["b/two.txt", "c/uno.md", "renamed.bin"].map(at);
    assert_eq!(node.paths(), expected.clone().into());
    node.service.stop().await;

    let mut node = home.start().await;
    node.added(3).await;
    assert_eq!((node.paths(), node.service.files_hashed()), (expected.into(), 0));
    node.service.stop().await;
}

#[tokio::test]
async fn a_folder_that_vanishes_and_comes_back_costs_no_hash() {
    let home = Home::new();
    let (mut node, _) = sharing(&home, &["a.txt", "b/c.txt"]).await;
    let away = home.folder.path().join("away");
    fs::rename(home.shared(), &away).unwrap();
    for _ in 0..2 {
        node.removed().await;
    }
    node.wait_for_notice("no such file or folder", NoticeLevel::Warning).await;
    assert_eq!((node.service.totals().files, node.service.roots().len()), (0, 1));

    fs::rename(&away, home.shared()).unwrap();
    node.wait_for_files(2).await;
    node.wait_for_notice("is back", NoticeLevel::Info).await;
    assert_eq!(node.service.files_hashed(), 2);
    // And it is watched as before.
    home.write("b/d.txt", "new");
    node.wait_for_files(3).await;
    node.service.stop().await;
}

#[tokio::test]
async fn a_single_file_is_watched_and_its_neighbours_are_not_shared() {
    let home = Home::new();
    let path = home.write("a.txt", "one");
    let node = home.start().await;
    node.service.share(path.clone(), true).await.unwrap();
    node.wait_for_files(1).await;
    home.write("b.txt", "neighbour");
    fs::write(&path, "two").unwrap();
    let root = |path: &Path| node.service.find(path).map(|found| *found.content.root.as_bytes());
    node.wait_until("the new content", |_| root(&path) == Some(root_of("two"))).await;
    let rows = node.service.rows(Window::first(9)).rows;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(node.service.unshare(path.clone()).await, Ok(1));
    fs::write(&path, "three").unwrap();
    node.service.stop().await;
}
