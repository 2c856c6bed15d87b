//! The lines of the control socket: pure encoding and decoding, no IO.
//!
//! The client begins with [`ClientLine::Hello`], the node answers [`NodeLine::Welcome`] or
//! [`NodeLine::Refused`]; then requests flow one way and outputs the other. These three may gain
//! fields but never change, so that programs of any two versions can tell each other that they
//! do not fit. Everything else belongs to one [`VERSION`].

use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio_util::codec::LinesCodec;

use crate::{
    application::message::{Failure, FailureKind, Output, Request},
    domain::Untrusted,
};

/// The version of the messages; grows when an older program would misread them.
pub const VERSION: u32 = 1;
/// The longest line of a client, in bytes: a path or a link, and room to escape it.
pub const MAX_REQUEST: usize = 128 * 1024;
/// The longest line of a node, in bytes: a window of 1,000 rows.
pub const MAX_OUTPUT: usize = 8 * 1024 * 1024;
/// The longest reason for refusing a line, in columns.
const MAX_REASON: usize = 200;

/// How one end introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The sender's [`VERSION`].
    pub control: u32,
    /// The version of the sender's program, for people.
    pub program: String,
    /// The data directory that the sender means or serves. One socket path can have meant
    /// another node when the environment was different.
    pub data_dir: String,
}

/// A line from a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientLine {
    /// The first line.
    Hello(Hello),
    /// Every other line.
    Request(Request),
}

/// A line from a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "nearly every line is the large one")]
pub enum NodeLine {
    /// The first line.
    Welcome(Hello),
    /// Every other line.
    Output(Output),
    /// The last line, where the node ends the conversation.
    Refused(Failure),
}

/// A line that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    /// Not a message.
    #[error("not a message of the control socket: {0}")]
    Syntax(String),
    /// A message that JSON cannot carry: a path that is not UTF-8.
    #[error("cannot be sent: {0}")]
    Unspeakable(serde_json::Error),
    /// Over [`MAX_REQUEST`] or [`MAX_OUTPUT`].
    #[error("longer than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
}

impl Hello {
    /// What this program says of itself.
    #[must_use]
    pub fn ours(data_dir: &Path) -> Self {
        // The same folder by the same name, however it was written.
        let data_dir = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
        Self {
            control: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: data_dir.to_string_lossy().into_owned(),
        }
    }

    /// Whether a node can serve a client; both ends ask.
    ///
    /// # Errors
    /// Says which versions or folders do not fit, and what to do.
    pub fn fits(node: &Self, client: &Self) -> Result<(), Failure> {
        if node.control != client.control {
            let message = format!(
                "the running node is p2pfs-tui {} and this program is p2pfs-tui {}: they do not \
                 speak the same control protocol ({} and {})",
                node.program, client.program, node.control, client.control
            );
            let hint = "stop the node and start it again with the program of the same version";
            return Err(Failure::new(FailureKind::Error, message).hint(hint));
        }
        if node.data_dir != client.data_dir {
            let message = format!(
                "the node at this socket serves {}, not {}",
                node.data_dir, client.data_dir
            );
            let hint = format!("talk to that one with --data-dir {}", node.data_dir);
            return Err(Failure::new(FailureKind::Error, message).hint(hint));
        }
        Ok(())
    }
}

/// Reads a line of a client.
///
/// # Errors
/// When it is no message, or over [`MAX_REQUEST`].
pub fn decode_client(line: &str) -> Result<ClientLine, BadLine> {
    decode(line, MAX_REQUEST)
}

/// Reads a line of a node.
///
/// # Errors
/// When it is no message, or over [`MAX_OUTPUT`].
pub fn decode_node(line: &str) -> Result<NodeLine, BadLine> {
    decode(line, MAX_OUTPUT)
}

/// Writes a line of a client, without its end.
///
/// # Errors
/// When a path in it is not UTF-8, or it is over [`MAX_REQUEST`].
pub fn encode_client(line: &ClientLine) -> Result<String, BadLine> {
    encode(line, MAX_REQUEST)
}

/// Writes a line of a node, without its end.
///
/// # Errors
/// When a path in it is not UTF-8, or it is over [`MAX_OUTPUT`].
pub fn encode_node(line: &NodeLine) -> Result<String, BadLine> {
    encode(line, MAX_OUTPUT)
}

/// Cuts a stream of bytes into the lines of a client.
pub(super) fn client_lines() -> LinesCodec {
    LinesCodec::new_with_max_length(MAX_REQUEST)
}

/// Cuts a stream of bytes into the lines of a node.
pub(super) fn node_lines() -> LinesCodec {
    LinesCodec::new_with_max_length(MAX_OUTPUT)
}

fn decode<T: DeserializeOwned>(line: &str, max: usize) -> Result<T, BadLine> {
    if line.len() > max {
        return Err(BadLine::TooLong { max });
    }
    // The reason may quote the line, and goes to a terminal or a log.
    serde_json::from_str(line)
        .map_err(|error| BadLine::Syntax(Untrusted::new(error.to_string()).truncated(MAX_REASON)))
}

fn encode<T: Serialize>(line: &T, max: usize) -> Result<String, BadLine> {
    let text = serde_json::to_string(line).map_err(BadLine::Unspeakable)?;
    if text.len() > max { Err(BadLine::TooLong { max }) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

    use proptest::prelude::*;

    use super::*;
    use crate::application::message::{Command, Reply, Window};

    #[test]
    fn lines_read_what_they_write() {
        let request = Request { id: 7, command: Command::Peers(Window::first(10)) };
        for line in [ClientLine::Hello(Hello::ours(Path::new("/x"))), ClientLine::Request(request)]
        {
            let text = encode_client(&line).expect("encodes");
            assert!(!text.contains('\n'), "one line: {text}");
            assert_eq!(decode_client(&text).expect("decodes"), line);
        }
        for line in [
            NodeLine::Output(Output::Reply { id: 7, result: Ok(Reply::Done) }),
            NodeLine::Refused(Failure::new(FailureKind::Usage, "no\nsense").hint("none")),
        ] {
            let text = encode_node(&line).expect("encodes");
            assert!(!text.contains('\n'), "one line: {text}");
            assert_eq!(decode_node(&text).expect("decodes"), line);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "{}", "null", r#"{"hello":1}"#, r#"{"request":{"id":-1}}"#, "GET / HTTP"] {
            assert!(matches!(decode_client(text), Err(BadLine::Syntax(_))), "{text}");
        }
        let long = " ".repeat(MAX_REQUEST + 1);
        assert!(matches!(decode_client(&long), Err(BadLine::TooLong { max: MAX_REQUEST })));
        let reason = decode_client(r#"{"\u001b[2J":1}"#).expect_err("no such line").to_string();
        assert!(reason.contains("␛[2J"), "{reason}");
        let deep = "[".repeat(100_000);
        assert!(decode_client(&deep).is_err(), "depth is bounded");
    }

    #[test]
    fn a_path_of_any_bytes_travels() {
        let path = PathBuf::from(OsString::from_vec(vec![b'/', 0xff]));
        let request = Request { id: 1, command: Command::Unshare { path } };
        let line = ClientLine::Request(request);
        let text = encode_client(&line).expect("encodes");
        assert_eq!(decode_client(text.trim_end()).expect("decodes"), line);
    }

    #[test]
    fn ends_that_do_not_fit_say_so() {
        let ours = Hello::ours(Path::new("/nowhere/a"));
        assert_eq!(Hello::fits(&ours, &ours), Ok(()));
        let newer = Hello { control: VERSION + 1, program: "9.0.0".into(), ..ours.clone() };
        let error = Hello::fits(&newer, &ours).expect_err("another version");
        assert!(error.message.contains("9.0.0") && error.hint.is_some(), "{error}");
        let other = Hello { data_dir: "/nowhere/b".into(), ..ours.clone() };
        let error = Hello::fits(&other, &ours).expect_err("another folder");
        assert!(error.message.contains("/nowhere/b"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,300}") {
            let _ = decode_client(&text);
            let _ = decode_node(&text);
        }
    }
}
