//! What the headers of an answer say of a file whose name and media type somebody else chose, and
//! whom a request must have been meant for. Pure.
//!
//! Invariant: a browser runs nothing of what it gets here, and takes nothing for another type than
//! it is said to be.

use hyper::{
    Uri,
    header::{self, HeaderMap},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::file_name;

/// What needs no escaping anywhere in a URL, nor in a parameter of a header (RFC 3986, RFC 8187).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What is said of a file of which nothing else can safely be said.
const ANY: &str = "application/octet-stream";
/// Besides audio and video: types in which nothing can be run.
const SAFE: [&str; 7] = [
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "application/ogg",
    "text/plain",
];

/// The last part of a URL: a safe file name, percent-encoded.
pub(super) fn url_name(name: &str) -> String {
    utf8_percent_encode(&file_name::safe(name), ESCAPED).to_string()
}

/// The `Content-Type`.
pub(super) fn content_type(said: Option<&str>) -> String {
    let essence = said.unwrap_or(ANY).split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c);
    let is_media = essence
        .strip_prefix("audio/")
        .or_else(|| essence.strip_prefix("video/"))
        .is_some_and(|kind| !kind.is_empty() && kind.bytes().all(plain));
    if is_media || SAFE.contains(&essence.as_str()) { essence } else { ANY.to_owned() }
}

/// The `Content-Disposition`: shown where it can be, and what it is called if it is saved.
pub(super) fn disposition(name: &str, content_type: &str) -> String {
    let name = file_name::safe(name);
    let how = if content_type == ANY { "attachment" } else { "inline" };
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    // A safe name has neither a quote nor a backslash in it.
    let ascii: String = name.chars().map(plain).collect();
    let exact = utf8_percent_encode(&name, ESCAPED);
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{exact}")
}

/// Whether a request was meant for this server: a page elsewhere can have its own name resolved to
/// this machine, but then it is that name which the browser sends.
pub(super) fn is_meant_for_us(uri: &Uri, headers: &HeaderMap, port: u16) -> bool {
    let is_ours = |host: &str| {
        let (name, at) = host.split_once(':').unwrap_or((host, "80"));
        let is_loopback = name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost");
        is_loopback && at.parse() == Ok(port)
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    host.to_str().is_ok_and(is_ours) && uri.authority().is_none_or(|at| is_ours(at.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_nothing_keeps_its_type() {
        for (said, expected) in [
            (Some("audio/flac"), "audio/flac"),
            (Some("Video/MP4; codecs=\"avc1\""), "video/mp4"),
            (Some("audio/x-wav"), "audio/x-wav"),
            (Some("image/png"), "image/png"),
            (Some("text/plain; charset=utf-16"), "text/plain"),
            (Some("text/html"), ANY),
            (Some("image/svg+xml"), ANY),
            (Some("application/xhtml+xml"), ANY),
            (Some("audio/"), ANY),
            (Some("audio/a\r\nX: y"), ANY),
            (Some("audio/a b"), ANY),
            (Some(""), ANY),
            (None, ANY),
        ] {
            assert_eq!(content_type(said), expected, "{said:?}");
        }
    }

    #[test]
    fn a_name_stays_a_name() {
        assert_eq!(url_name("Die Zauberflöte.flac"), "Die%20Zauberfl%C3%B6te.flac");
        assert_eq!(url_name("../a?b#c"), "%252E.%252Fa%253Fb%23c");
        let said = disposition("é \"x\"\r\n.ogg", "audio/ogg");
        let exact = "%C3%A9%20%2522x%2522%250D%250A.ogg";
        let expected =
            format!("inline; filename=\"_ %22x%22%0D%0A.ogg\"; filename*=UTF-8''{exact}");
        assert_eq!(said, expected);
        assert!(disposition("a", ANY).starts_with("attachment; "));
    }

    #[test]
    fn another_host_is_not_meant() {
        let meant = |uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().expect("a value"));
            }
            is_meant_for_us(&uri.parse().expect("a URI"), &headers, 4001)
        };
        for host in ["127.0.0.1:4001", "localhost:4001", "LocalHost:4001"] {
            assert!(meant("/x", &[host]), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:4002",
            "localhost",
            "evil.example:4001",
            "evil.example",
            "127.0.0.1:4001:4001",
            "127.0.0.1.evil.example:4001",
            "[::1]:4001",
            "",
        ] {
            assert!(!meant("/x", &[host]), "{host}");
        }
        assert!(!meant("/x", &[]));
        assert!(!meant("/x", &["127.0.0.1:4001", "evil.example"]));
        assert!(meant("http://localhost:4001/x", &["127.0.0.1:4001"]));
        assert!(!meant("http://evil.example/x", &["127.0.0.1:4001"]));
    }
}
