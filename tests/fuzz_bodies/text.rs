//! Links, queries and names: text of others that means something.

use std::{
    collections::HashSet,
    fmt::{Debug, Display},
    path::{Component, Path},
    str::FromStr,
};

use p2pfs_tui::domain::{
    ContentId, Field, Invite, Link, Manifest, Query, Root, Sha1Hash, Tags, blocks,
    file_name::{numbered, safe},
    link::{MAX_LINK, MAX_PEERS, peer_of},
    manifest::MAX_NAME,
    query::MAX_WORDS,
    untrusted::{truncate, visible},
    words,
};
use unicode_width::UnicodeWidthStr;

use super::{assert_shown, within};

/// A link to a content, which is sent on as it is written.
pub fn link(bytes: &[u8]) -> bool {
    let Some(link) = parse::<Link>(bytes) else { return false };
    assert!(link.to_string().len() <= MAX_LINK);
    assert!(link.sha1.is_some() || link.root.is_some());
    assert!(link.size.is_none_or(|size| size <= blocks::MAX_FILE));
    assert!(link.name.as_ref().is_none_or(|name| name.len() <= MAX_NAME));
    assert!(link.peers.len() <= MAX_PEERS);
    let short = link.short().map(|short| short.parse::<Link>().expect("the short form"));
    assert_eq!(short.and_then(|short| short.root), link.root);
    true
}

/// An invitation to a network.
pub fn invite(bytes: &[u8]) -> bool {
    let Some(invite) = parse::<Invite>(bytes) else { return false };
    assert!((1..=MAX_PEERS).contains(&invite.peers.len()));
    assert!(invite.peers.iter().all(|address| peer_of(address).is_some()));
    true
}

/// Reads a text, writes it, and reads it again.
fn parse<T>(bytes: &[u8]) -> Option<T>
where
    T: FromStr<Err: Display> + Display + PartialEq + Debug,
{
    let text = String::from_utf8_lossy(bytes);
    // Longer ones are refused before anything is read.
    match within(8 * MAX_LINK as u64 + (64 << 10), || text.parse::<T>()) {
        Ok(read) => {
            let written = read.to_string();
            // An invitation that grows beyond the bound is refused by whoever reads it again.
            if written.len() <= MAX_LINK {
                let again = written.parse::<T>();
                let again = again.unwrap_or_else(|error| panic!("{error}: {written}"));
                assert_eq!(again, read, "{written}");
            }
            Some(read)
        }
        Err(error) => {
            assert_shown(&error.to_string());
            None
        }
    }
}

/// A query and a manifest, field by field between bytes that are no UTF-8; accepted if it is a
/// query and answered by the manifest.
pub fn query(bytes: &[u8]) -> bool {
    let mut texts = bytes.split(|byte| *byte == 0xFF);
    let mut text = || texts.next().map(|text| String::from_utf8_lossy(text).into_owned());
    let asked = text().unwrap_or_default();
    for token in words::tokens(&asked) {
        assert!((1..=48).contains(&token.chars().count()), "{token:?}");
    }
    let manifest = Manifest {
        name: text().unwrap_or_default(),
        content: ContentId {
            sha1: Sha1Hash::from_bytes([1; 20]),
            root: Root::from_bytes([2; 32]),
            size: bytes.len() as u64,
        },
        media_type: text(),
        tags: Tags { artist: text(), title: text(), album: text(), duration_ms: None },
    };
    assert_manifest(&manifest);
    match Query::new(&asked, None) {
        Ok(query) => {
            assert!((1..=MAX_WORDS).contains(&query.keys().len()));
            assert_eq!(Query::try_from(&query.to_wire()), Ok(query.clone()));
            query.matches(&manifest)
        }
        Err(error) => {
            assert_shown(&error.to_string());
            false
        }
    }
}

/// What must hold for any manifest: few and distinct keys, and whoever asks for one of its fields
/// looks where it is announced.
pub fn assert_manifest(manifest: &Manifest) {
    let keys = manifest.keys();
    assert!(keys.len() <= 2 + 2 * Field::ALL.len() + words::MAX_PER_FILE);
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    let words = manifest.words();
    assert!(words.is_sorted() && words.windows(2).all(|pair| pair[0] != pair[1]));
    for field in Field::ALL {
        let Some(value) = manifest.field(field) else { continue };
        let Ok(query) = Query::new(value, Some(field)) else { continue };
        assert!(query.matches(manifest), "{field} {value:?}");
        assert!(query.keys().iter().all(|(_, key)| keys.contains(key)), "{field} {value:?}");
    }
}

/// A name that somebody else chose, shown, cut at a width that the first byte tells, and saved.
pub fn file_name(bytes: &[u8]) -> bool {
    let (width, name) = bytes.split_first().map_or((0, bytes), |(width, name)| (*width, name));
    let name = String::from_utf8_lossy(name);
    let shown = visible(&name);
    assert!(!shown.contains(|c: char| c.is_control() || "\u{2028}\u{202e}\u{200b}".contains(c)));
    assert_eq!(visible(&shown), shown, "what is safe stays as it is");
    assert!(shown.len() <= 6 * name.len());
    let cut = truncate(&shown, width.into());
    assert!(cut.width() <= width.into(), "{} columns: {cut:?}", cut.width());
    assert!(cut.len() <= 40 * (1 + usize::from(width)), "{} bytes: {cut:?}", cut.len());
    for saved in [safe(&name), numbered(&safe(&name), u32::from(width) + 1)] {
        let mut parts = Path::new(&saved).components();
        assert!(matches!(parts.next(), Some(Component::Normal(part)) if part == saved.as_str()));
        assert!(parts.next().is_none(), "{saved:?}");
        assert!(!saved.contains(char::is_control) && !saved.starts_with('.'), "{saved:?}");
        assert!(!saved.ends_with(['.', ' ']), "{saved:?}");
        assert!(saved.len() + ".part".len() <= 255, "{saved:?}");
    }
    !name.is_empty() && safe(&name) == name
}
