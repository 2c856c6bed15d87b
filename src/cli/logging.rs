//! Logs of a node: into files, one a day, the last few kept; never onto the terminal.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt};

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::EnvFilter;

use super::{exit::io_failure, settings::Settings};
use crate::application::message::{Failure, FailureKind};

/// Days that are kept.
const KEEP: usize = 7;

/// Starts to log; what is waiting is written when the guard is dropped.
///
/// # Errors
/// When the folder cannot be made or the filter cannot be read.
pub(super) fn start(settings: &Settings) -> Result<WorkerGuard, Failure> {
    let dir = &settings.paths.log_dir;
    let what = format!("cannot log to {}", dir.display());
    let filter = EnvFilter::try_new(&settings.log_filter).map_err(|error| {
        let message = format!("log.filter {:?} is no filter: {error}", settings.log_filter);
        Failure::new(FailureKind::Usage, message).hint("for instance: info,p2pfs_tui=debug")
    })?;
    let make = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let hint = "choose a folder that can be written: --data-dir DIR";
    make.map_err(|error| io_failure(&what, &error).hint(hint))?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("node")
        .filename_suffix("log")
        .max_log_files(KEEP)
        .build(dir)
        .map_err(|error| Failure::new(FailureKind::Error, format!("{what}: {error}")).hint(hint))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer);
    // A second start in one process (tests) keeps the first log.
    let _ = subscriber.with_env_filter(filter).try_init();
    Ok(guard)
}
