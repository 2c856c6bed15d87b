//! `get` to a place on the disk. What has come is kept, however the command ends: the transfer is
//! paused, and the same command goes on with it.

use std::{
    io::{self, IsTerminal},
    os::unix::ffi::OsStrExt,
};

use super::{
    Args,
    follow::{Ended, KEPT, follow},
    patience::Patience,
};
use crate::{
    application::{
        client::Client,
        message::{Command, Failure, FailureKind, Reply, TransferId, TransferRow},
    },
    cli::{
        Context,
        exit::{Outcome, unexpected},
        format,
    },
};

pub(super) async fn run(
    args: &Args,
    client: &mut Client,
    mut interrupted: impl Future<Output = Failure> + Unpin,
    cx: &Context,
) -> Outcome {
    let destination = args.output.as_deref().map(format::absolute).transpose()?;
    let command =
        Command::Get { link: args.link.clone(), destination, select: args.select.clone() };
    let Reply::Transfer { transfer } = client.call(command).await? else {
        return Err(unexpected("Get").into());
    };
    let mut progress = cx.out.progress();
    let mut patience = Patience::new(args.timeout);
    let ended = tokio::select! {
        row = follow(client, transfer, |_| Ok(()), &mut patience, &mut progress) => row,
        why = &mut interrupted => Err(Ended::GaveUp(why)),
    };
    progress.clear();
    match ended {
        Ok(row) => tell(&row, cx),
        Err(Ended::Over(why)) => Err(why.into()),
        Err(Ended::GaveUp(why)) => Err(set_aside(client, transfer, why).await.into()),
    }
}

/// Has a transfer stand still until it is asked for again, and says so.
async fn set_aside(client: &mut Client, transfer: TransferId, why: Failure) -> Failure {
    match client.call(Command::Pause { transfer }).await {
        Ok(_) => {
            let hint = match &why.hint {
                Some(hint) if why.kind != FailureKind::Interrupted => format!("{hint}; {KEPT}"),
                _ => KEPT.to_owned(),
            };
            why.hint(hint)
        }
        // It was over in that moment, or its node is: it keeps what there is by itself.
        Err(_) => why,
    }
}

fn tell(row: &TransferRow, cx: &Context) -> Outcome {
    if cx.out.json {
        let kind = if row.files.is_some() { "folder" } else { "file" };
        return cx.out.row(
            kind,
            serde_json::json!({
                "path": format::json_path(&row.path),
                "name": row.name,
                "size": row.size,
                "files": row.files,
                "sha1": row.sha1,
                "blake3": row.link.root,
                "link": row.link,
            }),
        );
    }
    if io::stdout().is_terminal() {
        return cx.out.line(format::path(&row.path));
    }
    // A script gets the path byte by byte as it is.
    let mut path = row.path.as_os_str().as_bytes().to_vec();
    path.push(b'\n');
    cx.out.bytes(&path)
}
