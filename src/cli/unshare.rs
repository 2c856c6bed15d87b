//! `unshare PATH…`: stop offering files and folders.

use std::path::PathBuf;

use serde_json::json;

use super::{
    Context,
    exit::{Outcome, Stop, unexpected},
    format, node,
};
use crate::application::{
    client::Client,
    message::{Command, Failure, Reply},
};

/// Stop sharing files or folders
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What not to share any more
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let mut failed = None;
    for path in &args.paths {
        match unshare(&mut client, path).await {
            Ok((path, files, until)) => tell(cx, &path, files, until)?,
            Err(failure) => {
                cx.out.failure(&failure);
                failed.get_or_insert(failure.kind);
            }
        }
    }
    failed.map_or(Ok(()), |kind| Err(Stop::Told(kind)))
}

async fn unshare(
    client: &mut Client,
    path: &std::path::Path,
) -> Result<(PathBuf, u64, u64), Failure> {
    let path = format::absolute(path)?;
    match client.call(Command::Unshare { path: path.clone() }).await? {
        Reply::Unshared { files, records_until } => Ok((path, files, records_until)),
        _ => Err(unexpected("Unshare")),
    }
}

fn tell(cx: &Context, path: &std::path::Path, files: u64, records_until: u64) -> Outcome {
    if cx.out.json {
        let row = json!({
            "path": format::json_path(path),
            "files": files,
            "records_until": records_until,
        });
        return cx.out.row("unshared", row);
    }
    let files = format::count(files, "file");
    cx.out.line(format_args!("no longer shared: {} ({files})", format::path(path)))?;
    cx.out.note(format_args!(
        "nobody can fetch it from here now; other nodes may list it for up to {}",
        format::until(records_until)
    ));
    Ok(())
}
