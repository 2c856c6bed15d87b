//! A library of 5,000 files: none is refused, and a restart reads none of them again.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Instant;

use p2pfs_tui::application::{Application, message::Command};
use support::TestNode;

const FILES: u64 = 5_000;

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_files_are_announced_and_announced_again_after_a_restart() {
    let mut a = TestNode::start(vec![]).await;
    let bootstrap = a.address().await;
    let mut b = TestNode::start(vec![bootstrap.clone()]).await;
    let mut c = TestNode::start(vec![bootstrap]).await;
    for n in 0..FILES {
        c.write(&format!("folder{}/item{n}.txt", n % 50), format!("this is file {n}").as_bytes());
    }
    let start = Instant::now();
    c.share(c.dir.path().join("shared")).await;
    let shares = c.until("all is hashed", |s| s.shares.files == FILES).await.shares;
    assert!(shares.keys >= FILES * 2, "{shares:?}");
    let hashed = start.elapsed();
    let keys = c.announced(FILES).await.shares.keys;
    println!(
        "{FILES} files hashed after {hashed:?}, {keys} keys announced after {:?}",
        start.elapsed()
    );
    assert_eq!(b.search("item4321", None).await.rows.len(), 1);

    // The same folder again, after a restart: what is read again would have another stamp.
    let TestNode { application, client, dir } = c;
    drop(client);
    application.stop().await;
    let start = Instant::now();
    let config = support::config(dir.path(), vec![a.address().await]);
    let application = Application::start(config).await.unwrap();
    let client = application.connect();
    let mut c = TestNode { application, client, dir };
    c.until("all is there again", |s| s.shares.files == FILES).await;
    let there = start.elapsed();
    assert_eq!(c.application.files_hashed(), 0);
    c.announced(FILES).await;
    println!("after a restart all there in {there:?}, announced after {:?}", start.elapsed());
    let found = b.search("item77", None).await;
    assert_eq!(found.rows.len(), 1, "{:?}", found.summary);
    let path = c.dir.path().join("shared/folder1");
    c.call(Command::Unshare { path }).await.unwrap();
    c.announced(FILES - FILES / 50).await;
}
