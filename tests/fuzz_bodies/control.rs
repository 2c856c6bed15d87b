//! Lines of the control socket.

use std::fmt::Debug;

use p2pfs_tui::control::wire::{BadLine, decode_client, decode_node, encode_client, encode_node};

use super::{assert_shown, within};

/// A line from a client.
pub fn client_line(bytes: &[u8]) -> bool {
    line(bytes, decode_client, encode_client)
}

/// A line from a node.
pub fn node_line(bytes: &[u8]) -> bool {
    line(bytes, decode_node, encode_node)
}

/// Reads a line, and writes and reads it again.
fn line<T: PartialEq + Debug>(
    bytes: &[u8],
    decode: fn(&str) -> Result<T, BadLine>,
    encode: fn(&T) -> Result<String, BadLine>,
) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    // A row of few characters is a structure of many bytes, and a list grows by doubling.
    let bound = 64 * bytes.len() as u64 + (64 << 10);
    match within(bound, || decode(text)) {
        Ok(line) => {
            match encode(&line) {
                Ok(again) => {
                    assert!(!again.contains(['\n', '\r']), "one line: {again:?}");
                    assert_eq!(decode(&again).expect("what was written can be read"), line);
                }
                // It may take more room than it came in, and then is not sent.
                Err(error) => assert!(matches!(error, BadLine::TooLong { .. }), "{error}"),
            }
            true
        }
        Err(error) => {
            assert_shown(&error.to_string());
            false
        }
    }
}
