//! Folders as one thing: shared by one link, fetched as a whole or in part, from several nodes.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use p2pfs_tui::{
    application::message::{Command, FailureKind, Reply, TransferState},
    domain::Link,
};
use support::TestNode;

/// Bytes that compress to nothing recognisable, the same for the same seed.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// A folder with files of all kinds of sizes, shared and hashed; its path.
async fn shared_folder(node: &mut TestNode) -> (PathBuf, u64) {
    let sizes = [0, 1, 16 << 10, (16 << 10) + 1, 1 << 20, (1 << 20) + 1, 3_500_000];
    for (n, size) in sizes.into_iter().enumerate() {
        node.write(&format!("Box/deep/{n}/part {n}.bin"), &bytes(n as u64, size));
    }
    for n in 0..200 {
        node.write(&format!("Box/many/{n:03}.txt"), format!("number {n}").as_bytes());
    }
    let folder = node.dir.path().join("shared/Box");
    node.share(&folder).await;
    let files = 200 + sizes.len() as u64;
    node.until("all is hashed", |s| s.shares.files == files && s.shares.to_hash == 0).await;
    (folder, files)
}

async fn link(node: &mut TestNode, path: &Path) -> Link {
    let command = Command::Link { path: path.to_owned(), with_peers: true };
    match node.call(command).await.unwrap() {
        Reply::Link { link, .. } => link,
        other => panic!("{other:?}"),
    }
}

/// Every file beneath a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(relative, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_arrives_whole_by_one_link() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let (folder, count) = shared_folder(&mut a).await;
    let link = link(&mut a, &folder).await;
    assert_eq!(link.name.as_deref(), Some("Box"));

    let transfer = b.get(link.clone()).await;
    assert_eq!(transfer.state, TransferState::Done, "{transfer:?}");
    assert_eq!(transfer.files.map(u64::from), Some(count));
    assert_eq!(transfer.path.file_name().unwrap(), "Box");
    assert_eq!(files(&transfer.path), files(&folder));

    // The short link says nothing of what it is; a name that is taken is kept.
    std::fs::write(transfer.path.join("mine"), "mine").unwrap();
    let short: Link = link.short().unwrap().parse().unwrap();
    let again = b.get(Link { peers: link.peers.clone(), ..short }).await;
    assert_eq!(again.state, TransferState::Done, "{again:?}");
    assert_eq!(again.path.file_name().unwrap(), "Box (1)");
    assert_eq!(std::fs::read(transfer.path.join("mine")).unwrap(), b"mine");
    let left: Vec<_> = std::fs::read_dir(b.dir.path().join("downloads")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_folder_can_be_selected() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let (folder, _) = shared_folder(&mut a).await;
    let link = link(&mut a, &folder).await;
    let select = vec!["deep/6".to_owned(), "many/007.txt".to_owned(), "deep/0".to_owned()];
    let transfer = b.get_selected(link.clone(), select).await;
    assert_eq!(transfer.state, TransferState::Done, "{transfer:?}");
    let all = files(&folder);
    let wanted = ["deep/0/part 0.bin", "deep/6/part 6.bin", "many/007.txt"].map(PathBuf::from);
    let wanted: BTreeMap<_, _> =
        wanted.into_iter().map(|path| (path.clone(), all[&path].clone())).collect();
    assert_eq!(files(&transfer.path), wanted);

    let nothing = b.get_selected(link, vec!["no/such".to_owned()]).await;
    let TransferState::Failed(why) = nothing.state else { panic!("{nothing:?}") };
    assert_eq!(why.kind, FailureKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_changed_gives_what_is_still_the_same_and_waits_for_the_rest() {
    let mut a = TestNode::start(vec![]).await;
    let mut c = TestNode::start(vec![a.address().await]).await;
    let mut b = TestNode::start(vec![a.address().await, c.address().await]).await;
    let (folder, count) = shared_folder(&mut a).await;
    let link = link(&mut a, &folder).await;
    let whole = files(&folder);

    // One has all but a file; another has fetched it before, and shares it.
    let fetched = c.get(link.clone()).await;
    assert_eq!(fetched.state, TransferState::Done, "{fetched:?}");
    c.share(&fetched.path).await;
    c.until("all is hashed", |s| s.shares.files == count && s.shares.to_hash == 0).await;
    let gone = folder.join("deep/6/part 6.bin");
    a.call(Command::Unshare { path: gone }).await.unwrap();
    let other = self::link(&mut c, &fetched.path).await;
    assert_eq!(other.root, link.root, "the same files are the same collection");

    let peers = [link.peers.clone(), other.peers].concat();
    let transfer = b.get(Link { peers, ..link }).await;
    assert_eq!(transfer.state, TransferState::Done, "{transfer:?}");
    assert_eq!(files(&transfer.path), whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_found_by_its_name_and_has_no_url() {
    let mut a = TestNode::start(vec![]).await;
    let mut b = TestNode::start(vec![a.address().await]).await;
    let (folder, _) = shared_folder(&mut a).await;
    let link = link(&mut a, &folder).await;
    let found = async {
        loop {
            let rows = b.search("box", None).await.rows;
            if let Some(row) = rows.into_iter().find(|row| row.content.root == link.root.unwrap()) {
                return row;
            }
        }
    };
    let row = tokio::time::timeout(support::PATIENCE, found).await.expect("it is announced");
    assert!(p2pfs_tui::domain::collection::is_list(row.media_type.as_deref()), "{row:?}");

    let failure = b.call(Command::Stream { link, temporary: false }).await.expect_err("a folder");
    assert_eq!(failure.kind, FailureKind::Usage, "{failure}");
    let row = b.until_row(1, "it is cancelled", |row| row.state.is_over()).await;
    assert_eq!(row.state, TransferState::Cancelled, "nobody asked for it to be fetched");
}
