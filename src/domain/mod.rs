//! Plain data and pure functions: what a file, a key, a word, a link *is*.
//!
//! Nothing here knows of tasks, sockets or screens. Every other module may use these types;
//! this one uses nobody's. The rules that two peers must agree on (how a word is cut from a
//! name, which key a tag has, what a link says) live here and carry a version.

pub mod blocks;
pub mod collection;
pub mod content_id;
pub mod file_name;
pub mod key;
pub mod link;
pub mod manifest;
pub mod network_name;
pub mod query;
pub mod source;
pub mod tag;
pub mod units;
pub mod untrusted;
pub mod words;

pub use collection::Collection;
pub use content_id::{ContentId, Root, Sha1Hash};
pub use key::Key;
pub use link::{Invite, Link};
pub use manifest::Manifest;
pub use network_name::NetworkName;
pub use query::Query;
pub use source::Source;
pub use tag::{Field, Tags};
pub use untrusted::Untrusted;
