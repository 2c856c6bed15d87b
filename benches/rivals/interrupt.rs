//! The processes that run, so that they end with the bench however it ends.

use std::{
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::signal::unix::{SignalKind, signal};

static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// The processes that run. Hold this while one is reaped: until then its number is its own.
pub(crate) fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on SIGINT, SIGTERM and SIGHUP end every process, delete the folder, and the bench.
pub(crate) fn end_everything_on_signals(folder: &Path) {
    let folder = folder.to_owned();
    thread::spawn(move || {
        let waited = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .and_then(|runtime| runtime.block_on(a_signal()));
        if let Err(error) = waited {
            eprintln!("signals are not caught: {error}");
            return;
        }
        // Held to the end: nothing is started or reaped from now on.
        let running = running();
        for pid in running.iter() {
            // One that has just ended needs no signal.
            let _ = kill_process(*pid, Signal::KILL);
        }
        for pid in running.iter() {
            // Gone before the folder goes that it might still write to.
            let _ = waitpid(Some(*pid), WaitOptions::empty());
        }
        let _ = fs::remove_dir_all(&folder);
        std::process::exit(INTERRUPTED);
    });
}

async fn a_signal() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
