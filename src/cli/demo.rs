//! `demo`: a whole network on this machine.

use super::{Context, exit::Outcome};
use crate::application::message::{Failure, FailureKind};

/// Look around in a network of real nodes on this machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(2..=200))]
    nodes: u16,
    /// Decides who knows whom and who shares what
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Without the screen: a scripted tour that checks every step
    #[arg(long)]
    headless: bool,
}

pub(super) async fn run(_: Args, _: &Context) -> Outcome {
    Err(Failure::new(FailureKind::Error, "the demo is being built").into())
}
