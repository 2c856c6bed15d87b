//! Being told to stop: SIGINT and SIGTERM.
//!
//! SIGHUP keeps its meaning: a node started with `nohup` must not end with the login.

use tokio::signal::unix::{SignalKind, signal};

use super::exit::{self, Outcome, io_failure};
use crate::application::message::{Failure, FailureKind};

/// Waits until somebody wants this process to end. From then on a second signal ends it at once.
pub(super) async fn interrupted() -> Failure {
    match wait().await {
        Ok(()) => {
            tokio::spawn(async {
                if wait().await.is_ok() {
                    std::process::exit(i32::from(exit::code(FailureKind::Interrupted)));
                }
            });
            Failure::new(FailureKind::Interrupted, "interrupted")
        }
        Err(error) => io_failure("cannot listen for signals", &error),
    }
}

/// Runs a command that needs no goodbye.
pub(super) async fn interruptible(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::select! {
        outcome = command => outcome,
        why = interrupted() => Err(why.into()),
    }
}

async fn wait() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
