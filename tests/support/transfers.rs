//! What tests ask a node about its transfers.

use std::{path::PathBuf, time::Duration};

use p2pfs_tui::{
    application::message::{
        Command, Failure, Limits, LimitsChange, Reply, SourceRow, SourceState, TransferId,
        TransferRow, Window,
    },
    domain::Link,
};

use super::{PATIENCE, TestNode};

impl TestNode {
    /// Begins to fetch a link, to some place.
    pub async fn begin(
        &mut self,
        link: Link,
        destination: Option<PathBuf>,
    ) -> Result<TransferId, Failure> {
        let command = Command::Get { link, destination, select: Vec::new() };
        match self.call(command).await? {
            Reply::Transfer { transfer } => Ok(transfer),
            other => panic!("{other:?}"),
        }
    }

    pub async fn row(&mut self, transfer: TransferId) -> TransferRow {
        match self.call(Command::Transfers(Window::first(1_000))).await.unwrap() {
            Reply::Transfers(page) => {
                page.rows.into_iter().find(|row| row.transfer == transfer).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Waits until a transfer is as wanted.
    pub async fn until_row(
        &mut self,
        transfer: TransferId,
        what: &str,
        wanted: impl Fn(&TransferRow) -> bool,
    ) -> TransferRow {
        let mut last = self.row(transfer).await;
        let waiting = async {
            while !wanted(&last) {
                tokio::time::sleep(Duration::from_millis(10)).await;
                last = self.row(transfer).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited too long until {what}: {last:#?}");
        }
        last
    }

    pub async fn sources(&mut self, transfer: TransferId) -> Vec<SourceRow> {
        match self.call(Command::Sources { transfer }).await.unwrap() {
            Reply::Sources(sources) => sources,
            other => panic!("{other:?}"),
        }
    }

    /// Who is banned, and with what evidence.
    pub async fn banned(&mut self, transfer: TransferId) -> Vec<(libp2p::PeerId, String)> {
        let sources = self.sources(transfer).await;
        let banned = sources.into_iter().filter_map(|row| match row.state {
            SourceState::Banned { evidence } => Some((row.peer, evidence)),
            _ => None,
        });
        banned.collect()
    }

    pub async fn limit(&mut self, change: LimitsChange) -> Limits {
        match self.call(Command::SetLimits(change)).await.unwrap() {
            Reply::Limits(limits) => limits,
            other => panic!("{other:?}"),
        }
    }
}
