//! Destinations that are taken, are folders, cannot be written to or have no room; and several
//! transfers of one file.

use std::{fs, os::unix::fs::PermissionsExt};

use p2pfs_tui::{
    application::message::{FailureKind, LimitsChange, TransferState},
    domain::Link,
};

use super::{
    data,
    support::{TestNode, stranger::manifest},
};

/// Somebody who shares a file, somebody who wants it, and its link.
async fn pair(good: &[u8]) -> (TestNode, TestNode, Link) {
    let mut a = TestNode::start(vec![]).await;
    let b = TestNode::start(vec![a.address().await]).await;
    let path = a.write("song.bin", good);
    a.share(path).await;
    a.announced(1).await;
    let link = Link::of(&manifest("song.bin", good).content, "song.bin");
    (a, b, link)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_kept() {
    let good = data(1);
    let (_a, mut b, link) = pair(&good).await;
    let folder = b.dir.path().join("place");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("song.bin"), "mine").unwrap();
    fs::write(folder.join("song.bin.part"), "mine, too").unwrap();
    // The folder itself, the taken name, and the taken name once more.
    for (destination, name) in [
        (folder.clone(), "song (1).bin"),
        (folder.join("song.bin"), "song (2).bin"),
        (folder.join("song.bin.part"), "song.bin (1).part"),
    ] {
        let transfer = b.begin(link.clone(), Some(destination)).await.unwrap();
        let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
        assert_eq!(row.state, TransferState::Done, "{row:?}");
        assert_eq!(row.path, folder.join(name));
        assert_eq!(fs::read(&row.path).unwrap(), good);
    }
    assert_eq!(fs::read(folder.join("song.bin")).unwrap(), b"mine");
    assert_eq!(fs::read(folder.join("song.bin.part")).unwrap(), b"mine, too");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 5, "nothing else is left");
    assert_eq!(fs::read_dir(b.dir.path().join("data/transfers")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_written_it_says_so() {
    let good = data(1);
    let (_a, mut b, link) = pair(&good).await;
    // Not even the superuser writes to the first one.
    let (never, locked) = (std::path::PathBuf::from("/proc"), b.dir.path().join("locked"));
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let is_locked = fs::write(locked.join("try"), "").is_err();
    for folder in [Some(never), Some(locked).filter(|_| is_locked)].into_iter().flatten() {
        let transfer = b.begin(link.clone(), Some(folder.clone())).await.unwrap();
        let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
        let TransferState::Failed(failure) = &row.state else { panic!("{row:?}") };
        assert_eq!(failure.kind, FailureKind::Error);
        assert!(failure.message.contains(folder.join("song.bin").to_str().unwrap()), "{failure}");
        assert_eq!((row.done, row.banned), (0, 0));
    }
    let missing = b.dir.path().join("no/such/folder");
    let transfer = b.begin(link.clone(), Some(missing)).await.unwrap();
    let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
    let TransferState::Failed(failure) = &row.state else { panic!("{row:?}") };
    assert!(failure.message.contains("there is no folder"), "{failure}");
    assert_eq!(fs::read_dir(b.dir.path().join("data/transfers")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_it_waits_and_goes_on_by_itself() {
    let good = data(1);
    let (_a, mut b, link) = pair(&good).await;
    b.limit(LimitsChange { floor: Some(1 << 60), ..LimitsChange::default() }).await;
    let transfer = b.begin(link, None).await.unwrap();
    let waits = |state: &TransferState| matches!(state, TransferState::Waiting { .. });
    let row = b.until_row(transfer, "it waits", |row| waits(&row.state)).await;
    let TransferState::Waiting { why, retry_at } = &row.state else { panic!("{row:?}") };
    assert_eq!(why.kind, FailureKind::DiskFull, "{why}");
    assert!(why.message.contains("are to stay free") && why.hint.is_some() && *retry_at > 0);
    assert_eq!(row.done, 0);
    b.limit(LimitsChange { floor: Some(0), ..LimitsChange::default() }).await;
    let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
    assert_eq!(row.state, TransferState::Done, "{row:?}");
    assert_eq!(fs::read(&row.path).unwrap(), good);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_may_be_fetched_twice_at_once() {
    let good = data(1);
    let (mut a, mut b, link) = pair(&good).await;
    a.limit(LimitsChange {
        up: Some(p2pfs_tui::application::message::Rate(Some(1 << 20))),
        ..LimitsChange::default()
    })
    .await;
    let places = ["one", "two"].map(|name| b.dir.path().join(name));
    places.iter().for_each(|place| fs::create_dir(place).unwrap());
    let one = b.begin(link.clone(), Some(places[0].clone())).await.unwrap();
    let same = b.begin(link.clone(), Some(places[0].clone())).await.unwrap();
    assert_eq!(one, same, "to the same place it is the same");
    let two = b.begin(link.clone(), Some(places[1].clone())).await.unwrap();
    let three = b.begin(link.clone(), Some(places[1].join("song.bin"))).await.unwrap();
    assert!(one != two && two != three);
    for (transfer, path) in [
        (one, places[0].join("song.bin")),
        (two, places[1].join("song.bin")),
        (three, places[1].join("song.bin")),
    ] {
        let row = b.until_row(transfer, "it is over", |row| row.state.is_over()).await;
        assert_eq!(row.state, TransferState::Done, "{row:?}");
        assert!(row.path == path || row.path == path.with_file_name("song (1).bin"), "{row:?}");
        assert_eq!(fs::read(&row.path).unwrap(), good);
    }
    let names = |place| {
        let mut names: Vec<_> =
            fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&places[0]), ["song.bin"]);
    assert_eq!(names(&places[1]), ["song (1).bin", "song.bin"]);
}
