//! [`Paths`]: where everything is: the XDG folders, or all of it under `--data-dir`.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;

use super::absolute;
use crate::{
    application::message::{Failure, FailureKind},
    cli::args::Globals,
};

const NAME: &str = "p2pfs-tui";
const SOCKET: &str = "node.sock";
const CONFIG: &str = "config.toml";

/// Where everything is. Every path is absolute; nothing is created here.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Paths {
    /// The configuration.
    pub(in crate::cli) config_file: PathBuf,
    /// Identity, index and lock.
    pub(in crate::cli) data_dir: PathBuf,
    /// Where logs go.
    pub(in crate::cli) log_dir: PathBuf,
    /// The control socket.
    pub(in crate::cli) socket: PathBuf,
    /// Where downloads go unless told otherwise.
    pub(in crate::cli) download_dir: PathBuf,
    /// Whether the person chose the data directory.
    pub(in crate::cli) chosen: bool,
}

impl Paths {
    /// Finds them for the flags of this run.
    pub(in crate::cli) fn find(globals: &Globals) -> Result<Self, Failure> {
        let mut paths = match &globals.data_dir {
            Some(dir) => Self::under(&absolute(dir)?),
            None => Self::xdg()?,
        };
        if let Some(file) = &globals.config {
            paths.config_file = absolute(file)?;
        }
        Ok(paths)
    }

    fn under(dir: &Path) -> Self {
        Self {
            config_file: dir.join(CONFIG),
            data_dir: dir.to_owned(),
            log_dir: dir.join("logs"),
            socket: dir.join(SOCKET),
            download_dir: dir.join("downloads"),
            chosen: true,
        }
    }

    fn xdg() -> Result<Self, Failure> {
        let base = etcetera::choose_base_strategy().map_err(|error| {
            Failure::new(FailureKind::Error, format!("no home folder: {error}"))
                .hint("set HOME, or put everything in one folder with --data-dir DIR")
        })?;
        let state_dir = base.state_dir().unwrap_or_else(|| base.data_dir()).join(NAME);
        // A login over SSH has a runtime folder even where the variable got lost (su, cron).
        let runtime = base.runtime_dir().or_else(|| runtime_of_user(base.home_dir()));
        Ok(Self {
            config_file: base.config_dir().join(NAME).join(CONFIG),
            data_dir: base.data_dir().join(NAME),
            log_dir: state_dir.join("logs"),
            socket: runtime.map_or_else(|| state_dir.clone(), |dir| dir.join(NAME)).join(SOCKET),
            download_dir: base.home_dir().join("Downloads").join("p2pfs"),
            chosen: false,
        })
    }
}

/// The person's home folder.
pub(super) fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

fn runtime_of_user(home: &Path) -> Option<PathBuf> {
    let user = fs::metadata(home).ok()?.uid();
    let dir = PathBuf::from(format!("/run/user/{user}"));
    let meta = fs::metadata(&dir).ok()?;
    (meta.is_dir() && meta.uid() == user).then_some(dir)
}
