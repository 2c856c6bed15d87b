//! How the commands word what they show, and how they read long lists.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use libp2p_identity::PeerId;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::exit::{io_failure, unexpected};
use crate::{
    application::{
        client::Client,
        message::{Command, Failure, FailureKind, Page, Reply, ResultTags, Window, path_text},
    },
    domain::{Tags, Untrusted, units, untrusted},
};

/// Rows of one window: small enough for one line of the socket whatever the rows hold.
const ROWS: u32 = 200;

/// The longest time a person can ask for: a year.
pub(super) const MAX_TIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// The end of a peer's identity: the beginning is the same for everybody.
pub(super) fn peer(id: &PeerId) -> String {
    let id = id.to_base58();
    format!("…{}", &id[id.len().saturating_sub(10)..])
}

/// A path that a person can read on one line.
pub(super) fn path(path: &Path) -> String {
    untrusted::visible(&path.display().to_string())
}

/// A path in JSON: not every path is Unicode.
pub(super) fn json_path(path: &Path) -> impl Serialize {
    path_text::text(path)
}

/// A path that is safe already, without its first folders where it has more than `most` columns.
pub(super) fn fit_path(path: &str, most: Option<usize>) -> String {
    let Some(most) = most.filter(|most| path.width() > *most) else { return path.to_owned() };
    let ends = path.match_indices('/').map(|(at, _)| format!("…{}", &path[at..]));
    let mut least = None;
    for end in ends {
        if end.width() <= most {
            return end;
        }
        least = Some(end);
    }
    least.unwrap_or_else(|| path.to_owned())
}

/// A round-trip time.
pub(super) fn rtt(ms: Option<u32>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
}

/// How long ago a Unix time was.
pub(super) fn since(unix: u64) -> String {
    units::duration(Duration::from_secs(now().saturating_sub(unix)))
}

/// How long it is until a Unix time.
pub(super) fn until(unix: u64) -> String {
    units::duration(Duration::from_secs(unix.saturating_sub(now())))
}

/// A number and its noun.
pub(super) fn count(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// Artist, title and album on one line, as far as they are known; and how long it plays.
pub(super) fn tags(tags: &ResultTags) -> Option<String> {
    let shown = |text: &Option<Untrusted>| text.as_ref().map(ToString::to_string);
    let named: Vec<String> =
        [shown(&tags.artist), shown(&tags.title)].into_iter().flatten().collect();
    let mut line = named.join(" - ");
    if let Some(album) = shown(&tags.album) {
        line = if line.is_empty() { album } else { format!("{line} ({album})") };
    }
    (!line.is_empty()).then_some(line)
}

/// The same for what we share ourselves, whose names nobody has checked either.
pub(super) fn own_tags(own: &Tags) -> Option<String> {
    tags(&ResultTags::from(own.clone()))
}

/// Reads a time in seconds from the command line.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| *time <= MAX_TIME)
        .ok_or_else(|| "expected a number of seconds above 0, for instance 10 or 0.5".to_owned())
}

/// A path as the node must be told it: absolute, through the real folder it lies in, but without
/// following what it names itself, so that a shared link is shared under its own name.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    if path.as_os_str().is_empty() {
        return Err(Failure::new(FailureKind::Usage, "the path is empty"));
    }
    let absolute = std::path::absolute(path)
        .map_err(|error| io_failure(&format!("cannot find {}", path.display()), &error))?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(folder), Some(name)) => {
            // A folder that is gone can still be named, to stop sharing it.
            Ok(folder.canonicalize().map_or_else(|_| absolute.clone(), |real| real.join(name)))
        }
        // `..` or `/`: there is no name to keep.
        _ => Ok(absolute.canonicalize().unwrap_or(absolute)),
    }
}

/// Reads a list to its end, window by window.
pub(super) async fn all_rows<T>(
    client: &mut Client,
    command: impl Fn(Window) -> Command,
    page_of: impl Fn(Reply) -> Option<Page<T>>,
) -> Result<Vec<T>, Failure> {
    let mut rows: Vec<T> = Vec::new();
    loop {
        let window = Window { offset: rows.len() as u64, limit: ROWS };
        let reply = client.call(command(window)).await?;
        let page = page_of(reply).ok_or_else(|| unexpected("a list"))?;
        let is_last = page.rows.is_empty() || (rows.len() + page.rows.len()) as u64 >= page.total;
        rows.extend(page.rows);
        if is_last {
            return Ok(rows);
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_but_keep_their_own_name() {
        let dir = tempfile::tempdir().expect("tempdir");
        let real = dir.path().canonicalize().expect("real");
        std::fs::create_dir(real.join("music")).expect("folder");
        std::os::unix::fs::symlink(real.join("music"), real.join("link")).expect("link");
        assert_eq!(absolute(&real.join("link")).expect("path"), real.join("link"));
        assert_eq!(absolute(&real.join("link/x")).expect("path"), real.join("music/x"));
        assert_eq!(absolute(&real.join("music/..")).expect("path"), real);
        assert_eq!(absolute(&real.join("gone/x")).expect("path"), real.join("gone/x"));
        assert!(absolute(Path::new(".")).expect("path").is_absolute());
        assert!(absolute(Path::new("")).is_err());
    }

    #[test]
    fn a_long_path_loses_its_first_folders() {
        for (most, fitted) in [
            (None, "one/two/three.ogg"),
            (Some(17), "one/two/three.ogg"),
            (Some(16), "…/two/three.ogg"),
            (Some(14), "…/three.ogg"),
            (Some(3), "…/three.ogg"),
        ] {
            assert_eq!(fit_path("one/two/three.ogg", most), fitted, "{most:?}");
        }
        assert_eq!(fit_path("three.ogg", Some(3)), "three.ogg");
    }

    #[test]
    fn tags_fit_on_one_line() {
        let full = ResultTags {
            artist: Some("A\n".into()),
            title: Some("T".into()),
            album: Some("B".into()),
            duration_ms: None,
        };
        assert_eq!(tags(&full).as_deref(), Some("A␊ - T (B)"));
        let album = ResultTags { artist: None, title: None, ..full };
        assert_eq!(tags(&album).as_deref(), Some("B"));
        assert_eq!(tags(&ResultTags::default()), None);
    }
}
