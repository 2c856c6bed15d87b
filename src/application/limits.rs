//! The limits of a node, and which of them are in force at what hour.
//!
//! [`Settings`] is plain data and pure functions; `LimitsService` keeps the one that is valid and
//! hands what follows from it to those who obey it: the two limiters, the upload slots, the queue of
//! transfers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    message::{Failure, FailureKind, Hours, Limits, LimitsChange, Rate},
    transfers::{Bounds, Transfers},
};
use crate::network::content::{limiter::Limiter, serve::Uploads, slots};

/// What a node sends at most, unless told otherwise: 8 MiB/s, so that sharing does not take a
/// home connection from its owner.
pub const DEFAULT_UPLOAD: u64 = 8 << 20;
/// Transfers that run at the same time, unless told otherwise.
pub const DEFAULT_TRANSFERS: u32 = 5;
/// What is left free on a disk, unless told otherwise: 256 MiB.
pub const DEFAULT_FLOOR: u64 = 256 << 20;
/// The most transfers, or uploads, that run at the same time.
pub const MAX_PARALLEL: u32 = 64;
const _: () = assert!(MAX_PARALLEL as usize == slots::MAX_SLOTS);
/// The most hours of a schedule.
pub const MAX_HOURS: usize = 24;
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// The limits of a node, as they are set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The most that is sent, outside of the hours.
    pub up: Rate,
    /// The most that is received, outside of the hours.
    pub down: Rate,
    /// Transfers that run at the same time.
    pub transfers: u32,
    /// Uploads that run at the same time.
    pub slots: u32,
    /// Bytes that are left free on a disk.
    pub floor: u64,
    /// Other rates at certain hours; the first that fits is in force.
    pub schedule: Vec<Hours>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            up: Rate(Some(DEFAULT_UPLOAD)),
            down: Rate(None),
            transfers: DEFAULT_TRANSFERS,
            slots: u32::try_from(slots::DEFAULT_SLOTS).unwrap_or(MAX_PARALLEL),
            floor: DEFAULT_FLOOR,
            schedule: Vec::new(),
        }
    }
}

impl Settings {
    /// The rates in force at a minute of the day, up and down.
    #[must_use]
    pub fn in_force(&self, minute: u16) -> (Rate, Rate) {
        let now = self.schedule.iter().find(|hours| contains(hours, minute));
        now.map_or((self.up, self.down), |hours| (hours.up, hours.down))
    }

    /// The limits after a change.
    ///
    /// # Errors
    /// When a number makes no sense.
    pub fn changed(&self, change: LimitsChange) -> Result<Self, Failure> {
        let changed = Self {
            up: change.up.unwrap_or(self.up),
            down: change.down.unwrap_or(self.down),
            transfers: change.transfers.unwrap_or(self.transfers),
            slots: change.slots.unwrap_or(self.slots),
            floor: change.floor.unwrap_or(self.floor),
            schedule: change.schedule.unwrap_or_else(|| self.schedule.clone()),
        };
        changed.check().map(|()| changed)
    }

    /// Whether every number makes sense.
    ///
    /// # Errors
    /// Names the first that does not.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |message: String| Err(Failure::new(FailureKind::Usage, message));
        for (what, number) in [("transfers", self.transfers), ("slots", self.slots)] {
            if number == 0 || number > MAX_PARALLEL {
                return wrong(format!("{what} must be between 1 and {MAX_PARALLEL}, not {number}"));
            }
        }
        if self.schedule.len() > MAX_HOURS {
            return wrong(format!("a schedule has at most {MAX_HOURS} entries"));
        }
        for Hours { from, to, .. } in &self.schedule {
            if *from >= DAY || *to > DAY || from == to {
                return wrong(format!("no hours of a day: from minute {from} to minute {to}"));
            }
        }
        Ok(())
    }
}

fn contains(hours: &Hours, minute: u16) -> bool {
    if hours.from < hours.to {
        (hours.from..hours.to).contains(&minute)
    } else {
        minute >= hours.from || minute < hours.to
    }
}

/// The minute of the local day.
#[must_use]
pub fn minute_now() -> u16 {
    let now = jiff::ZonedDateTime::now();
    u16::try_from(i32::from(now.hour()) * 60 + i32::from(now.minute())).unwrap_or(0)
}

/// Keeps the limits of a node, and has them obeyed.
#[derive(Debug)]
pub(super) struct LimitsService {
    settings: Mutex<Settings>,
    uploads: Arc<Uploads>,
    down: Arc<Limiter>,
    transfers: Transfers,
}

impl LimitsService {
    pub(super) fn new(
        settings: Settings,
        uploads: Arc<Uploads>,
        down: Arc<Limiter>,
        transfers: Transfers,
    ) -> Self {
        Self { settings: Mutex::new(settings), uploads, down, transfers }
    }

    pub(super) fn read(&self) -> Limits {
        let Settings { up, down, transfers, slots, floor, schedule } = self.lock().clone();
        let in_force = self.lock().in_force(minute_now());
        Limits { up, down, transfers, slots, floor, schedule, in_force }
    }

    /// Changes limits, at once.
    ///
    /// # Errors
    /// When a number makes no sense; nothing is changed then.
    pub(super) fn change(&self, change: LimitsChange) -> Result<Limits, Failure> {
        let changed = self.lock().changed(change)?;
        self.uploads.slots.set(changed.slots as usize);
        self.transfers.set_bounds(Bounds { running: changed.transfers, floor: changed.floor });
        *self.lock() = changed;
        self.tick(minute_now());
        Ok(self.read())
    }

    /// Puts into force what the hour wants; returns the rates, up and down.
    pub(super) fn tick(&self, minute: u16) -> (Rate, Rate) {
        let (up, down) = self.lock().in_force(minute);
        self.uploads.limiter.set(up.0);
        self.down.set(down.0);
        (up, down)
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: u16, to: u16, up: u64) -> Hours {
        Hours { from, to, up: Rate(Some(up)), down: Rate(None) }
    }

    #[test]
    fn the_first_hours_that_fit_are_in_force_also_through_midnight() {
        let schedule = vec![hours(9 * 60, 17 * 60, 1), hours(22 * 60, 6 * 60, 2)];
        let settings = Settings { schedule, up: Rate(Some(9)), ..Settings::default() };
        let up = |hour: u16, minute: u16| settings.in_force(hour * 60 + minute).0.0;
        assert_eq!([up(8, 59), up(9, 0), up(16, 59), up(17, 0)].map(Option::unwrap), [9, 1, 1, 9]);
        assert_eq!(
            [up(21, 59), up(22, 0), up(0, 0), up(5, 59), up(6, 0)].map(Option::unwrap),
            [9, 2, 2, 2, 9]
        );
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let settings = Settings::default();
        for change in [
            LimitsChange { transfers: Some(0), ..LimitsChange::default() },
            LimitsChange { slots: Some(MAX_PARALLEL + 1), ..LimitsChange::default() },
            LimitsChange { schedule: Some(vec![hours(5, 5, 1)]), ..LimitsChange::default() },
            LimitsChange { schedule: Some(vec![hours(DAY, 5, 1)]), ..LimitsChange::default() },
        ] {
            assert!(settings.changed(change).is_err());
        }
        let change =
            LimitsChange { up: Some(Rate(None)), floor: Some(7), ..LimitsChange::default() };
        let changed = settings.changed(change).expect("sense");
        assert_eq!((changed.up, changed.floor, changed.slots), (Rate(None), 7, settings.slots));
    }
}
