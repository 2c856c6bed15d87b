//! The indexing service as a node uses it: real folders, a real index, restarts.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::PathBuf,
    time::Duration,
};

use p2pfs_tui::{
    application::{
        config::NodeConfig,
        indexing::IndexingService,
        message::{NoticeLevel, ShareState, Window},
    },
    domain::Query,
    network::content::hash::open_outboard,
};
use tokio::{sync::mpsc, time::timeout};

#[path = "fixtures/home.rs"]
mod home;

use home::{DEADLINE, Home, LARGE, Node};

#[tokio::test]
async fn a_shared_folder_is_served_and_a_restart_hashes_nothing() {
    let home = Home::new();
    let large = vec![7; LARGE];
    let path = home.write("Music/Swan Lake.txt", &large);
    home.write("empty.txt", "");
    let mut node = home.start().await;
    let row = node.service.share(home.shared(), true).await.unwrap();
    assert_eq!((row.files, row.bytes, row.remembered), (2, LARGE as u64, true));
    node.wait_for_files(2).await;
    node.added(2).await;
    let manifest = node.service.find(&path).unwrap();
    assert_eq!(manifest.content.root.as_bytes(), blake3::hash(&large).as_bytes());
    assert_eq!(manifest.media_type.as_deref(), Some("text/plain"));
    let query = Query::new("swan lake", None).unwrap();
    assert_eq!(node.service.catalog().answer(&query, 9), std::slice::from_ref(&manifest));
    assert_eq!(node.service.files_hashed(), 2);
    node.service.stop().await;

    let mut node = home.start().await;
    node.added(2).await;
    assert_eq!(node.service.files_hashed(), 0);
    assert_eq!(node.service.roots().len(), 1);
    assert_eq!(node.service.find(&path), Some(manifest.clone()));
    let file = node.service.catalog().by_root(&manifest.content.root).unwrap();
    file.open_unchanged().unwrap();
    open_outboard(&home.data(), &manifest.content).unwrap();
    node.service.stop().await;
}

#[tokio::test]
async fn a_changed_file_is_hashed_again_and_a_deleted_one_is_gone() {
    let home = Home::new();
    let path = home.write("a.txt", "one");
    home.write("b.txt", "two");
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(2).await;
    node.service.stop().await;

    fs::write(&path, "other").unwrap();
    fs::remove_file(home.shared().join("b.txt")).unwrap();
    let mut node = home.start().await;
    let file = node.added(1).await.remove(0);
    assert_eq!(file.manifest.content.root.as_bytes(), blake3::hash(b"other").as_bytes());
    assert_eq!(node.service.files_hashed(), 1);
    assert_eq!(node.service.totals().files, 1);

    // And while it runs: whoever serves it notices.
    fs::write(&path, vec![1; LARGE]).unwrap();
    file.open_unchanged().unwrap_err();
    node.service.mark_changed(&path);
    assert_eq!(node.removed().await.path, file.path);
    let again = node.added(1).await.remove(0);
    assert_eq!(again.manifest.content.size, LARGE as u64);
    again.open_unchanged().unwrap();

    fs::remove_file(&path).unwrap();
    node.service.mark_changed(&path);
    assert_eq!(node.removed().await.path, again.path);
    assert!(node.paths().is_empty());
    assert!(open_outboard(&home.data(), &again.manifest.content).is_err(), "nobody needs it");
    node.service.stop().await;
}

#[tokio::test]
async fn a_lost_outboard_is_made_again() {
    let home = Home::new();
    let path = home.write("a.bin", vec![1; LARGE]);
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(1).await;
    let content = node.service.find(&path).unwrap().content;
    node.service.stop().await;
    fs::remove_dir_all(home.data().join("outboards")).unwrap();
    let node = home.start().await;
    node.wait_for_files(1).await;
    assert_eq!(node.service.files_hashed(), 1);
    open_outboard(&home.data(), &content).unwrap();
    node.service.stop().await;
}

#[tokio::test]
async fn five_thousand_files_come_back_without_a_hash() {
    let home = Home::new();
    for n in 0..5_000 {
        home.write(&format!("{}/song number {n}.txt", n % 50), format!("file {n}"));
    }
    let mut node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.added(5_000).await;
    node.wait_for_files(5_000).await;
    node.service.stop().await;

    let began = std::time::Instant::now();
    let mut node = home.start().await;
    let files = node.added(5_000).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let distinct: BTreeSet<_> = files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(distinct.len(), 5_000);
    assert_eq!(node.service.files_hashed(), 0);
    let totals = node.service.totals();
    assert_eq!((totals.files, totals.to_hash, totals.failed), (5_000, 0, 0));
    assert!(totals.keys > 5_000 * 5);

    let page = node.service.rows(Window { offset: 4_990, limit: 100 });
    assert_eq!((page.total, page.rows.len()), (5_000, 10));
    assert!(page.rows.is_sorted_by_key(|row| row.path.clone()));
    let query = Query::new("number 4321", None).unwrap();
    assert_eq!(node.service.catalog().answer(&query, 9).len(), 1);
    node.service.stop().await;
}

/// Bytes of this process's memory that no file is behind.
fn own_pages() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
#[ignore = "takes a minute and wants to be alone: cargo test --release --test indexing -- --ignored"]
async fn a_hundred_thousand_files_are_there_soon_and_take_little_memory() {
    const FILES: u64 = 100_000;
    let home = Home::new();
    for n in 0..FILES {
        home.write(&format!("{}/song number {n}.txt", n % 100), format!("file {n}"));
    }
    let mut node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.added(usize::try_from(FILES).unwrap()).await;
    node.service.stop().await;
    drop(node);

    let (before, began) = (own_pages(), std::time::Instant::now());
    let mut node = home.start().await;
    let listener = node.changes;
    node.changes = mpsc::channel(1).1;
    let listening = tokio::spawn(async move {
        let mut listener = listener;
        while listener.recv().await.is_some() {}
    });
    node.wait_for_files(FILES).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(node.service.files_hashed(), 0);
    let pages = own_pages().saturating_sub(before);
    assert!(pages < 100 << 20, "{pages} bytes");
    node.service.stop().await;
    drop(node);
    listening.await.unwrap();
}

#[tokio::test]
async fn what_is_unshared_stays_out() {
    let home = Home::new();
    for name in ["a.txt", "private/b.txt", "private/c.txt"] {
        home.write(name, name);
    }
    let private = home.shared().join("private");
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(3).await;
    assert_eq!(node.service.unshare(private.clone()).await, Ok(2));
    assert_eq!(node.paths(), BTreeSet::from([home.shared().join("a.txt")]));
    assert_eq!(node.service.catalog().len(), 1);
    node.service.stop().await;

    let node = home.start().await;
    node.wait_for_files(1).await;
    let failure = node.service.unshare(private.clone()).await.unwrap_err();
    assert!(failure.message.contains("not shared"), "{failure}");
    assert!(failure.hint.is_some());
    // Sharing the folder anew takes the part back.
    assert_eq!(node.service.share(home.shared(), true).await.unwrap().files, 3);
    node.wait_for_files(3).await;
    assert_eq!(node.service.unshare(home.shared()).await, Ok(3));
    node.service.stop().await;

    let node = home.start().await;
    assert!(node.service.roots().is_empty());
    node.service.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_gone_can_still_be_unshared() {
    let home = Home::new();
    home.write("a.txt", "a");
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(1).await;
    node.service.stop().await;
    let shared = home.shared();
    let away = home.folder.path().join("away");
    fs::rename(&shared, &away).unwrap();

    let mut node = home.start().await;
    let notice = node.notice().await;
    assert_eq!(notice.level, NoticeLevel::Warning);
    assert!(notice.text.raw().contains("no such file or folder"), "{notice:?}");
    assert_eq!(node.service.roots().len(), 1, "it may come back");
    node.service.stop().await;

    // A disk that was away and is back costs no hash.
    fs::rename(&away, &shared).unwrap();
    let mut node = home.start().await;
    node.added(1).await;
    assert_eq!(node.service.files_hashed(), 0);
    fs::rename(&shared, &away).unwrap();
    assert_eq!(node.service.unshare(shared).await, Ok(1));
    assert!(node.service.roots().is_empty());
    node.service.stop().await;
}

#[tokio::test]
async fn overlapping_shares_count_a_file_once_and_links_lead_nowhere() {
    let home = Home::new();
    home.write("a.txt", "a");
    let inner = home.write("inner/b.txt", "b").parent().unwrap().to_owned();
    let outside = home.folder.path().join("outside.txt");
    fs::write(&outside, "secret").unwrap();
    symlink(&outside, home.shared().join("link.txt")).unwrap();
    symlink(home.folder.path(), home.shared().join("folder")).unwrap();
    let mut node = home.start().await;
    node.service.share(home.shared(), false).await.unwrap();
    node.service.share(inner.clone(), false).await.unwrap();
    node.service.share(home.shared(), false).await.unwrap();
    node.wait_for_files(2).await;
    let notice = node.notice().await;
    assert!(notice.text.raw().contains("links are not followed"), "{notice:?}");
    let counts: Vec<_> = node.service.roots().iter().map(|root| root.files).collect();
    assert_eq!(counts, [1, 1]);
    // A link to a shared folder is another name of the same thing.
    assert_eq!(node.service.unshare(home.shared().join("folder/shared/inner")).await, Ok(1));
    assert_eq!(node.service.roots().len(), 1);
    node.service.stop().await;
}

#[tokio::test]
async fn names_that_are_not_utf8_are_shared_too() {
    let home = Home::new();
    let path = home.shared().join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt"));
    fs::write(&path, "x").unwrap();
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(1).await;
    assert_eq!(node.service.find(&path).unwrap().name, "caf%E9.txt");
    node.service.stop().await;
    let mut node = home.start().await;
    assert_eq!(*node.added(1).await[0].path, *path);
    assert_eq!(node.service.files_hashed(), 0);
    node.service.stop().await;
}

#[tokio::test]
async fn a_damaged_index_is_set_aside_and_built_anew() {
    let home = Home::new();
    home.write("a.txt", "a");
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(1).await;
    node.service.stop().await;
    fs::write(home.data().join("index.redb"), "no database").unwrap();

    let mut node = home.start().await;
    let notice = node.notice().await;
    assert_eq!(notice.level, NoticeLevel::Error);
    assert!(notice.text.raw().contains("index.redb.damaged-") && notice.hint.is_some());
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(1).await;
    assert_eq!(node.service.files_hashed(), 1);
    node.service.stop().await;
}

#[tokio::test]
async fn a_one_shot_node_shares_what_it_is_given_and_forgets_nothing() {
    let home = Home::new();
    home.write("a.txt", "a");
    let other = home.folder.path().join("other.txt");
    fs::write(&other, "other").unwrap();
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(1).await;
    node.service.stop().await;

    let once = NodeConfig { serve_remembered: false, shares: vec![other.clone()], ..home.config() };
    let node = Node::start(&once).await;
    node.wait_for_files(1).await;
    assert_eq!(node.paths(), BTreeSet::from([fs::canonicalize(other).unwrap()]));
    node.service.stop().await;

    let mut node = home.start().await;
    assert_eq!(*node.added(1).await[0].path, *home.shared().join("a.txt"));
    assert_eq!(node.service.files_hashed(), 0);
    node.service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_shared_says_why_and_changes_nothing() {
    let home = Home::new();
    let missing = home.folder.path().join("missing");
    let config = NodeConfig { shares: vec![missing.clone()], ..home.config() };
    let failure = IndexingService::start(&config).await.map(|_| ()).unwrap_err();
    assert!(failure.message.contains("missing") && failure.hint.is_some(), "{failure}");

    let node = home.start().await;
    for path in [missing, PathBuf::from("/dev/null"), home.data()] {
        let failure = node.service.share(path.clone(), true).await.unwrap_err();
        assert!(failure.message.contains(&*path.to_string_lossy()), "{failure}");
        assert!(failure.hint.is_some());
    }
    let key = home.data().join("identity");
    fs::write(&key, "secret").unwrap();
    node.service.share(key, true).await.unwrap_err();
    // What holds the data directory is shared without it.
    let row = node.service.share(home.folder.path().to_owned(), true).await.unwrap();
    assert_eq!(row.files, 0);
    let second = IndexingService::start(&home.config()).await.map(|_| ()).unwrap_err();
    assert!(second.message.contains("another node"), "{second}");
    node.service.stop().await;
}

#[tokio::test]
async fn one_content_at_two_paths_outlives_either() {
    let home = Home::new();
    let bytes = vec![3; LARGE];
    let first = home.write("first.bin", &bytes);
    let second = home.write("second.bin", &bytes);
    let node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    node.wait_for_files(2).await;
    let content = node.service.find(&first).unwrap().content;
    assert_eq!(node.service.unshare(first).await, Ok(1));
    let left = node.service.catalog().by_root(&content.root).unwrap();
    assert_eq!(*left.path, *second);
    open_outboard(&home.data(), &content).unwrap();
    assert_eq!(node.service.unshare(second).await, Ok(1));
    assert!(open_outboard(&home.data(), &content).is_err());
    node.service.stop().await;
}

#[tokio::test]
async fn a_listener_that_is_slow_or_gone_holds_nothing_up() {
    let home = Home::new();
    for n in 0..500 {
        home.write(&format!("{n}.txt"), n.to_string());
    }
    let mut node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    // Nobody listened so far, and more is waiting than the channel holds.
    node.wait_for_files(500).await;
    let files = node.added(500).await;
    let file = files.last().unwrap();
    let keys = u32::try_from(file.manifest.keys().len()).unwrap();
    let state = || node.service.row(&file.path).unwrap().state;
    node.service.announced(&file.manifest.content, 2, keys);
    assert_eq!(state(), ShareState::Announcing { done: 2, keys });
    node.service.announced(&file.manifest.content, keys + 1, keys + 1);
    assert_eq!(state(), ShareState::Announcing { done: 2, keys }, "that is another file");
    node.service.announced(&file.manifest.content, keys, keys);
    assert_eq!(state(), ShareState::Announced { keys });

    let (_, gone) = mpsc::channel(1);
    drop(std::mem::replace(&mut node.changes, gone));
    assert_eq!(node.service.unshare(home.shared()).await, Ok(500));
    node.service.stop().await;
}

#[tokio::test]
async fn dropping_the_service_ends_it() {
    let home = Home::new();
    let mut node = home.start().await;
    node.service.share(home.shared(), true).await.unwrap();
    drop(node.service);
    let closed = timeout(DEADLINE, async { while node.changes.recv().await.is_some() {} }).await;
    closed.unwrap();
}
