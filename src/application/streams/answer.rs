//! One request and its answer.

use std::ops::Range;

use hyper::{
    Method, Request, Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};

use super::{
    body::{self, Body},
    header::{content_type, disposition, is_meant_for_us},
    offered::{Entry, Offered},
    part::{self, Part},
    source::About,
};
use crate::{
    application::message::{Failure, FailureKind},
    domain::untrusted,
};

/// Answers a request; of its body nothing is read.
pub(super) async fn answer<B>(request: Request<B>, offered: &Offered, port: u16) -> Response<Body> {
    let response = if !is_meant_for_us(request.uri(), request.headers(), port) {
        plain(StatusCode::MISDIRECTED_REQUEST, "this is another server than the one asked for")
    } else if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        response
    } else {
        match entry(request.uri().path(), offered) {
            Some(entry) => of_entry(&request, &entry).await,
            None => plain(StatusCode::NOT_FOUND, "nothing is offered here"),
        }
    };
    secured(response)
}

/// What a path `/<secret>/<name>` stands for. The name is for people and players only.
fn entry(path: &str, offered: &Offered) -> Option<Entry> {
    let (token, name) = path.strip_prefix('/')?.split_once('/')?;
    if name.contains('/') {
        return None;
    }
    offered.find(token)
}

async fn of_entry<B>(request: &Request<B>, entry: &Entry) -> Response<Body> {
    let reading = entry.reading();
    let (about, source) = match entry.source.open().await {
        Ok(opened) => opened,
        Err(failure) => return failed(&failure),
    };
    let etag = format!("\"{}\"", about.root);
    let size = about.size;
    let mut response = match part::wanted(request.method(), request.headers(), &etag, size) {
        Part::NotModified => with_status(StatusCode::NOT_MODIFIED, body::text("")),
        Part::Refused => plain(StatusCode::PRECONDITION_FAILED, "the file is another one"),
        Part::Unsatisfiable => {
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let mut response = plain(status, "the file has none of these bytes");
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            response
        }
        Part::Whole if request.method() == Method::HEAD => {
            described(with_status(StatusCode::OK, body::text("")), &about, &(0..size))
        }
        Part::Whole => {
            let body = body::bytes(source, 0..size, reading);
            described(with_status(StatusCode::OK, body), &about, &(0..size))
        }
        Part::Range(range) => {
            let body = body::bytes(source, range.clone(), reading);
            let response = with_status(StatusCode::PARTIAL_CONTENT, body);
            let mut response = described(response, &about, &range);
            let named = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            set(&mut response, header::CONTENT_RANGE, &named);
            response
        }
    };
    set(&mut response, header::ETAG, &etag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    response
}

/// Says of an answer what it brings.
fn described(mut response: Response<Body>, about: &About, range: &Range<u64>) -> Response<Body> {
    let content_type = content_type(about.media_type.as_deref());
    let disposition = disposition(&about.name, &content_type);
    set(&mut response, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    set(&mut response, header::CONTENT_TYPE, &content_type);
    set(&mut response, header::CONTENT_DISPOSITION, &disposition);
    response
}

/// Why there is no file to be read, for whoever reads the answer.
fn failed(failure: &Failure) -> Response<Body> {
    let status = match failure.kind {
        // What is there is no file.
        FailureKind::Usage => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_GATEWAY,
    };
    plain(status, &untrusted::visible(&failure.message))
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = with_status(status, body::text(format!("{text}\n")));
    set(&mut response, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    response
}

fn with_status(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Keeps browsers from guessing types, and other pages from embedding what is here.
fn secured(mut response: Response<Body>) -> Response<Body> {
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Everything that is set is visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
