//! Follows a transfer to its end, and shows how far it is.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::patience::Patience;
use crate::{
    application::{
        client::{Client, node_gone},
        message::{
            Command, Event, Failure, FailureKind, Output, Reply, TransferId, TransferRow,
            TransferState, Window,
        },
    },
    cli::{exit::unexpected, format, output::Progress, transfers},
    domain::units,
};

/// How often the state is read, whether or not an event came.
const LOOK: Duration = Duration::from_secs(1);
/// Transfers looked through for ours: the newest come first.
const RECENT: u32 = Window::MAX;

/// What a person can rely on when a transfer stands still.
pub(super) const KEPT: &str = "what has come is kept, and the same command goes on with it";

/// Why nothing more is to be expected.
#[derive(Debug)]
pub(super) enum Ended {
    /// The transfer is over, or out of our hands.
    Over(Failure),
    /// It goes on, and we wait no more.
    GaveUp(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Over(failure)
    }
}

/// Waits until a transfer is done, unless it turns out to be what is not wanted.
pub(super) async fn follow(
    client: &mut Client,
    transfer: TransferId,
    is_wanted: impl Fn(&TransferRow) -> Result<(), Failure>,
    patience: &mut Patience,
    progress: &mut Progress,
) -> Result<TransferRow, Ended> {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let row = tokio::select! {
            output = client.next() => match output {
                Some(Output::Event(Event::Transfer(row))) if row.transfer == transfer => row,
                Some(_) => continue,
                None => return Err(node_gone().into()),
            },
            _ = look.tick() => read(client, transfer).await?,
        };
        // What is pushed may be older than our command, and tell of an earlier pause.
        let row = match row.state {
            TransferState::Paused => read(client, transfer).await?,
            _ => row,
        };
        is_wanted(&row)?;
        if let Some(end) = end(&row) {
            return end.map(|()| row);
        }
        progress.show(&transfers::state(&row.state), &detail(&row));
        patience.check(&row).map_err(Ended::GaveUp)?;
    }
}

/// What a transfer has come to, if it goes no further.
fn end(row: &TransferRow) -> Option<Result<(), Ended>> {
    let elsewhere = |what: &str| {
        let message = format!("the transfer was {what} elsewhere");
        Failure::new(FailureKind::Interrupted, message)
    };
    match &row.state {
        TransferState::Done => Some(Ok(())),
        TransferState::Failed(why) => Some(Err(Ended::Over(why.clone()))),
        TransferState::Cancelled => Some(Err(Ended::Over(elsewhere("cancelled")))),
        TransferState::Paused => Some(Err(Ended::Over(elsewhere("paused").hint(KEPT)))),
        // A person has to make room, and may not be looking here.
        TransferState::Waiting { why, .. } if why.kind == FailureKind::DiskFull => {
            let why = Failure::new(why.kind, why.message.clone()).hint("make room");
            Some(Err(Ended::GaveUp(why)))
        }
        _ => None,
    }
}

async fn read(client: &mut Client, transfer: TransferId) -> Result<TransferRow, Failure> {
    let Reply::Transfers(page) = client.call(Command::Transfers(Window::first(RECENT))).await?
    else {
        return Err(unexpected("Transfers"));
    };
    page.rows.into_iter().find(|row| row.transfer == transfer).ok_or_else(|| {
        Failure::new(FailureKind::Error, format!("the node has lost transfer {transfer}"))
            .hint("ask for the file again")
    })
}

fn detail(row: &TransferRow) -> String {
    if matches!(row.state, TransferState::FindingSources | TransferState::Describing) {
        return row.name.to_string();
    }
    let Some(size) = row.size else { return row.name.to_string() };
    format!(
        "{} of {}, {} from {}, {}",
        transfers::percent(row.done, row.size),
        units::bytes(size),
        units::rate(row.rate),
        format::count(row.sources.into(), "source"),
        row.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::get::patience::tests::row;

    fn ended(state: TransferState) -> Option<(bool, FailureKind)> {
        match end(&TransferRow { state, ..row(5, 1) })? {
            Ok(()) => panic!("it is not done"),
            Err(Ended::Over(why)) => Some((true, why.kind)),
            Err(Ended::GaveUp(why)) => Some((false, why.kind)),
        }
    }

    #[test]
    fn a_full_disk_is_the_only_wait_that_is_not_waited_out() {
        let waiting =
            |kind| TransferState::Waiting { why: Failure::new(kind, "because"), retry_at: 1 };
        assert_eq!(ended(waiting(FailureKind::NotFound)), None);
        let full = ended(waiting(FailureKind::DiskFull));
        assert_eq!(full, Some((false, FailureKind::DiskFull)));
        assert_eq!(ended(TransferState::Paused), Some((true, FailureKind::Interrupted)));
        let failed = TransferState::Failed(Failure::new(FailureKind::Verification, "wrong"));
        assert_eq!(ended(failed), Some((true, FailureKind::Verification)));
        assert!(matches!(
            end(&TransferRow { state: TransferState::Done, ..row(5, 1) }),
            Some(Ok(()))
        ));
    }
}
