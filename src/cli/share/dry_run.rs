//! `share --dry-run`: what sharing would publish. Asks no node and changes nothing.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    super::{
        Context,
        exit::{Outcome, Stop, io_failure},
        format,
    },
    tell_root,
};
use crate::{
    application::{
        indexing::{LeftOut, Preview, Reason},
        message::{Failure, FailureKind, RootRow},
    },
    domain::{units, untrusted},
};

/// Entries of each reason that are named; of the rest only the number is told.
const NAMED: usize = 5;
/// Words that are named: those that most files have.
const WORDS: usize = 40;

/// A preview, and what came of each path.
type Looked = (Preview, Vec<Result<RootRow, Failure>>);

pub(super) async fn run(paths: Vec<PathBuf>, cx: &Context) -> Outcome {
    let data_dir = cx.settings.node.data_dir.clone();
    let looking = tokio::task::spawn_blocking(move || look(&paths, &data_dir));
    let (preview, roots) = looking
        .await
        .map_err(|error| io_failure("cannot look at the paths", &std::io::Error::other(error)))?;
    // Where no path could be looked at there is nothing to tell but why.
    let looked_at = roots.iter().any(Result::is_ok);
    let mut failed = None;
    for root in roots {
        match root {
            Ok(root) => tell_root(&root, "would_share", "would share", cx)?,
            Err(failure) => {
                cx.out.failure(&failure);
                failed.get_or_insert(failure.kind);
            }
        }
    }
    match (looked_at, cx.out.json) {
        (false, _) => {}
        (true, true) => rows(&preview, cx)?,
        (true, false) => lines(&preview, cx)?,
    }
    failed.map_or(Ok(()), |kind: FailureKind| Err(Stop::Told(kind)))
}

fn look(paths: &[PathBuf], data_dir: &Path) -> Looked {
    let mut preview = Preview::new(data_dir);
    let add = |path: &PathBuf| preview.add(&format::absolute(path)?);
    let roots = paths.iter().map(add).collect();
    (preview, roots)
}

fn rows(preview: &Preview, cx: &Context) -> Outcome {
    for (reason, LeftOut { count, first }) in &preview.left_out {
        let paths: Vec<_> = first.iter().map(|path| format::json_path(path)).collect();
        let row = json!({ "reason": name(*reason), "count": count, "paths": paths });
        cx.out.row("left_out", row)?;
    }
    for (word, files) in &preview.words {
        cx.out.row("word", json!({ "word": word, "files": files }))?;
    }
    let Preview { files, bytes, words, .. } = preview;
    let total = json!({
        "files": files, "bytes": bytes, "words": words.len(), "keys": preview.keys(),
    });
    cx.out.row("preview", total)
}

fn lines(preview: &Preview, cx: &Context) -> Outcome {
    for (reason, LeftOut { count, first }) in &preview.left_out {
        let named: Vec<_> = first.iter().take(NAMED).map(|path| format::path(path)).collect();
        let more = count - named.len() as u64;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        cx.out.line(format_args!("left out, {}: {}{more}", why(*reason), named.join(", ")))?;
    }
    let (files, size) = (format::count(preview.files, "file"), units::bytes(preview.bytes));
    let keys = format::count(preview.keys(), "key");
    let words = format::count(preview.words.len() as u64, "word");
    cx.out.line(format_args!("{files}, {size}, to be found by {words}, under at most {keys}"))?;
    if !preview.words.is_empty() {
        cx.out.line(format_args!("words: {}", most_frequent(preview)))?;
    }
    cx.out.note("nothing was shared; to share it, leave out --dry-run");
    Ok(())
}

/// `swan (12), lake (3), song (1) and 40 more`
fn most_frequent(preview: &Preview) -> String {
    let mut words: Vec<_> = preview.words.iter().collect();
    words.sort_by_key(|(_, files)| std::cmp::Reverse(**files));
    let named = words.iter().take(WORDS);
    let named: Vec<_> =
        named.map(|(word, files)| format!("{} ({files})", untrusted::visible(word))).collect();
    let more = words.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// A reason in JSON.
const fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Key => "key",
        Reason::Link => "link",
        Reason::Unreadable => "unreadable",
        Reason::Hidden => "hidden",
        Reason::Unfinished => "unfinished",
        Reason::System => "system",
    }
}

/// A reason for a person.
const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Key => "as it looks like a key",
        Reason::Link => "as links are not followed",
        Reason::Unreadable => "as it cannot be read",
        Reason::Hidden => "as its name begins with a dot",
        Reason::Unfinished => "as it is not finished",
        Reason::System => "as it is the system's or this node's own",
    }
}
