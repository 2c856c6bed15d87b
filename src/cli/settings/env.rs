//! Settings from the environment: `P2PFS_TUI__SECTION__KEY`. Other variables are ignored.
//!
//! A value is written as in the file, where quotes may be left out; a list of one needs no
//! brackets.

use std::ffi::OsString;

use super::file::{self, Bad, Config};
use crate::application::message::{Failure, FailureKind};

const PREFIX: &str = "P2PFS_TUI__";

/// Reads the variables that are ours.
pub(super) fn read(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Config, Failure> {
    let mut config = Config::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let set = value
            .to_str()
            .ok_or_else(|| Bad { line: None, why: "the value is not UTF-8".into(), hint: None })
            .and_then(|value| parse(&name[PREFIX.len()..], value))
            .map_err(|Bad { why, hint, .. }| Failure {
                hint,
                ..Failure::new(FailureKind::Usage, format!("{name}: {why}"))
            })?;
        config = set.over(config);
    }
    Ok(config)
}

/// Reads one variable, tried in the ways a person may have meant it; the first error counts.
fn parse(name: &str, value: &str) -> Result<Config, Bad> {
    let name = name.to_ascii_lowercase();
    let Some((section, key)) = name.split_once("__") else {
        let hint = Some(format!("write {PREFIX}SECTION__KEY"));
        return Err(Bad { line: None, why: "names no key".into(), hint });
    };
    let quoted = toml::Value::from(value).to_string();
    let as_text = file_of(section, key, &quoted);
    as_text.or_else(|error| {
        file_of(section, key, value)
            .or_else(|_| file_of(section, key, &format!("[{quoted}]")))
            // A key that is a list says what is wrong with what is in it.
            .map_err(|as_list| if error.why.contains("a sequence") { as_list } else { error })
    })
}

fn file_of(section: &str, key: &str, value: &str) -> Result<Config, Bad> {
    let names = [section, key].map(|name| toml::Value::from(name).to_string());
    file::parse(&format!("[{}]\n{} = {value}\n", names[0], names[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(name: &str, value: &str) -> Result<Config, Failure> {
        read([(name.into(), value.into())].into_iter())
    }

    #[test]
    fn values_need_no_quotes() {
        let network = read_one("P2PFS_TUI__NETWORK__NAME", "lan").expect("name").network;
        assert_eq!(network.name.expect("name").to_string(), "lan");
        let network = read_one("P2PFS_TUI__NETWORK__MDNS", "false").expect("bool").network;
        assert_eq!(network.mdns, Some(false));
        let one = read_one("P2PFS_TUI__NETWORK__LISTEN", "/ip4/127.0.0.1/tcp/1").expect("one");
        assert_eq!(one.network.listen.expect("listen").len(), 1);
        let hours = "09:00-17:00 up=1MiB down=2MiB";
        let one = read_one("P2PFS_TUI__CONTENT__HOURS", hours).expect("one").content;
        assert_eq!(one.hours.expect("hours")[0].0.to_string(), hours);
        let limit = read_one("P2PFS_TUI__CONTENT__DOWNLOAD_LIMIT", "500K").expect("rate").content;
        assert_eq!(limit.download_limit.expect("limit").0.0, Some(500 << 10));
        let slots = read_one("P2PFS_TUI__CONTENT__UPLOAD_SLOTS", "3").expect("number").content;
        assert_eq!(slots.upload_slots.expect("slots").0, 3);
        let two = r#"["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"]"#;
        let two = read_one("P2PFS_TUI__NETWORK__LISTEN", two).expect("two");
        assert_eq!(two.network.listen.expect("listen").len(), 2);
    }

    #[test]
    fn mistakes_name_the_variable() {
        for (name, value, why, hint) in [
            ("P2PFS_TUI__NETWORK__NMAE", "x", "unknown key", "did you mean name?"),
            ("P2PFS_TUI__NETWORK__MDNS", "perhaps", "boolean", ""),
            ("P2PFS_TUI__NETWORK", "x", "names no key", "SECTION__KEY"),
            ("P2PFS_TUI__CONTENT__UPLOAD_LIMIT", "a\"\n[log]", "is no size", ""),
            ("P2PFS_TUI__CONTENT__HOURS", "9-17 up=1M", "\"9\" is no time of day", ""),
            ("P2PFS_TUI__CONTENT__TRANSFERS", "none", "a number from 1 to 64", ""),
        ] {
            let failure = read_one(name, value).expect_err(name);
            assert!(failure.message.starts_with(name), "{failure:?}");
            assert!(failure.message.contains(why), "{failure:?}");
            assert!(failure.hint.unwrap_or_default().contains(hint), "{name}");
        }
        assert_eq!(read_one("P2PFS_TUI_OTHER", "x").expect("ignored"), Config::default());
    }
}
