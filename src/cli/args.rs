//! The arguments: the verbs, and the global flags that stand on either side of them.
//!
//! clap's own global arguments forget the values on one side when a repeatable flag stands on
//! both. So every level takes the flags for itself, and [`Invocation::from_matches`] adds them up.

use std::path::PathBuf;

use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueHint};
use multiaddr::Multiaddr;

use super::{
    cancel, config, daemon, demo, get, help, invite, join, limits, link, pause, peers, resume,
    routing, search, settings, share, shares, status, stream, transfers, tune, unshare,
};
use crate::{
    application::{config::Overlay, message::Rate},
    domain::NetworkName,
};

const ABOUT: &str = "Peer-to-peer file sharing in a terminal: no server, no tracker, no account.";
const AFTER: &str = "\
Without a command the terminal UI opens, on the node that runs here or on one of its own.

First steps:
  p2pfs-tui demo                 a whole network on this machine, to look around
  p2pfs-tui daemon --share DIR   a node without a terminal
  p2pfs-tui search WORD          what others share
  p2pfs-tui get LINK             fetch it, verified

Exit codes: 0 done, 1 error, 2 usage, 3 nothing found, 4 no peers, 5 time ran out,
6 verification failed, 7 disk full, 130 interrupted.";

/// What a person asked for.
#[derive(Debug)]
pub(super) struct Invocation {
    /// The flags, from every place they stood in.
    pub(super) globals: Globals,
    /// The verb; none opens the terminal UI.
    pub(super) verb: Option<Verb>,
}

// What to do. Not a doc comment: clap would take it for what the program is.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Demo(demo::Args),
    Daemon(daemon::Args),
    Search(search::Args),
    Get(get::Args),
    Stream(stream::Args),
    Transfers(transfers::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Cancel(cancel::Args),
    Tune(tune::Args),
    Limits(limits::Args),
    Share(share::Args),
    Unshare(unshare::Args),
    Shares(shares::Args),
    Link(link::Args),
    Invite(invite::Args),
    Join(join::Args),
    Status(status::Args),
    Peers(peers::Args),
    Routing(routing::Args),
    Config(config::Args),
    Help(help::Args),
}

// Flags that every command takes, before or after it. Not a doc comment: clap would take it for
// the description of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global flags")]
pub(super) struct Globals {
    /// Put everything under one folder: for tests and second nodes
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) data_dir: Option<PathBuf>,
    /// Read this configuration
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,
    /// What finds things: libp2p
    #[arg(long, value_name = "NAME", value_parser = settings::overlay)]
    pub(super) overlay: Option<Overlay>,
    /// The network to join; only nodes of the same network meet
    #[arg(long, value_name = "NAME", value_parser = settings::network_name)]
    pub(super) network: Option<NetworkName>,
    /// Listen here instead of anywhere; an explicit address counts as reachable
    #[arg(long, value_name = "MULTIADDR", action = ArgAction::Append, value_parser = listen)]
    pub(super) listen: Vec<Multiaddr>,
    /// A node to start from: /ip4/…/tcp/…/p2p/…
    #[arg(long, value_name = "MULTIADDR", action = ArgAction::Append, value_parser = bootstrap)]
    pub(super) bootstrap: Vec<Multiaddr>,
    /// Do not look for peers on the local network
    #[arg(long)]
    pub(super) no_mdns: bool,
    /// Share this file or folder while the node runs
    #[arg(long, value_name = "DIR", action = ArgAction::Append, value_hint = ValueHint::AnyPath)]
    pub(super) share: Vec<PathBuf>,
    /// Put finished downloads here
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) download_dir: Option<PathBuf>,
    /// The most that is sent per second: 500K, 8MiB, unlimited
    #[arg(long, value_name = "RATE", value_parser = settings::rate)]
    pub(super) upload_limit: Option<Rate>,
    /// The most that is received per second
    #[arg(long, value_name = "RATE", value_parser = settings::rate)]
    pub(super) download_limit: Option<Rate>,
    /// Answer in JSON: one object on one line, or one per line where they stream
    #[arg(long)]
    pub(super) json: bool,
    /// Say nothing but the answer and errors
    #[arg(long)]
    pub(super) quiet: bool,
}

impl Globals {
    /// These, and what a deeper level adds or says otherwise.
    fn and(mut self, deeper: Self) -> Self {
        self.listen.extend(deeper.listen);
        self.bootstrap.extend(deeper.bootstrap);
        self.share.extend(deeper.share);
        Self {
            data_dir: deeper.data_dir.or(self.data_dir),
            config: deeper.config.or(self.config),
            overlay: deeper.overlay.or(self.overlay),
            network: deeper.network.or(self.network),
            no_mdns: self.no_mdns || deeper.no_mdns,
            download_dir: deeper.download_dir.or(self.download_dir),
            upload_limit: deeper.upload_limit.or(self.upload_limit),
            download_limit: deeper.download_limit.or(self.download_limit),
            json: self.json || deeper.json,
            quiet: self.quiet || deeper.quiet,
            ..self
        }
    }

    /// The given flags that say how to start a node, and nothing to one that runs already.
    pub(super) fn of_a_new_node(&self) -> Vec<&'static str> {
        [
            ("--overlay", self.overlay.is_some()),
            ("--network", self.network.is_some()),
            ("--listen", !self.listen.is_empty()),
            ("--bootstrap", !self.bootstrap.is_empty()),
            ("--no-mdns", self.no_mdns),
            ("--share", !self.share.is_empty()),
            ("--download-dir", self.download_dir.is_some()),
            ("--upload-limit", self.upload_limit.is_some()),
            ("--download-limit", self.download_limit.is_some()),
        ]
        .into_iter()
        .filter_map(|(flag, given)| given.then_some(flag))
        .collect()
    }
}

impl Invocation {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    /// Usage, help and version, as clap words them.
    pub(super) fn parse() -> Result<Self, clap::Error> {
        Self::from_matches(&command().try_get_matches()?)
    }

    fn from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut globals = Globals::from_arg_matches(matches)?;
        let mut level = matches;
        while let Some((_, deeper)) = level.subcommand() {
            globals = globals.and(Globals::from_arg_matches(deeper)?);
            level = deeper;
        }
        let verb = match matches.subcommand() {
            Some(_) => Some(Verb::from_arg_matches(matches)?),
            None => None,
        };
        if let Some(Verb::Help(args)) = verb {
            return Self::from_matches(&command().try_get_matches_from(args.as_flag())?);
        }
        Ok(Self { globals, verb })
    }
}

/// The whole command line.
pub(super) fn command() -> Command {
    let command = Command::new("p2pfs-tui")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(AFTER)
        .disable_help_subcommand(true);
    with_globals(Verb::augment_subcommands(command).subcommand_required(false))
}

fn with_globals(command: Command) -> Command {
    let command = command.mut_subcommands(with_globals).args_override_self(true);
    Globals::augment_args(command)
}

fn listen(text: &str) -> Result<Multiaddr, String> {
    let problem = "expected an address to listen on, like /ip4/0.0.0.0/tcp/4001";
    text.parse().map_err(|error| format!("{error}; {problem}"))
}

fn bootstrap(text: &str) -> Result<Multiaddr, String> {
    let problem = "expected the address of a node with its identity, like \
                   /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…; `p2pfs-tui invite` there has it, \
                   and `p2pfs-tui daemon` prints it";
    let address: Multiaddr = text.parse().map_err(|error| format!("{error}; {problem}"))?;
    if crate::domain::link::peer_of(&address).is_some() {
        Ok(address)
    } else {
        Err(format!("it ends without /p2p/…; {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Invocation, clap::Error> {
        let words = std::iter::once("p2pfs-tui").chain(line.split_whitespace());
        Invocation::from_matches(&command().try_get_matches_from(words)?)
    }

    #[test]
    fn clap_finds_no_mistake() {
        command().debug_assert();
    }

    #[test]
    fn flags_stand_on_either_side_and_add_up() {
        let line = "--share a --json --data-dir x shares --share b --data-dir y --no-mdns";
        let Invocation { globals, verb } = parse(line).expect("parses");
        assert!(matches!(verb, Some(Verb::Shares(_))));
        assert_eq!(globals.share, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(globals.data_dir, Some("y".into()), "the nearer one wins");
        assert!(globals.json && globals.no_mdns && !globals.quiet);
        let deep = parse("--quiet config --json show --network lan").expect("parses").globals;
        assert!(deep.quiet && deep.json && deep.network.is_some());
    }

    #[test]
    fn help_as_a_command_is_help_as_a_flag() {
        for (line, flag) in [
            ("help", "--help"),
            ("--json help --quiet", "--help"),
            ("help search", "search --help"),
            ("help config show", "config show --help"),
            ("help help", "help --help"),
        ] {
            let help = parse(line).expect_err(line);
            assert_eq!(help.kind(), ErrorKind::DisplayHelp, "{line}");
            assert_eq!(help.to_string(), parse(flag).expect_err(flag).to_string(), "{line}");
        }
        let unknown = parse("help serach").expect_err("no such command");
        assert_eq!(unknown.kind(), ErrorKind::InvalidSubcommand);
        assert!(unknown.to_string().contains("'search'"), "{unknown}");
    }

    #[test]
    fn repeatable_flags_take_one_value_each() {
        assert!(parse("shares --share a b").is_err());
        let twice = "--listen /ip4/127.0.0.1/tcp/1 --listen /ip4/127.0.0.1/tcp/2 daemon";
        assert_eq!(parse(twice).expect("parses").globals.listen.len(), 2);
        assert_eq!(parse("--network a --network b").expect("last wins").globals.network, {
            Some("b".parse().expect("name"))
        });
    }

    #[test]
    fn values_that_do_not_fit_say_why() {
        for (line, why) in [
            ("--overlay kademlia", "libp2p overlay only"),
            ("--overlay chord", "no overlay is called"),
            ("--network A", "cannot name a network"),
            ("--listen here", "/ip4/0.0.0.0/tcp/4001"),
            ("--bootstrap /ip4/127.0.0.1/tcp/1", "without /p2p/"),
            ("--bootstrap somewhere", "/p2p/12D3KooW"),
            ("--upload-limit fast", "is no size"),
            ("--download-limit fast", "is no size"),
            ("pause", "<ID|all>..."),
            ("pause five", "all"),
            ("cancel 5 -1", "-1"),
            ("tune 5", "--priority"),
            ("tune 5 --first --last", "cannot be used with"),
            ("tune 5 --priority 200", "200"),
            ("limits --up fast", "is no size"),
            ("limits --slots 0", "between 1 and 64"),
            ("limits --hours 9-17", "\"9\" is no time of day"),
            ("limits --hours 9:00-17:00", "up is missing"),
            ("limits --no-hours --hours 9:00-17:00", "up is missing"),
            ("search", "QUERY"),
            ("serach x", "search"),
        ] {
            let error = parse(line).expect_err(line).to_string();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
