//! Reads one file from a URL of this machine, from its first byte to its last, whatever becomes of
//! the connections meanwhile.
//!
//! Invariant: each byte is handed on once and in order; what another file would bring is not.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::sleep};

use crate::{
    application::message::{Failure, FailureKind},
    cli::exit::Stop,
};

/// Connections that bring nothing, one after the other, until it is given up.
const TRIES: u32 = 10;
/// Before the next of them.
const AGAIN: Duration = Duration::from_millis(300);
/// Bytes of an answer that is no file, of which its reason is read.
const MAX_REASON: usize = 4 * 1024;

/// Why it is not read any further.
enum Broken {
    /// The connection; another one may do.
    Connection(String),
    /// For good.
    For(Stop),
}

/// How far it is read.
#[derive(Default)]
struct Position {
    offset: u64,
    etag: Option<header::HeaderValue>,
}

/// Reads all of it and hands it to `sink`, which decides how fast.
///
/// # Errors
/// What the sink says; or that the server brings it no more.
pub(super) async fn read(
    url: &str,
    mut sink: impl AsyncFnMut(Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let url: Uri = url.parse().map_err(|error| failure(&format!("{url} is no URL: {error}")))?;
    let (mut at, mut tries) = (Position::default(), 0);
    loop {
        let before = at.offset;
        match once(&url, &mut at, &mut sink).await {
            Ok(()) => return Ok(()),
            Err(Broken::For(stop)) => return Err(stop),
            Err(Broken::Connection(why)) => {
                tries = if at.offset > before { 0 } else { tries + 1 };
                if tries == TRIES {
                    return Err(failure(&format!("the file cannot be read from the node: {why}")));
                }
                sleep(AGAIN).await;
            }
        }
    }
}

/// Reads on, as far as one connection brings it.
async fn once(
    url: &Uri,
    at: &mut Position,
    sink: &mut impl AsyncFnMut(Bytes) -> Result<(), Stop>,
) -> Result<(), Broken> {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let stream = TcpStream::connect(authority).await.map_err(|error| broken(&error))?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(&error))?;
    // Ends when it is dropped.
    let mut driver = JoinSet::new();
    driver.spawn(connection);

    let mut request = Request::get(url.path()).header(header::HOST, authority);
    if let Some(etag) = &at.etag {
        request = request
            .header(header::RANGE, format!("bytes={}-", at.offset))
            .header(header::IF_RANGE, etag.clone());
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| broken(&error))?;
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let mut body = match check(&response, at) {
        Ok(()) => response.into_body(),
        Err(Broken::Connection(status)) => {
            let reason = reason(response.into_body()).await.unwrap_or(status);
            return Err(Broken::Connection(reason));
        }
        Err(other) => return Err(other),
    };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = data.len() as u64;
        sink(data).await.map_err(Broken::For)?;
        at.offset += length;
    }
    Ok(())
}

/// Whether an answer brings what comes next.
fn check(response: &Response<Incoming>, at: &mut Position) -> Result<(), Broken> {
    let other = || Broken::For(failure("the file became another one while it was read"));
    match response.status() {
        StatusCode::OK if at.etag.is_none() => {
            // Without a tag it could not be told whether it is still the same.
            let etag = response.headers().get(header::ETAG).cloned();
            at.etag = Some(etag.ok_or_else(other)?);
            Ok(())
        }
        // All of it was handed on, and only its end was not seen.
        StatusCode::RANGE_NOT_SATISFIABLE if at.etag.is_some() => {
            let all = format!("bytes */{}", at.offset);
            let named = response.headers().get(header::CONTENT_RANGE);
            if named.is_some_and(|named| named.as_bytes() == all.as_bytes()) {
                Ok(())
            } else {
                Err(other())
            }
        }
        StatusCode::PARTIAL_CONTENT if at.etag.is_some() => {
            let start = format!("bytes {}-", at.offset);
            let named = response.headers().get(header::CONTENT_RANGE);
            if named.is_some_and(|named| named.as_bytes().starts_with(start.as_bytes())) {
                Ok(())
            } else {
                Err(other())
            }
        }
        StatusCode::OK => Err(other()),
        status => Err(Broken::Connection(format!("it answered {status}"))),
    }
}

/// What an answer that is no file says.
async fn reason(body: Incoming) -> Option<String> {
    let body = http_body_util::Limited::new(body, MAX_REASON).collect().await.ok()?.to_bytes();
    let text = String::from_utf8_lossy(&body).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn broken(error: &dyn std::fmt::Display) -> Broken {
    Broken::Connection(error.to_string())
}

fn failure(message: &str) -> Stop {
    Stop::Failed(Failure::new(FailureKind::Error, message))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers one connection after the other, each with its text; returns the requests.
    async fn server(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/token/name", listener.local_addr().expect("an address"));
        let served = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("accepted");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.expect("a byte"));
                }
                requests.push(String::from_utf8(request).expect("text").to_lowercase());
                stream.write_all(answer.as_bytes()).await.expect("written");
            }
            requests
        });
        (url, served)
    }

    async fn read_all(url: &str) -> Result<Vec<u8>, Stop> {
        let mut got = Vec::new();
        let read = read(url, async |bytes: Bytes| {
            got.extend_from_slice(&bytes);
            Ok(())
        });
        read.await.map(|()| got)
    }

    fn whole(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n{body}")
    }

    fn rest(start: usize, body: &str) -> String {
        let length = 10 - start;
        format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Length: {length}\r\n\
             Content-Range: bytes {start}-9/10\r\n\r\n{body}"
        )
    }

    #[tokio::test]
    async fn what_breaks_is_read_on_where_it_broke() {
        let failed = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nwhy\n".to_owned();
        let answers = vec![failed, whole("0123"), rest(4, ""), rest(4, "45678"), rest(9, "9")];
        let (url, served) = server(answers).await;
        assert_eq!(read_all(&url).await.expect("read"), b"0123456789");
        let requests = served.await.expect("served");
        assert!(requests[0].starts_with("get /token/name http/1.1\r\n"), "{requests:?}");
        assert!(!requests[1].contains("range"), "{requests:?}");
        assert!(requests[3].contains("range: bytes=4-\r\n"), "{requests:?}");
        assert!(requests[4].contains("range: bytes=9-\r\n"), "{requests:?}");
        assert!(requests[4].contains("if-range: \"a\"\r\n"), "{requests:?}");
    }

    #[tokio::test]
    async fn another_file_is_not_read_on() {
        for second in [whole("0123456789"), rest(5, "56789")] {
            let (url, served) = server(vec![whole("0123"), second]).await;
            let stop = read_all(&url).await.expect_err("another file");
            assert!(
                matches!(&stop, Stop::Failed(why) if why.message.contains("another")),
                "{stop:?}"
            );
            drop(served);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_given_up_with_the_reason() {
        let no = "HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\nnothing here\n".to_owned();
        let (url, _served) = server(vec![no; TRIES as usize]).await;
        let stop = read_all(&url).await.expect_err("nothing");
        assert!(
            matches!(&stop, Stop::Failed(why) if why.message.ends_with("nothing here")),
            "{stop:?}"
        );
    }

    #[tokio::test]
    async fn a_sink_that_wants_no_more_ends_it() {
        let (url, _served) = server(vec![whole("0123")]).await;
        let stop = read(&url, async |_| Err(Stop::ReaderLeft)).await;
        assert!(matches!(stop, Err(Stop::ReaderLeft)));
    }
}
