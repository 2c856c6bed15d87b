//! The third peer: shares nothing, searches by each field and by words, and downloads from both.
//!
//! ```sh
//! cargo run --example peer3 -- ADDRESS-OF-PEER-1
//! ```
#![allow(clippy::print_stdout)]

mod common;

use common::{Outcome, Peer, bootstrap};
use p2pfs_tui::{
    application::message::{Command, Event, Output, Reply, ResultRow, TransferState, Window},
    domain::{Field, Link, query::QueryText},
};

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut peer = Peer::start(bootstrap()?, &[]).await?;
    peer.until(|snapshot| snapshot.peers > 0).await?;
    peer.client.call(Command::Watch).await?;

    for (text, field) in [
        ("01 - Swan Lake (Scene).flac", Some(Field::Filename)),
        ("Antonín Dvořák", Some(Field::Artist)),
        ("swan lake (finale)", Some(Field::Title)),
        ("Z nového světa (From the New World)", Some(Field::Album)),
        ("ancient greensleeves", None),
    ] {
        let by = field.map_or("words", Field::name);
        let rows = search(&mut peer, text, field).await?;
        println!("by {by}: {text}");
        for row in &rows {
            println!("  {} from {} of our peers", row.name, row.sources.len());
        }
        if let Some(best) = rows.into_iter().next() {
            let path = fetch(&mut peer, best.link).await?;
            println!("  fetched and verified: {}", path.display());
        }
    }
    peer.node.stop().await;
    Ok(())
}

/// Searches and waits until everybody who could be asked has answered.
async fn search(peer: &mut Peer, text: &str, field: Option<Field>) -> Outcome<Vec<ResultRow>> {
    let query = QueryText { text: text.to_owned(), field };
    let command = Command::Search { query, timeout_ms: 20_000, limit: 100 };
    let Reply::Search { search } = peer.client.call(command).await? else {
        return Err("no search".into());
    };
    while let Some(output) = peer.client.next().await {
        if let Output::Event(Event::Search(row)) = output
            && row.search == search
            && row.end.is_some()
        {
            break;
        }
    }
    let command = Command::Results { search, since: 0, window: Window::first(100) };
    match peer.client.call(command).await? {
        Reply::Results(page) => Ok(page.rows),
        _ => Err("no results".into()),
    }
}

/// Fetches a link and waits until the file is there.
async fn fetch(peer: &mut Peer, link: Link) -> Outcome<std::path::PathBuf> {
    let command = Command::Get { link, destination: None, select: Vec::new() };
    let Reply::Transfer { transfer } = peer.client.call(command).await? else {
        return Err("no transfer".into());
    };
    while let Some(output) = peer.client.next().await {
        if let Output::Event(Event::Transfer(row)) = output
            && row.transfer == transfer
        {
            match row.state {
                TransferState::Done => return Ok(row.path),
                TransferState::Failed(failure) => return Err(failure.into()),
                _ => {}
            }
        }
    }
    Err("the node ended".into())
}
