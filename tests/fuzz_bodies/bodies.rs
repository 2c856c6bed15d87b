//! What must hold for any bytes that a peer, a client or the disk may give to a decoder.
//!
//! One function for each fuzz target: it takes bytes, asserts, and returns whether they were
//! accepted. `fuzz/` builds this as its library; `tests/fuzz_bodies.rs` runs it on samples, on what
//! the fuzzer once found, and on mutations of both.
//!
//! Invariant: a body depends on its bytes alone, so that a finding can be repeated.

#![allow(unreachable_pub, reason = "public where `fuzz/` builds this as its library")]

pub mod control;
pub mod proof;
pub mod stored;
pub mod text;
pub mod transfers;
pub mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Asserts what must hold for some bytes; returns whether they were accepted.
pub type Body = fn(&[u8]) -> bool;

/// Every body under the name of its target.
pub const ALL: [(&str, Body); 21] = [
    ("banned", transfers::banned),
    ("client_line", control::client_line),
    ("collection", transfers::collection),
    ("content_answer", wire::content_answer),
    ("content_request", wire::request),
    ("file_name", text::file_name),
    ("index_answer", wire::answer),
    ("index_question", wire::question),
    ("invite", text::invite),
    ("link", text::link),
    ("node_line", control::node_line),
    ("proof", proof::proof),
    ("query", text::query),
    ("remembered_file", stored::file),
    ("remembered_peers", stored::peers),
    ("remembered_records", stored::records),
    ("remembered_root", stored::root),
    ("store_progress", transfers::store_progress),
    ("tags", stored::tags),
    ("transfer_record", transfers::transfer_record),
    ("wire_stream", wire::stream),
];

#[must_use]
/// What a decoder may hold at once of what it read: twice that, and some room.
pub fn twice(input: &[u8]) -> u64 {
    2 * input.len() as u64 + (64 << 10)
}

/// Runs a decoder, and asserts that it never held more than `bound` bytes.
pub fn within<T>(bound: u64, decode: impl FnOnce() -> T) -> T {
    let mut result = None;
    // The measure must end also where the decoder panics.
    let spent =
        allocation_counter::measure(|| result = Some(catch_unwind(AssertUnwindSafe(decode))));
    let result = result.expect("it ran").unwrap_or_else(|panic| resume_unwind(panic));
    assert!(spent.bytes_max <= bound, "held {} bytes of at most {bound}", spent.bytes_max);
    result
}

/// Asserts that a reason can be shown: it quotes a bounded part of what was read, and nothing in
/// it controls a terminal.
pub fn assert_shown(reason: &str) {
    assert!(reason.len() <= 4 << 10, "{} bytes: {reason}", reason.len());
    assert!(!reason.contains(char::is_control), "{reason:?}");
}
