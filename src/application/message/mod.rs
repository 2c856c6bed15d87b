//! The only words the outside speaks: [`Command`] in; [`Reply`], [`Event`] and [`Snapshot`] out.
//!
//! The terminal, the command line and the control socket all use these types and nothing else,
//! so a screen cannot tell whether its node is in the same process or at the far end of a socket.
//! A command carries an ID and its reply names it. A [`Snapshot`] is small; long lists are read
//! in windows; an event is a hint that something can be read again. So a slow client loses
//! freshness, never facts.

mod command;
mod limits;
pub(crate) mod path_text;
mod rate_text;
mod reply;
mod rows;
mod snapshot;
mod transfer_rows;

pub use command::{Command, CommandId, Page, Request, Window};
pub use limits::{Hours, Limits, LimitsChange, Rate};
pub use rate_text::{BadHours, BadRates, parse_rates};
pub use reply::{Event, Failure, FailureKind, Notice, NoticeLevel, Output, Reply};
pub use rows::{
    Bucket, Contact, PeerRow, ResultRow, ResultTags, RootRow, RoutingTable, SearchEnd, SearchId,
    SearchRow, ShareRow, ShareState, WordRow,
};
pub use snapshot::{
    Generations, NodeInfo, Rates, Reachability, ShareTotals, Snapshot, TransferTotals, Verdict,
};
pub use transfer_rows::{
    QueuePlace, SourceRow, SourceState, TransferId, TransferRow, TransferState, Tuning,
};
