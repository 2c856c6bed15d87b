//! `tune ID`: change how a transfer runs.

use super::{Context, exit::Outcome, node, settings};
use crate::application::message::{Command, QueuePlace, Rate, TransferId, Tuning};

/// Change the priority, the place in the queue or the limit of a transfer
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The transfer, as `transfers` numbers it
    id: TransferId,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Change {
    /// The higher, the sooner: -128 to 127, usually 0
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i8>,
    /// Before all others of its priority
    #[arg(long)]
    first: bool,
    /// Behind all others of its priority
    #[arg(long, conflicts_with = "first")]
    last: bool,
    /// The most that it may receive per second: 500K, 8MiB, unlimited
    #[arg(long, value_name = "RATE", value_parser = settings::rate)]
    limit: Option<Rate>,
}

impl Change {
    fn tuning(&self) -> Tuning {
        let place = match (self.first, self.last) {
            (true, _) => Some(QueuePlace::First),
            (_, true) => Some(QueuePlace::Last),
            _ => None,
        };
        Tuning { priority: self.priority, place, limit: self.limit }
    }
}

pub(super) async fn run(args: Args, cx: &Context) -> Outcome {
    let mut client = node::required(cx).await?;
    let change = args.change.tuning();
    client.call(Command::Tune { transfer: args.id, change }).await?;
    if cx.out.json {
        return cx.out.row("tuned", serde_json::json!({ "transfer": args.id, "change": change }));
    }
    cx.out.line(format_args!("transfer {}: {}", args.id, told(&change)))
}

/// What was changed, in a few words.
fn told(change: &Tuning) -> String {
    let priority = change.priority.map(|priority| format!("priority {priority}"));
    let place = change.place.map(|place| match place {
        QueuePlace::First => "first of its priority".to_owned(),
        QueuePlace::Last => "last of its priority".to_owned(),
    });
    let limit = change.limit.map(|limit| match limit.0 {
        Some(_) => format!("at most {}", limit.about()),
        None => "without a limit of its own".to_owned(),
    });
    [priority, place, limit].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
