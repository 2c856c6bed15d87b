//! A network in which nobody knows everybody: nothing may work by asking all.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use p2pfs_tui::application::message::{SearchEnd, TransferState};
use support::TestNode;

const NODES: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn files_are_found_where_each_node_knows_few_others() {
    let start = std::time::Instant::now();
    let mut nodes = vec![TestNode::start_with(vec![], TestNode::few_connections).await];
    for n in 1..NODES {
        // Each joins through an earlier one, not all through the first.
        let bootstrap = nodes[n / 3].address().await;
        let node = TestNode::start_with(vec![bootstrap], TestNode::few_connections).await;
        let path =
            node.write(&format!("common ware number{n}.txt"), format!("file {n}").as_bytes());
        nodes.push(node);
        nodes[n].share(path).await;
    }
    for node in &mut nodes[1..] {
        node.announced(1).await;
    }
    println!("{NODES} nodes are up and have announced after {:?}", start.elapsed());
    let mut requests = Vec::new();
    for (from, to) in [(1, 59), (20, 7), (40, 33), (59, 2), (10, 50), (33, 21)] {
        let node = &mut nodes[from];
        let connected = node.until("it let go of most", |s| s.peers < 25).await.peers;
        let found = node.search(&format!("number{to}"), None).await;
        assert_eq!(found.rows.len(), 1, "{from} to {to}: {:?}", found.summary);
        assert_eq!(found.summary.end, Some(SearchEnd::Complete));
        assert_eq!((found.summary.asked, found.summary.answered), (1, 1));
        let transfer = node.get(found.rows[0].link.clone()).await;
        assert_eq!(transfer.state, TransferState::Done, "{from} to {to}");
        assert_eq!(std::fs::read(transfer.path).unwrap(), format!("file {to}").as_bytes());
        requests.push((connected, found.summary.dht_requests));
    }
    println!("of {NODES} nodes: (connected, DHT requests of the search): {requests:?}");
    // A lookup asks the k = 20 nearest and those on the way to them, never everybody.
    assert!(requests.iter().all(|(_, requests)| (1..NODES as u32).contains(requests)));
}
