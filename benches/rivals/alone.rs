//! A network of its own: the bench starts itself again where nothing but loopback exists.
//!
//! Rivals look for relays, trackers and name servers by themselves. Here they find nobody, their
//! flags aside, and no firewall or other program is in the way of what is measured.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

/// Says to the second start that it is the second.
const INSIDE: &str = "P2PFS_BENCH_INSIDE";

/// A user may make a network if it is the root of a user namespace of its own.
const UNSHARE: [&str; 3] = ["--user", "--map-root-user", "--net"];

const LOOPBACK_UP: &str = "ip link set lo up";

/// Goes there, if this machine lets us, and says whether we are there.
pub(crate) fn enter() -> bool {
    if is_inside() {
        return true;
    }
    let trial = unshare().args(["sh", "-c", LOOPBACK_UP]).stderr(Stdio::null()).status();
    let (true, Ok(program)) = (trial.is_ok_and(|it| it.success()), env::current_exe()) else {
        return false;
    };
    let script = format!("{LOOPBACK_UP} && exec \"$0\" \"$@\"");
    let mut again = unshare();
    again.args(["sh", "-c", &script]).arg(program).args(env::args_os().skip(1));
    let error = again.env(INSIDE, "1").exec();
    eprintln!("no network of its own: {error}");
    false
}

/// Whether this is the second start.
pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(UNSHARE);
    command
}
