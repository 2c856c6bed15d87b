//! The commented default configuration, as `config template` prints it.

/// Every setting with its default, commented out where the default depends on the machine.
pub(in crate::cli) const TEMPLATE: &str = r#"# Settings of p2pfs-tui. Flags win over P2PFS_TUI__SECTION__KEY in the
# environment, and both win over this file.

[network]
# Only nodes of the same network meet: 1 to 32 of a-z, 0-9 and '-'.
name = "p2pfs"
# What finds things. This version has: libp2p
overlay = "libp2p"
# Addresses to listen on, for instance "/ip4/0.0.0.0/tcp/4001". An explicit one
# counts as reachable from outside. Empty: any interface, at the port that the
# node chose at its first start.
listen = []
# Nodes to start from: "/ip4/…/tcp/…/p2p/…", as `p2pfs-tui daemon` prints them.
bootstrap = []
# Look for peers on the local network.
mdns = true

[content]
# Where finished downloads go.
# download_dir = "~/Downloads/p2pfs"
# The most that is sent and received, per second: "500K", "8MiB", "unlimited".
upload_limit = "8MiB"
download_limit = "unlimited"
# Other rates at certain hours of the day, for instance
# "09:00-17:00 up=1MiB down=4MiB" or "23:00-06:00 up=unlimited down=unlimited".
# Of several that fit, the first counts.
hours = []
# Transfers that run at the same time; the others wait for their turn.
transfers = 5
# Uploads that run at the same time; other peers wait for their turn.
upload_slots = 8
# What is left free on the disk: a transfer waits rather than take it.
disk_floor = "256MiB"
# How long finished downloads are offered to others: "no", "forever",
# "ratio 1.5" (until one and a half times their size was given), or a time
# like "12h" or "7d". What is still arriving is offered in any case.
seed = "no"

[sharing]
# Files and folders that are shared while a node runs.
paths = []

[log]
# What is logged: a level, or levels by module ("info,p2pfs_tui=debug").
filter = "info"
"#;

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{
        args::Globals,
        settings::{Settings, file, paths::Paths},
    };

    #[derive(clap::Parser)]
    struct NoFlags {
        #[command(flatten)]
        globals: Globals,
    }

    fn settings(config: &str) -> Settings {
        let globals = NoFlags::parse_from(["p2pfs-tui", "--data-dir", "/nowhere"]).globals;
        let paths = Paths::find(&globals).expect("paths");
        Settings::combine(&globals, file::parse(config).expect("parses"), paths).expect("combines")
    }

    #[test]
    fn the_template_is_the_default() {
        assert_eq!(settings(TEMPLATE).to_config(), settings("").to_config());
    }

    #[test]
    fn every_key_is_in_the_template() {
        let shown = toml::to_string(&settings("").to_config()).expect("toml");
        for line in shown.lines().filter(|line| !line.is_empty()) {
            let name = line.split(" =").next().expect("a name");
            assert!(TEMPLATE.contains(name), "{name} is missing");
        }
    }

    #[test]
    fn what_is_shown_can_be_read() {
        let shown = toml::to_string(&settings(TEMPLATE).to_config()).expect("toml");
        assert_eq!(settings(&shown).to_config(), settings("").to_config());
    }
}
