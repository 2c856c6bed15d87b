//! Where the rivals are, and how they are started.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use color_eyre::eyre::{OptionExt, Result, eyre};

use crate::process::Process;

/// Where `install.sh` puts what is not Debian's.
const ROOT_FROM: &str = "P2PFS_BENCH_ROOT";
const ROOT: &str = ".cache/p2pfs-bench";

/// Debian keeps servers where a user's `PATH` may not look.
const SERVERS: &str = "/usr/sbin";

/// The folder that `install.sh` fills.
pub(crate) fn root() -> PathBuf {
    match (env::var_os(ROOT_FROM), env::var_os("HOME")) {
        (Some(root), _) => root.into(),
        (None, home) => PathBuf::from(home.unwrap_or_default()).join(ROOT),
    }
}

/// A program, or how to get it: `part` is what `install.sh` calls it.
pub(crate) fn find(name: &str, part: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from(SERVERS)]);
    let mut places = [root().join("bin")].into_iter().chain(folders).map(|it| it.join(name));
    places.find(|place| place.is_file()).ok_or_else(|| missing(part))
}

/// Says how to get what is not there.
pub(crate) fn missing(part: &str) -> color_eyre::Report {
    eyre!("not installed; get it with: benches/rivals/install.sh {part}")
}

/// A command that knows nothing of this user's settings and keeps its own in `home`.
pub(crate) fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).current_dir(home);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// The first word that looks like a version, of what a program says of itself.
pub(crate) fn version(program: &Path, flag: &str) -> Result<String> {
    let said = Process::start(command(program, Path::new("/")).arg(flag))?.output()?;
    let words = said.iter().flat_map(|line| line.split([' ', '/', ',']));
    let numbers = words.map(|word| word.trim_start_matches('v'));
    let mut versions = numbers.filter(|word| {
        word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit())
    });
    versions.next().map(str::to_owned).ok_or_eyre("it does not tell its version")
}

/// A port of loopback on which nobody listens.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}
