//! `join LINK`: meet the peers of an invitation.

use multiaddr::Multiaddr;

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
};
use crate::{
    application::message::{Command, Failure, FailureKind, Reply},
    domain::{Invite, link::peer_of},
};

/// Connect to the peers of an invitation
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// p2pfs-join:…, or the address of a peer (/ip4/…/tcp/…/p2p/…)
    link: String,
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    check(&args.link)?;
    let mut client = node::required(cx).await?;
    let Reply::Joined { peers } = client.call(Command::Join { link: args.link }).await? else {
        return Err(unexpected("Join").into());
    };
    if peers == 0 {
        let failure = Failure::new(FailureKind::NoPeers, "no peer of the invitation answered");
        return Err(failure.hint("ask for a new one; its node must be running").into());
    }
    if cx.out.json {
        return cx.out.row("joined", serde_json::json!({ "peers": peers }));
    }
    cx.out.line(format_args!("joined: {} answered", format::count(peers.into(), "peer")))
}

/// Refuses what no node could follow, before one is asked.
fn check(link: &str) -> Result<(), Failure> {
    let usage = |why: String| {
        Failure::new(FailureKind::Usage, why).hint("ask for one: `p2pfs-tui invite` prints it")
    };
    if !link.starts_with('/') {
        return link.parse::<Invite>().map(drop).map_err(|error| usage(error.to_string()));
    }
    let address: Multiaddr =
        link.parse().map_err(|error| usage(format!("{link:?} is no address: {error}")))?;
    if peer_of(&address).is_some() {
        Ok(())
    } else {
        Err(usage(format!("{link:?} does not say which peer: it ends without /p2p/…")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_joined_is_refused_here() {
        let peer = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        assert_eq!(check(peer), Ok(()));
        assert_eq!(check(&format!("p2pfs-join:lan?peer={peer}")), Ok(()));
        for (link, why) in [
            ("/ip4/127.0.0.1/tcp/1", "without /p2p/"),
            ("/ip4/here", "is no address"),
            ("p2pfs-join:lan", "names no peer"),
            ("magnet:?xt=1", "no invitation"),
        ] {
            let failure = check(link).expect_err(link);
            assert_eq!(failure.kind, FailureKind::Usage);
            assert!(failure.message.contains(why), "{failure:?}");
        }
    }
}
