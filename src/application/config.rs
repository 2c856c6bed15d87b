//! What a node needs to know before it starts.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use multiaddr::Multiaddr;
use serde::{Deserialize, Serialize};

use super::limits::Settings;
use crate::{
    domain::{NetworkName, units},
    network::host::ConnectionBounds,
};

/// The settings of one node. Every path is absolute.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Identity, index, lock and caches live here; created if missing.
    pub data_dir: PathBuf,
    /// Where finished downloads go; created when the first one needs it.
    pub download_dir: PathBuf,
    /// Which network to join.
    pub network: NetworkName,
    /// Which overlay finds things.
    pub overlay: Overlay,
    /// Addresses to listen on; empty for the defaults (any interface, any port, TCP and QUIC).
    /// An explicit address counts as reachable.
    pub listen: Vec<Multiaddr>,
    /// Nodes to start from, each ending in `/p2p/<id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for peers on the local network.
    pub mdns: bool,
    /// Files and folders to share while this node runs, besides the remembered ones.
    pub shares: Vec<PathBuf>,
    /// Whether remembered shares are served; a one-shot node serves nothing.
    pub serve_remembered: bool,
    /// What is sent, received and left free at most.
    pub limits: Settings,
    /// How long finished downloads are offered to others.
    pub seeding: Seeding,
    /// How many connections are kept; `None` for the defaults.
    pub connections: Option<ConnectionBounds>,
}

/// How long a finished download is offered to others. While it arrives it is offered in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Seeding {
    /// Not at all.
    #[default]
    No,
    /// As long as it is there.
    Forever,
    /// Until so many percent of its bytes were given to others.
    Ratio(u32),
    /// For so long after it was finished.
    For(Duration),
}

/// The text says of no time how long a download is offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not say how long: write no, forever, ratio 1.5, or a time like 12h or 7d")]
pub struct BadSeeding(String);

impl FromStr for Seeding {
    type Err = BadSeeding;

    fn from_str(text: &str) -> Result<Self, BadSeeding> {
        let bad = || BadSeeding(text.to_owned());
        match text.trim() {
            "no" => Ok(Self::No),
            "forever" => Ok(Self::Forever),
            other => match other.strip_prefix("ratio") {
                Some(ratio) => percent(ratio.trim()).map(Self::Ratio).ok_or_else(bad),
                None => units::parse_duration(other).map(Self::For).map_err(|_| bad()),
            },
        }
    }
}

/// `1.5` as percent: more than nothing, and two digits at most after the point.
fn percent(ratio: &str) -> Option<u32> {
    let (whole, part) = ratio.split_once('.').unwrap_or((ratio, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part: u32 = format!("{part:0<2}").parse().ok()?;
    let percent = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part)?;
    (percent > 0).then_some(percent)
}

impl fmt::Display for Seeding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Forever => f.write_str("forever"),
            Self::Ratio(percent) => write!(f, "ratio {}.{:02}", percent / 100, percent % 100),
            Self::For(time) => f.write_str(&units::exact_duration(*time)),
        }
    }
}

/// The overlays that find things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlay {
    /// The Kademlia of libp2p.
    #[default]
    Libp2p,
}

impl Overlay {
    /// The name on the command line and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Libp2p => "libp2p",
        }
    }
}

/// The text names no overlay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no overlay is called {0:?}; this version has: libp2p")]
pub struct UnknownOverlay(String);

impl FromStr for Overlay {
    type Err = UnknownOverlay;

    fn from_str(text: &str) -> Result<Self, UnknownOverlay> {
        match text {
            "libp2p" => Ok(Self::Libp2p),
            other => Err(UnknownOverlay(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeding_is_read_as_people_write_it() {
        let hours = |n: u64| Seeding::For(Duration::from_secs(n * 3_600));
        for (text, seeding) in [
            ("no", Seeding::No),
            (" forever ", Seeding::Forever),
            ("ratio 1.5", Seeding::Ratio(150)),
            ("ratio 2", Seeding::Ratio(200)),
            ("ratio 0.05", Seeding::Ratio(5)),
            ("12h", hours(12)),
            ("7d", hours(168)),
        ] {
            assert_eq!(text.parse(), Ok(seeding), "{text}");
            assert_eq!(seeding.to_string().parse(), Ok(seeding), "{seeding}");
        }
        for bad in ["", "yes", "ratio", "ratio 0", "ratio 1.234", "ratio -1", "ratio 1e3", "12"] {
            assert!(bad.parse::<Seeding>().is_err(), "{bad}");
        }
    }
}
