//! [`Guide`]: tells each step of the tour as soon as it is over, and keeps the time.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    application::message::{Failure, FailureKind},
    cli::{exit::Stop, output::Output},
};

/// What came of one step.
#[derive(Serialize)]
struct Step<'a> {
    name: &'a str,
    ok: bool,
    /// How long it took, in milliseconds.
    ms: u64,
    detail: &'a str,
}

/// Tells each step and keeps the time.
pub(super) struct Guide {
    /// Where to tell.
    pub(super) out: Output,
    /// How long a step may take.
    pub(super) time: Duration,
}

impl Guide {
    /// Takes a step, which ends with its value and something to tell.
    pub(super) async fn step<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Stop> {
        let start = Instant::now();
        let done = tokio::time::timeout(self.time, work).await.unwrap_or_else(|_| {
            let message = format!("not done after {} s", self.time.as_secs());
            Err(Failure::new(FailureKind::TimedOut, message))
        });
        let (value, detail) = match done {
            Ok((value, detail)) => (Some(value), detail),
            Err(failure) => (None, failure.to_string()),
        };
        let ok = value.is_some();
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.out.json {
            self.out.row("step", Step { name, ok, ms, detail: &detail })?;
        } else {
            let verdict = if ok { "ok  " } else { "FAIL" };
            self.out.line(format_args!("{verdict}  {name:<16} {ms:>6} ms  {detail}"))?;
        }
        value.ok_or(Stop::Told(FailureKind::Error))
    }
}
