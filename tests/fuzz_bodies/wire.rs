//! Messages of peers.

use std::fmt::Debug;

use p2pfs_tui::{
    domain::{Manifest, Query, query::MAX_WORDS},
    network::{
        content::wire::{self as content, Holds, Request, Spans},
        index::wire::{self as index, Answer, Question},
        wire::{WireError, decode, frame, read},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::AsyncReadExt;

use super::{assert_shown, text::assert_manifest, twice, within};

/// A question of the word index.
pub fn question(bytes: &[u8]) -> bool {
    let Some(question) = message::<Question>(bytes) else { return false };
    let Ok(query) = Query::try_from(&question.query) else { return true };
    assert!(frame(&question).expect("writes").len() <= 4 + index::MAX_QUESTION);
    assert_eq!(Query::try_from(&query.to_wire()), Ok(query.clone()));
    assert!((1..=MAX_WORDS).contains(&query.keys().len()));
    true
}

/// An answer of the word index.
pub fn answer(bytes: &[u8]) -> bool {
    let Some(answer) = message::<Answer>(bytes) else { return false };
    if let Answer::Row(manifest) = &answer {
        assert_fits(manifest, &answer, index::MAX_ANSWER);
    }
    true
}

/// A request for content.
pub fn request(bytes: &[u8]) -> bool {
    let Some(request) = message::<Request>(bytes) else { return false };
    assert!(frame(&request).expect("writes").len() <= 4 + content::MAX_REQUEST);
    true
}

/// An answer to a request for content.
pub fn content_answer(bytes: &[u8]) -> bool {
    let Some(answer) = message::<content::Answer>(bytes) else { return false };
    match &answer {
        content::Answer::Has(manifest) => assert_fits(manifest, &answer, content::MAX_ANSWER),
        content::Answer::Holds(Holds { spans: Spans::Some { bits, .. }, .. })
            if bits.len() > content::MAX_SET => {}
        _ => assert!(frame(&answer).expect("writes").len() <= 4 + content::MAX_ANSWER),
    }
    true
}

/// Messages on a stream that arrives in two parts; accepted if it is messages to the end.
pub fn stream(bytes: &[u8]) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    let (mut left, mut accepted) = (bytes, 0);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut stream = first.chain(second);
    loop {
        let got = within(twice(bytes), || {
            runtime.block_on(read::<Answer>(&mut stream, index::MAX_ANSWER))
        });
        let Some((length, rest)) = left.split_first_chunk() else {
            assert!(matches!(got, Err(WireError::Io(_))), "{got:?}");
            return accepted > 0 && left.is_empty();
        };
        let length = u32::from_be_bytes(*length) as usize;
        match (got, rest.split_at_checked(length)) {
            (Err(WireError::TooLong { length: told, max }), _) => {
                assert!(told == length && length > max);
                return false;
            }
            (Err(WireError::Io(_)), None) => return false,
            (Err(WireError::Malformed(_)), Some((body, _))) => {
                assert!(decode::<Answer>(body).is_err());
                return false;
            }
            (Ok(message), Some((body, rest))) => {
                assert_eq!(decode::<Answer>(body).expect("the same"), message);
                (left, accepted) = (rest, accepted + 1);
            }
            (got, _) => panic!("{got:?} of {left:?}"),
        }
    }
}

/// Reads a message, and writes and reads it again.
fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    match within(twice(bytes), || decode::<T>(bytes)) {
        Ok(message) => {
            let again = frame(&message).expect("what was read can be written");
            assert_eq!(decode::<T>(&again[4..]).expect("what was written can be read"), message);
            Some(message)
        }
        Err(error) => {
            assert_shown(&error.to_string());
            None
        }
    }
}

/// Asserts that a manifest that keeps its bounds can be sent.
fn assert_fits(manifest: &Manifest, message: &impl Serialize, max: usize) {
    assert_manifest(manifest);
    let length = frame(message).expect("writes").len() - 4;
    assert!(manifest.check().is_err() || length <= max, "{length} bytes for {manifest:?}");
}
