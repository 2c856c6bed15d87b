//! Limits of a node, which can change while it runs.

use serde::{Deserialize, Deserializer, Serialize};

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

/// What to change; what is absent stays. A rate that is `null` is there, and no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsChange {
    /// The most that is sent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub up: Option<Rate>,
    /// The most that is received.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub down: Option<Rate>,
    /// Transfers that run at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfers: Option<u32>,
    /// Uploads that run at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Bytes that are left free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<u64>,
    /// All hours of the schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Vec<Hours>>,
}

/// Reads a rate that is there: `null` is no limit, and not the same as absent.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    Rate::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::message::Tuning;

    #[test]
    fn no_limit_is_another_thing_than_no_change() {
        let change = LimitsChange { up: Some(Rate(None)), ..LimitsChange::default() };
        let json = serde_json::to_string(&change).expect("json");
        assert_eq!(json, r#"{"up":null}"#);
        assert_eq!(serde_json::from_str::<LimitsChange>(&json).expect("reads"), change);
        let tuning = Tuning { limit: Some(Rate(None)), ..Tuning::default() };
        let json = serde_json::to_string(&tuning).expect("json");
        assert_eq!(serde_json::from_str::<Tuning>(&json).expect("reads"), tuning);
        let nothing = serde_json::to_string(&LimitsChange::default()).expect("json");
        assert_eq!(nothing, "{}");
    }
}
