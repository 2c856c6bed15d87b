//! `limits`: what the node sends, receives and leaves free at most; and changing it while it runs.

use super::{
    Context,
    exit::{Outcome, unexpected},
    format, node,
    settings::{self, Parallel, Size},
};
use crate::{
    application::message::{Command, Hours, Limits, LimitsChange, Rate, Reply},
    domain::units,
};

/// Show the limits of the node, or change them while it runs
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The most that is sent per second: 500K, 8MiB, unlimited
    #[arg(long, value_name = "RATE", value_parser = settings::rate)]
    up: Option<Rate>,
    /// The most that is received per second
    #[arg(long, value_name = "RATE", value_parser = settings::rate)]
    down: Option<Rate>,
    /// Transfers that run at the same time
    #[arg(long, value_name = "N")]
    transfers: Option<Parallel>,
    /// Uploads that run at the same time
    #[arg(long, value_name = "N")]
    slots: Option<Parallel>,
    /// What is left free on a disk: 256MiB, 2G
    #[arg(long, value_name = "SIZE")]
    floor: Option<Size>,
    /// Other rates at certain hours: '09:00-17:00 up=1MiB down=4MiB'; may be repeated, and
    /// replaces all hours that there are
    #[arg(long, value_name = "HOURS", conflicts_with = "no_hours")]
    hours: Vec<Hours>,
    /// No other rates at any hours
    #[arg(long)]
    no_hours: bool,
}

impl Args {
    fn change(self) -> LimitsChange {
        let schedule = (self.no_hours || !self.hours.is_empty()).then_some(self.hours);
        LimitsChange {
            up: self.up,
            down: self.down,
            transfers: self.transfers.map(|number| number.0),
            slots: self.slots.map(|number| number.0),
            floor: self.floor.map(|size| size.0),
            schedule,
        }
    }
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let change = args.change();
    let changes = change != LimitsChange::default();
    let command = if changes { Command::SetLimits(change) } else { Command::Limits };
    let Reply::Limits(limits) = client.call(command).await? else {
        return Err(unexpected("Limits").into());
    };
    if cx.out.json {
        cx.out.row("limits", &limits)?;
    } else {
        for (label, text) in lines(&limits) {
            cx.out.line(format_args!("{label:<10} {text}"))?;
        }
    }
    if changes {
        let file = format::path(&cx.settings.paths.config_file);
        cx.out.note(format_args!(
            "until this node ends: it starts with what its configuration says ({file})"
        ));
    }
    Ok(())
}

fn lines(limits: &Limits) -> Vec<(&'static str, String)> {
    let Limits { up, down, transfers, slots, floor, schedule, in_force } = limits;
    let now = |set: Rate, now: Rate| {
        if set == now { String::new() } else { format!(" (now, by the hours: {})", now.about()) }
    };
    let mut lines = vec![
        ("up", format!("{}{}", up.about(), now(*up, in_force.0))),
        ("down", format!("{}{}", down.about(), now(*down, in_force.1))),
        ("transfers", format!("{transfers} at a time")),
        ("uploads", format!("{slots} at a time")),
        ("disk", format!("{} left free", units::bytes(*floor))),
    ];
    for (n, hours) in schedule.iter().enumerate() {
        lines.push((if n == 0 { "hours" } else { "" }, hours.to_string()));
    }
    lines
}
