//! As much HTTP as it takes to ask a program on loopback for a small file.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use color_eyre::eyre::{OptionExt, Result, ensure};

use crate::process::DEADLINE;

/// What stands behind an address.
pub(crate) fn get(port: u16, path: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // The older version: its answer is neither in chunks nor followed by another.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n").ok_or_eyre("no HTTP")?;
    let body = answer.split_off(end + 4);
    let status = String::from_utf8_lossy(&answer);
    let status = status.lines().next().unwrap_or_default();
    ensure!(status.split(' ').nth(1) == Some("200"), "{path}: {status}");
    Ok(body)
}
