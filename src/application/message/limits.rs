//! Limits of a node, which can change while it runs.

use serde::{Deserialize, Serialize};

/// A rate to be set, in bytes per second; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub Option<u64>);

/// The limits of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most that is sent outside of the hours of the schedule.
    pub up: Rate,
    /// The most that is received outside of the hours of the schedule.
    pub down: Rate,
    /// Transfers that run at the same time.
    pub transfers: u32,
    /// Uploads that run at the same time.
    pub slots: u32,
    /// Bytes that are left free on the disk of a transfer, or it waits.
    pub floor: u64,
    /// Other rates at certain hours.
    pub schedule: Vec<Hours>,
    /// The rates in force now, up and down.
    pub in_force: (Rate, Rate),
}

/// Rates at certain hours of the local day. From 22:00 to 06:00 goes through midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The first minute, counted from midnight.
    pub from: u16,
    /// The minute after the last.
    pub to: u16,
    /// The most that is sent.
    pub up: Rate,
    /// The most that is received.
    pub down: Rate,
}

/// What to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsChange {
    /// The most that is sent.
    pub up: Option<Rate>,
    /// The most that is received.
    pub down: Option<Rate>,
    /// Transfers that run at the same time.
    pub transfers: Option<u32>,
    /// Uploads that run at the same time.
    pub slots: Option<u32>,
    /// Bytes that are left free.
    pub floor: Option<u64>,
    /// All hours of the schedule.
    pub schedule: Option<Vec<Hours>>,
}
