//! [`Config`]: the settings of one source, each of them optional, and how the file is read.
//!
//! Invariant: a key that nobody knows is an error that names the file, the line and the key that
//! was probably meant; a value that does not fit says where it is and why.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use multiaddr::Multiaddr;
use serde::{Deserialize, Serialize};

use super::{
    keys::nearest,
    text::{Parallel, Size, Text},
};
use crate::{
    application::{
        config::{Overlay, Seeding},
        message::{Failure, FailureKind, Hours, Rate},
    },
    domain::NetworkName,
};

/// The largest configuration that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Makes a section of optional settings: its type, its keys, and how one source goes over another.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$key_doc:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::cli) struct $name {
            $($(#[$key_doc])* pub(in crate::cli) $key: Option<$type>,)*
        }

        impl $name {
            const KEYS: &[&str] = &[$(stringify!($key)),*];

            /// What is set here, and the base where nothing is.
            fn over(self, base: Self) -> Self {
                Self { $($key: self.$key.or(base.$key),)* }
            }
        }
    };
}

section! {
    /// Which network, and how to enter it.
    Network {
        /// The network's name.
        name: NetworkName,
        /// What finds things.
        overlay: Overlay,
        /// Addresses to listen on.
        listen: Vec<Multiaddr>,
        /// Nodes to start from.
        bootstrap: Vec<Multiaddr>,
        /// Whether to look for peers on the local network.
        mdns: bool,
    }
}

section! {
    /// Files that come and go.
    Content {
        /// Where finished downloads go.
        download_dir: PathBuf,
        /// The most that is sent.
        upload_limit: Text<Rate>,
        /// The most that is received.
        download_limit: Text<Rate>,
        /// Other rates at certain hours of the day.
        hours: Vec<Text<Hours>>,
        /// Transfers that run at the same time.
        transfers: Parallel,
        /// Uploads that run at the same time.
        upload_slots: Parallel,
        /// What is left free on a disk.
        disk_floor: Text<Size>,
        /// How long finished downloads are offered.
        seed: Text<Seeding>,
    }
}

section! {
    /// What is offered.
    Sharing {
        /// Files and folders that are shared while a node runs.
        paths: Vec<PathBuf>,
    }
}

section! {
    /// What is written down.
    Log {
        /// What is logged, in the syntax of `tracing`'s filters.
        filter: String,
    }
}

/// The settings of one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::cli) struct Config {
    /// `[network]`
    pub(in crate::cli) network: Network,
    /// `[content]`
    pub(in crate::cli) content: Content,
    /// `[sharing]`
    pub(in crate::cli) sharing: Sharing,
    /// `[log]`
    pub(in crate::cli) log: Log,
}

/// Every section and its keys.
const SECTIONS: &[(&str, &[&str])] = &[
    ("network", Network::KEYS),
    ("content", Content::KEYS),
    ("sharing", Sharing::KEYS),
    ("log", Log::KEYS),
];

impl Config {
    /// What is set here, and the base where nothing is.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            network: self.network.over(base.network),
            content: self.content.over(base.content),
            sharing: self.sharing.over(base.sharing),
            log: self.log.over(base.log),
        }
    }
}

/// Reads the file; one that is missing says nothing, unless it was asked for by name.
pub(super) fn read(path: &Path, must_exist: bool) -> Result<Config, Failure> {
    let failure =
        |why: String| Failure::new(FailureKind::Usage, format!("{}: {why}", path.display()));
    match fs::metadata(path) {
        Err(error) if is_missing(&error) && !must_exist => return Ok(Config::default()),
        Err(error) if is_missing(&error) => {
            return Err(failure(error.to_string())
                .hint(format!("make one: p2pfs-tui config template > {}", path.display())));
        }
        Err(error) => return Err(failure(error.to_string())),
        Ok(meta) if meta.len() > MAX_FILE => {
            return Err(failure(format!("longer than {MAX_FILE} bytes: no configuration of ours")));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
    parse(&text).map_err(|Bad { line, why, hint }| {
        let place = line.map_or_else(String::new, |line| format!(":{line}"));
        let message = format!("{}{place}: {why}", path.display());
        Failure { hint, ..Failure::new(FailureKind::Usage, message) }
    })
}

/// The file is not there, or its folder is none.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What is wrong with a text, without the name of where it came from.
#[derive(Debug)]
pub(super) struct Bad {
    /// Counted from 1.
    pub(super) line: Option<usize>,
    /// What is wrong.
    pub(super) why: String,
    /// The next step.
    pub(super) hint: Option<String>,
}

/// Reads a whole configuration.
pub(super) fn parse(text: &str) -> Result<Config, Bad> {
    check_names(text)?;
    toml::from_str(text).map_err(|error| bad_toml(text, &error))
}

/// Finds the first section or key that nobody knows.
fn check_names(text: &str) -> Result<(), Bad> {
    let table = toml::de::DeTable::parse(text).map_err(|error| bad_toml(text, &error))?;
    for (section, value) in table.get_ref() {
        let name: &str = section.get_ref();
        let at = section.span().start;
        let Some((_, keys)) = SECTIONS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = SECTIONS.iter().map(|(known, _)| *known).collect();
            return Err(unknown(text, at, &format!("section [{name}]"), name, &known));
        };
        let toml::de::DeValue::Table(entries) = value.get_ref() else { continue };
        for key in entries.keys() {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let what = format!("key {name:?} in [{}]", section.get_ref());
                return Err(unknown(text, key.span().start, &what, name, keys));
            }
        }
    }
    Ok(())
}

fn unknown(text: &str, at: usize, what: &str, name: &str, known: &[&str]) -> Bad {
    let hint = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Bad { line: Some(line_of(text, at)), why: format!("unknown {what}"), hint: Some(hint) }
}

fn bad_toml(text: &str, error: &toml::de::Error) -> Bad {
    let line = error.span().map(|span| line_of(text, span.start));
    Bad { line, why: error.message().trim().replace('\n', "; "), hint: None }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, why, hint) in [
            (
                "[network]\nnmae = \"x\"",
                2,
                "unknown key \"nmae\" in [network]",
                "did you mean name?",
            ),
            ("\n[netwrk]\n", 2, "unknown section [netwrk]", "did you mean network?"),
            ("log.colour = 1", 1, "unknown key \"colour\"", "known here: filter"),
            ("[network]\n\nmdns = 3", 3, "expected a boolean", ""),
            ("[network]\nname = \"A B\"", 2, "cannot name a network", ""),
            ("[content]\nupload_limit = \"fast\"", 2, "is no size", ""),
            ("[content]\nhours = [\n\"9-17 up=1M\"]", 3, "\"9\" is no time of day", ""),
            ("[content]\ntransfers = 0", 2, "between 1 and 64, not 0", ""),
            ("[content]\nseed = \"perhaps\"", 2, "ratio 1.5", ""),
            ("[content]\ndownloads_limit = \"1M\"", 2, "unknown key", "mean download_limit?"),
            ("[network]\nlisten = [\"here\"]", 2, "", ""),
            ("[network", 1, "", ""),
            ("network = 3", 1, "", ""),
        ] {
            let bad = parse(text).expect_err(text);
            assert_eq!(bad.line, Some(line), "{text}: {bad:?}");
            assert!(bad.why.contains(why), "{text}: {bad:?}");
            assert!(bad.hint.clone().unwrap_or_default().contains(hint), "{text}: {bad:?}");
        }
    }

    #[test]
    fn one_source_goes_over_another() {
        let base = parse("[network]\nname = \"lan\"\nmdns = false").expect("base");
        let over = parse("[network]\nname = \"wan\"").expect("over").over(base);
        assert_eq!(over.network.name.expect("name").to_string(), "wan");
        assert_eq!(over.network.mdns, Some(false));
    }
}
