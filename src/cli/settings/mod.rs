//! [`Settings`]: what a person decided, wherever they said it: flags win over the environment,
//! the environment over the file, the file over the defaults.

mod env;
mod file;
mod keys;
mod paths;
mod template;
mod text;

use std::path::{Path, PathBuf};

use super::args::Globals;
use crate::{
    application::{
        config::{NodeConfig, Overlay, Seeding},
        limits,
        message::{Failure, FailureKind, LimitsChange, Rate},
    },
    domain::NetworkName,
};

pub(super) use file::Config;
pub(super) use paths::Paths;
pub(super) use template::TEMPLATE;
use text::Text;
pub(super) use text::{Parallel, Size};

/// What holds for this run.
#[derive(Debug)]
pub(super) struct Settings {
    /// Where everything is.
    pub(super) paths: Paths,
    /// The node to start, if one is started.
    pub(super) node: NodeConfig,
    /// What is logged, in the syntax of `tracing`'s filters.
    pub(super) log_filter: String,
    /// Flags that only matter to a node that is started now, for a note where none is.
    pub(super) node_flags: Vec<&'static str>,
}

impl Settings {
    /// Reads the environment and the file, and puts the flags over them.
    ///
    /// # Errors
    /// Names the file and line, the variable or the folder that cannot be used.
    pub(super) fn load(globals: &Globals) -> Result<Self, Failure> {
        let paths = Paths::find(globals)?;
        let file = file::read(&paths.config_file, globals.config.is_some())?;
        let env = env::read(std::env::vars_os())?;
        Self::combine(globals, env.over(file), paths)
    }

    fn combine(globals: &Globals, config: Config, paths: Paths) -> Result<Self, Failure> {
        let Config { network, content, sharing, log } = config;
        let download_dir = match (&globals.download_dir, &content.download_dir) {
            (Some(flag), _) => absolute(flag)?,
            (None, Some(set)) => from_home(set, "content.download_dir")?,
            (None, None) => paths.download_dir.clone(),
        };
        let mut shares = Vec::new();
        for path in sharing.paths.unwrap_or_default() {
            shares.push(from_home(&path, "sharing.paths")?);
        }
        for path in &globals.share {
            shares.push(absolute(path)?);
        }
        let seeding = content.seed.map_or_else(Seeding::default, |seed| seed.0);
        let limits = limits_of(globals, content)?;
        let node = NodeConfig {
            data_dir: paths.data_dir.clone(),
            download_dir,
            network: globals.network.clone().or(network.name).unwrap_or_default(),
            overlay: globals.overlay.or(network.overlay).unwrap_or_default(),
            listen: either(&globals.listen, network.listen),
            bootstrap: either(&globals.bootstrap, network.bootstrap),
            mdns: !globals.no_mdns && network.mdns.unwrap_or(true),
            shares,
            serve_remembered: true,
            limits,
            seeding,
            connections: None,
        };
        Ok(Self {
            paths,
            node,
            log_filter: log.filter.unwrap_or_else(|| "info".to_owned()),
            node_flags: globals.of_a_new_node(),
        })
    }

    /// The settings as a file would say them.
    pub(super) fn to_config(&self) -> Config {
        let node = &self.node;
        Config {
            network: file::Network {
                name: Some(node.network.clone()),
                overlay: Some(node.overlay),
                listen: Some(node.listen.clone()),
                bootstrap: Some(node.bootstrap.clone()),
                mdns: Some(node.mdns),
            },
            content: file::Content {
                download_dir: Some(node.download_dir.clone()),
                upload_limit: Some(Text(node.limits.up)),
                download_limit: Some(Text(node.limits.down)),
                hours: Some(node.limits.schedule.iter().copied().map(Text).collect()),
                transfers: Some(Parallel(node.limits.transfers)),
                upload_slots: Some(Parallel(node.limits.slots)),
                disk_floor: Some(Text(Size(node.limits.floor))),
                seed: Some(Text(node.seeding)),
            },
            sharing: file::Sharing { paths: Some(node.shares.clone()) },
            log: file::Log { filter: Some(self.log_filter.clone()) },
        }
    }
}

/// The limits to begin with.
fn limits_of(globals: &Globals, content: file::Content) -> Result<limits::Settings, Failure> {
    let said = |text: Option<Text<Rate>>| text.map(|rate| rate.0);
    let change = LimitsChange {
        up: globals.upload_limit.or(said(content.upload_limit)),
        down: globals.download_limit.or(said(content.download_limit)),
        transfers: content.transfers.map(|number| number.0),
        slots: content.upload_slots.map(|number| number.0),
        floor: content.disk_floor.map(|size| size.0.0),
        schedule: content.hours.map(|hours| hours.into_iter().map(|text| text.0).collect()),
    };
    limits::Settings::default().changed(change).map_err(|failure| {
        let message = format!("content: {}", failure.message);
        Failure { message, ..failure }
    })
}

/// Flags replace what the file says; they do not add to it.
fn either<T: Clone>(flags: &[T], set: Option<Vec<T>>) -> Vec<T> {
    if flags.is_empty() { set.unwrap_or_default() } else { flags.to_vec() }
}

/// A path from the command line: relative to where the person is.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::new(FailureKind::Usage, format!("{:?} is no path: {error}", path.display()))
    })
}

/// A path from the configuration: nobody knows where the person is, so it begins with `/` or `~/`.
fn from_home(path: &Path, key: &str) -> Result<PathBuf, Failure> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let home = path.strip_prefix("~").ok().and_then(|rest| Some(paths::home()?.join(rest)));
    home.ok_or_else(|| {
        let message = format!("{key}: {:?} is relative", path.display().to_string());
        Failure::new(FailureKind::Usage, message).hint("begin it with / or ~/")
    })
}

/// Reads the value of `--network`.
pub(super) fn network_name(text: &str) -> Result<NetworkName, String> {
    text.parse().map_err(|error: crate::domain::network_name::BadNetworkName| error.to_string())
}

/// Reads the value of `--overlay`.
pub(super) fn overlay(text: &str) -> Result<Overlay, String> {
    if text == "kademlia" {
        return Err("this version has the libp2p overlay only".to_owned());
    }
    text.parse().map_err(|error: crate::application::config::UnknownOverlay| error.to_string())
}

/// Reads the value of a flag that says a rate.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    text.parse().map_err(|error: crate::domain::units::BadLimit| error.to_string())
}
