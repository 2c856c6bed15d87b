//! `get -o -`: a file to stdout, in order, while it arrives.
//!
//! The node fetches it for this reader alone and deletes it afterwards; the bytes come over its
//! stream URL, past the control socket. Each was verified before it could be read.

use std::io::{self, Write};

use hyper::body::Bytes;
use tokio::task::spawn_blocking;

use super::{
    Args,
    follow::{Ended, follow},
    http,
    patience::Patience,
};
use crate::{
    application::{
        client::Client,
        message::{Command, Failure, FailureKind, Reply, TransferId, TransferRow},
    },
    cli::{
        Context,
        exit::{Outcome, Stop, io_failure, unexpected},
        output::cannot_write,
    },
    domain::{Untrusted, units},
};

pub(super) async fn run(
    args: &Args,
    client: &mut Client,
    mut interrupted: impl Future<Output = Failure> + Unpin,
    cx: &Context,
) -> Outcome {
    let command = Command::Stream { link: args.link.clone(), temporary: true };
    let Reply::Stream { transfer, url, name, .. } = client.call(command).await? else {
        return Err(unexpected("Stream").into());
    };
    let mut written = 0;
    let fetched = tokio::select! {
        fetched = async {
            let copied = copy(&url, &mut written);
            match transfer {
                Some(transfer) => both(copied, client, transfer, args, cx).await.map(Some),
                None => copied.await.map(|()| name),
            }
        } => fetched,
        why = &mut interrupted => Err(why.into()),
    };
    if let Some(transfer) = transfer {
        // It was for this reader alone. It may be gone already, with its node or by another hand.
        let _ = client.call(Command::Cancel { transfer }).await;
    }
    let name = fetched?.unwrap_or_else(|| Untrusted::new("the file"));
    let size = units::bytes(written);
    cx.out.note(format_args!("{name} ({size}) written to stdout, verified"));
    Ok(())
}

/// Copies, and follows the transfer that brings it; returns its name when both have ended well.
async fn both(
    copied: impl Future<Output = Outcome>,
    client: &mut Client,
    transfer: TransferId,
    args: &Args,
    cx: &Context,
) -> Result<Untrusted, Stop> {
    let (mut progress, mut patience) = (cx.out.progress(), Patience::new(args.timeout));
    let followed = async {
        match follow(client, transfer, is_file, &mut patience, &mut progress).await {
            Ok(row) => Ok(row.name),
            Err(Ended::Over(why) | Ended::GaveUp(why)) => Err(why),
        }
    };
    tokio::pin!(copied, followed);
    tokio::select! {
        name = &mut followed => {
            let name = name?;
            copied.await?;
            Ok(name)
        }
        outcome = &mut copied => match outcome {
            Ok(()) => Ok(followed.await?),
            Err(stop) => Err(stop),
        }
    }
}

fn is_file(row: &TransferRow) -> Result<(), Failure> {
    if row.files.is_none() {
        return Ok(());
    }
    let message = format!("{} is a folder, and only a file can be written to stdout", row.name);
    Err(Failure::new(FailureKind::Usage, message).hint("give a folder to put it in: -o DIR"))
}

async fn copy(url: &str, written: &mut u64) -> Outcome {
    http::read(url, async |bytes: Bytes| {
        let length = bytes.len() as u64;
        // On a thread of its own: a reader that takes its time must not keep Ctrl-C from working.
        let write = spawn_blocking(move || {
            let mut out = io::stdout().lock();
            out.write_all(&bytes).and_then(|()| out.flush())
        });
        let wrote =
            write.await.map_err(|error| io_failure("cannot copy", &io::Error::other(error)))?;
        wrote.map_err(|error| cannot_write(&error))?;
        *written += length;
        Ok(())
    })
    .await
}
