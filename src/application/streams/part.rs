//! Which part of a file a request is answered with. Pure: RFC 9110, sections 13 and 14.
//!
//! One range of bytes is given; several at once, other units and what is malformed are answered
//! with the whole, as the RFC allows.

use std::ops::Range;

use hyper::{
    Method,
    header::{self, HeaderMap, HeaderName},
};

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it: 200.
    Whole,
    /// Some bytes of it, at least one: 206.
    Range(Range<u64>),
    /// The range has none of its bytes: 416.
    Unsatisfiable,
    /// Who asks has it already: 304.
    NotModified,
    /// Who asks wants something else: 412.
    Refused,
}

/// The part that a GET or HEAD wants of a file with this entity tag (with its quotes) and size.
pub(super) fn wanted(method: &Method, headers: &HeaderMap, etag: &str, size: u64) -> Part {
    let lists = |name: HeaderName| is_listed(headers, name, etag);
    if lists(header::IF_MATCH) == Some(false) {
        return Part::Refused;
    }
    if lists(header::IF_NONE_MATCH) == Some(true) {
        return Part::NotModified;
    }
    // A range is defined for GET only.
    if method != Method::GET {
        return Part::Whole;
    }
    let mut given = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (given.next(), given.next()) else { return Part::Whole };
    // Strong comparison: a weak tag or a date is never the same.
    if headers.get(header::IF_RANGE).is_some_and(|tag| tag.as_bytes() != etag.as_bytes()) {
        return Part::Whole;
    }
    range.to_str().ok().and_then(|text| range_of(text, size)).unwrap_or(Part::Whole)
}

/// Whether a header lists a tag or `*`; `None` where there is no such header.
fn is_listed(headers: &HeaderMap, name: HeaderName, etag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let tags = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    // Ours has no comma in it, so that it is none the worse for splitting others' in two.
    let mut tags = tags.map(str::trim);
    Some(tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag))
}

/// What a `Range` asks for; `None` where it is to be passed over.
fn range_of(text: &str, size: u64) -> Option<Part> {
    let (unit, ranges) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut ranges = ranges.split(',').map(str::trim).filter(|range| !range.is_empty());
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return None };
    match range.split_once('-')? {
        ("", length) => match number(length)? {
            0 => Some(Part::Unsatisfiable),
            // Nothing has no last bytes that could be named.
            _ if size == 0 => None,
            length => Some(Part::Range(size.saturating_sub(length)..size)),
        },
        (first, last) => {
            let first = number(first)?;
            let last = if last.is_empty() { u64::MAX } else { number(last)? };
            if last < first {
                return None;
            }
            if first >= size {
                return Some(Part::Unsatisfiable);
            }
            Some(Part::Range(first..last.saturating_add(1).min(size)))
        }
    }
}

/// Digits; those of more than 64 bits are as good as the largest number.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn asked(headers: &[(HeaderName, &str)]) -> Part {
        asked_by(&Method::GET, headers, 100)
    }

    fn asked_by(method: &Method, headers: &[(HeaderName, &str)], size: u64) -> Part {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().expect("a value"));
        }
        wanted(method, &map, TAG, size)
    }

    fn range(text: &str) -> Part {
        asked(&[(header::RANGE, text)])
    }

    #[test]
    fn one_range_is_given() {
        for (text, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-", 0..100),
            ("bytes=99-", 99..100),
            ("bytes=10-19", 10..20),
            ("bytes=10-100", 10..100),
            ("bytes=10-18446744073709551615", 10..100),
            ("bytes=10-99999999999999999999999", 10..100),
            ("bytes=-1", 99..100),
            ("bytes=-100", 0..100),
            ("bytes=-101", 0..100),
            ("bytes=-99999999999999999999999", 0..100),
            ("Bytes= ,10-19, ", 10..20),
        ] {
            assert_eq!(range(text), Part::Range(expected), "{text}");
        }
    }

    #[test]
    fn what_lies_beyond_cannot_be_given() {
        for text in ["bytes=100-", "bytes=100-200", "bytes=99999999999999999999999-", "bytes=-0"] {
            assert_eq!(range(text), Part::Unsatisfiable, "{text}");
        }
        let nothing = |text| asked_by(&Method::GET, &[(header::RANGE, text)], 0);
        assert_eq!(nothing("bytes=0-"), Part::Unsatisfiable);
        assert_eq!(nothing("bytes=-5"), Part::Whole);
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5",
            "bytes=20-10",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1 - 2",
            "bytes=1--2",
            "bytes=0-1,5-6",
            "items=0-5",
            "0-5",
        ] {
            assert_eq!(range(text), Part::Whole, "{text}");
        }
        let twice = [(header::RANGE, "bytes=0-1"), (header::RANGE, "bytes=5-6")];
        assert_eq!(asked(&twice), Part::Whole);
        let head = asked_by(&Method::HEAD, &[(header::RANGE, "bytes=0-1")], 100);
        assert_eq!(head, Part::Whole);
    }

    #[test]
    fn a_range_of_something_else_is_the_whole() {
        let with = |tag| asked(&[(header::RANGE, "bytes=0-1"), (header::IF_RANGE, tag)]);
        assert_eq!(with(TAG), Part::Range(0..2));
        for other in ["\"abd\"", "W/\"abc\"", "abc", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(with(other), Part::Whole, "{other}");
        }
        assert_eq!(asked(&[(header::IF_RANGE, "\"abd\"")]), Part::Whole);
    }

    #[test]
    fn conditions_come_before_ranges() {
        let with = |name, tag| asked(&[(header::RANGE, "bytes=0-1"), (name, tag)]);
        for same in [TAG, "*", "W/\"abc\"", "\"x\", \"abc\""] {
            assert_eq!(with(header::IF_NONE_MATCH, same), Part::NotModified, "{same}");
        }
        assert_eq!(with(header::IF_NONE_MATCH, "\"x\""), Part::Range(0..2));
        assert_eq!(with(header::IF_MATCH, "\"x\""), Part::Refused);
        assert_eq!(with(header::IF_MATCH, "\"x\", \"abc\""), Part::Range(0..2));
    }
}
