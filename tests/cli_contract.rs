//! The binary where no node runs: usage, settings, messages, exit codes.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A person with an empty home folder.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2pfs-tui"));
        command.env_clear().env("HOME", self.path()).current_dir(self.path());
        command.args(args).stdin(Stdio::null());
        command
    }

    fn run_command(mut command: Command) -> Ran {
        let output = command.output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it in a data directory of its own.
    fn run(&self, args: &[&str]) -> Ran {
        let data = self.path().join("data");
        let data = ["--data-dir", data.to_str().unwrap()];
        Self::run_command(self.command(&[&data[..], args].concat()))
    }

    /// The same with a configuration.
    fn run_with_config(&self, config: &str, args: &[&str]) -> Ran {
        fs::create_dir_all(self.path().join("data")).unwrap();
        fs::write(self.path().join("data/config.toml"), config).unwrap();
        self.run(args)
    }
}

impl Ran {
    /// An error with this code, that says these things on stderr and nothing on stdout.
    #[track_caller]
    fn fails(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        for part in says {
            assert!(self.stderr.contains(part), "no {part:?} in: {}", self.stderr);
        }
        assert_eq!(self.stdout, "");
        assert!(!self.stderr.contains('\u{1b}'), "no colour without a terminal: {}", self.stderr);
    }

    #[track_caller]
    fn succeeds(&self) -> &str {
        assert_eq!(self.code, 0, "{}", self.stderr);
        &self.stdout
    }
}

const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

#[test]
fn help_and_version_are_answers() {
    let home = Home::new();
    let help = home.run(&["--help"]);
    for verb in [
        "demo",
        "daemon",
        "share",
        "unshare",
        "shares",
        "search",
        "get",
        "link",
        "invite",
        "join",
        "status",
        "peers",
        "routing",
        "transfers",
        "cancel",
        "config",
    ] {
        assert!(help.succeeds().contains(&format!("\n  {verb} ")), "{verb}");
        assert!(home.run(&[verb, "--help"]).succeeds().contains("--data-dir"), "{verb}");
    }
    assert_eq!(home.run(&["help"]).succeeds(), help.succeeds());
    assert!(home.run(&["help", "search"]).succeeds().contains("--field"));
    assert!(home.run(&["--version"]).succeeds().contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn usage_errors_are_2_and_name_the_thing() {
    let home = Home::new();
    let no_hash = format!("magnet:?xt=urn:sha1:{}", "!".repeat(32));
    let impossible = format!("magnet:?xt=urn:blake3:{}&xl=-5", "0".repeat(64));
    for (args, says) in [
        (&["frobnicate"][..], &["frobnicate"][..]),
        (&["help", "frobnicate"], &["frobnicate"]),
        (&["share"], &["PATH"]),
        (&["search"], &["QUERY"]),
        (&["search", " -- "], &["the query is empty"]),
        (&["search", "--", "!?"], &["the query is empty", "next:"]),
        (&["search", "a"], &["too short"]),
        (&["search", "x", "--field", "colour"], &["filename, artist, title, album"]),
        (&["search", "xx", "--timeout", "-1"], &["--timeout"]),
        (&["search", "xx", "--timeout", "nan"], &["number of seconds"]),
        (&["search", "xx", "--limit", "0"], &["--limit"]),
        (&["get", "http://example.org/x"], &["no link of ours", "magnet:"]),
        (&["get", &no_hash], &["SHA-1 is not a hash"]),
        (&["get", &impossible], &["size", "impossible"]),
        (&["get", "p2pfs:short"], &["52 characters"]),
        (&["cancel", "first"], &["first"]),
        (&["join", "magnet:?xt=1"], &["no invitation", "next:"]),
        (&["join", "/ip4/127.0.0.1/tcp/1"], &["without /p2p/"]),
        (&["status", "--overlay", "kademlia"], &["libp2p overlay only"]),
        (&["status", "--network", "A B"], &["cannot name a network"]),
        (&["status", "--listen", "here"], &["--listen", "/ip4/"]),
        (&["status", "--bootstrap", "/ip4/127.0.0.1/tcp/1"], &["--bootstrap", "/p2p/"]),
        (&["status", "--upload-limit", "fast"], &["is no size"]),
        (&["demo", "--nodes", "1"], &["--nodes"]),
        (&[], &["needs a terminal", "p2pfs-tui daemon"]),
    ] {
        home.run(args).fails(2, says);
    }
}

#[test]
fn a_path_of_any_bytes_stands_in_json() {
    let home = Home::new();
    let mut command = home.command(&["config", "path", "--json", "--config"]);
    command.arg(std::ffi::OsStr::from_bytes(b"/caf\xe9"));
    let ran = Home::run_command(command);
    assert!(ran.succeeds().contains(r#""path":{"bytes":"2f636166e9"}"#), "{}", ran.succeeds());
}

#[test]
fn without_a_node_every_command_says_how_to_start_one() {
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let address = format!("/ip4/127.0.0.1/tcp/1/p2p/{PEER}");
    for args in [
        &["share", file][..],
        &["unshare", file],
        &["shares"],
        &["link", file],
        &["invite"],
        &["join", &address],
        &["status"],
        &["peers"],
        &["routing"],
        &["transfers"],
        &["cancel", "1"],
    ] {
        home.run(args).fails(1, &["no node runs in", "next: start one: p2pfs-tui", "daemon"]);
        let mut json = args.to_vec();
        json.push("--json");
        home.run(&json).fails(1, &["no node runs in"]);
    }
}

#[test]
fn global_flags_stand_on_either_side() {
    let home = Home::new();
    let show = |args: &[&str]| home.run(args).succeeds().to_owned();
    let listen = ["--listen", "/ip4/127.0.0.1/tcp/1"];
    let before = [&listen[..], &["config", "show"]].concat();
    let after = [&["config", "show"], &listen[..]].concat();
    let between = [&["config"], &listen[..], &["show"]].concat();
    assert!(show(&before).contains("listen = [\"/ip4/127.0.0.1/tcp/1\"]"));
    assert_eq!(show(&before), show(&after));
    assert_eq!(show(&before), show(&between));
    let both = [&["--listen", "/ip4/127.0.0.1/tcp/2"], &after[..]].concat();
    assert!(show(&both).contains("tcp/2\", \"/ip4/127.0.0.1/tcp/1"), "both sides add up");
}

#[test]
fn a_mistake_in_the_configuration_names_file_line_and_name() {
    let home = Home::new();
    for (config, says) in [
        ("[network]\n\nnmae = \"x\"\n", &["config.toml:3", "nmae", "did you mean name?"][..]),
        ("[contents]\n", &["config.toml:1", "contents", "did you mean content?"]),
        ("[network]\nmdns = \"no\"\n", &["config.toml:2", "boolean"]),
        ("[network]\noverlay = \"chord\"\n", &["config.toml:2", "libp2p"]),
        ("[content]\nupload_limit = \"fast\"\n", &["config.toml:2", "is no size"]),
        ("[content]\ndownload_dir = \"here\"\n", &["content.download_dir", "next: begin it with"]),
        ("[network\n", &["config.toml:1"]),
    ] {
        home.run_with_config(config, &["status"]).fails(2, says);
    }
    // What tells how it should be must work all the same.
    assert!(home.run(&["config", "template"]).succeeds().contains("[network]"));
    assert!(home.run(&["config", "path"]).succeeds().ends_with("data/config.toml\n"));
    home.run(&["status", "--config", "/nowhere.toml"]).fails(2, &["/nowhere.toml", "next:"]);
}

#[test]
fn the_template_reads_back_as_the_default() {
    let home = Home::new();
    let default = home.run(&["config", "show"]).succeeds().to_owned();
    let template = home.run(&["config", "template"]).succeeds().to_owned();
    assert_eq!(home.run_with_config(&template, &["config", "show"]).succeeds(), default);
    assert_eq!(home.run_with_config(&default, &["config", "show"]).succeeds(), default);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let home = Home::new();
    fs::create_dir(home.path().join("data")).unwrap();
    fs::write(home.path().join("data/config.toml"), "[network]\nname = \"file\"\n").unwrap();
    let name = |env: Option<&str>, flag: Option<&str>| {
        let mut command = home.command(&["config", "show", "--json", "--data-dir", "data"]);
        command.envs(env.map(|name| ("P2PFS_TUI__NETWORK__NAME", name)));
        command.env("P2PFS_TUI_NETWORK_NAME", "ignored");
        command.args(flag.map(|name| format!("--network={name}")));
        let ran = Home::run_command(command);
        let json: serde_json::Value = serde_json::from_str(ran.succeeds()).unwrap();
        assert_eq!((&json["schema"], &json["kind"]), (&1.into(), &"config".into()));
        json["network"]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(name(None, None), "file");
    assert_eq!(name(Some("env"), None), "env");
    assert_eq!(name(Some("env"), Some("flag")), "flag");

    let mut command = home.command(&["status", "--data-dir", "data"]);
    command.env("P2PFS_TUI__NETWORK__NMAE", "x");
    let says = ["P2PFS_TUI__NETWORK__NMAE", "did you mean name?"];
    Home::run_command(command).fails(2, &says);
}

#[test]
fn without_a_data_directory_the_folders_are_those_of_xdg() {
    let home = Home::new();
    let at = |folder: &str| home.path().join(folder);
    let mut command = home.command(&["config", "path"]);
    command.env("XDG_CONFIG_HOME", at("etc"));
    let ran = Home::run_command(command);
    assert_eq!(ran.succeeds().trim(), at("etc/p2pfs-tui/config.toml").to_str().unwrap());

    let mut command = home.command(&["status"]);
    command.env("XDG_DATA_HOME", at("share")).env("XDG_RUNTIME_DIR", at("run"));
    let share = at("share/p2pfs-tui");
    Home::run_command(command).fails(1, &[share.to_str().unwrap()]);
    assert!(!share.exists(), "asking creates nothing");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["config", "template"]);
    let ran = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let ran = ran.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(0));
    assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_full_disk_is_7() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let home = Home::new();
    let mut command = home.command(&["config", "template"]);
    let status = command.stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(7));
}
