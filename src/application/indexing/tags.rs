//! Reading what a file says of itself: media type, artist, title, album, playing time.
//!
//! A shared file may come from anybody, so this reads a bounded part of it, keeps bounded values
//! and survives a parser that fails or panics: such a file is shared without tags.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use lofty::{
    config::{GlobalOptions, ParseOptions, apply_global_options},
    file::{AudioFile, FileType, TaggedFile, TaggedFileExt},
    probe::Probe,
    tag::Accessor,
};

use crate::domain::{Tags, tag};

/// Bytes at the start of a file that tell its media type.
const HEAD: usize = 8 * 1024;
/// The most bytes of a file that are read for its tags; embedded pictures are among them.
const MAX_READ: u64 = 64 << 20;
/// What a read or seek counts at least, so that a parser going in circles comes to an end.
const MIN_COST: u64 = 64;
/// The most bytes that one item of a tag may take in memory.
const MAX_ITEM: usize = 16 << 20;

/// Media types that have a better known name than the one they are recognised by.
const BETTER_NAMES: [(&str, &str); 4] = [
    ("audio/x-flac", "audio/flac"),
    ("audio/x-wav", "audio/wav"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-aiff", "audio/aiff"),
];

/// What a file says of itself: its media type, told by its content and else by its name, and its
/// tags. Blocks the thread.
pub(super) fn read(file: &File, path: &Path) -> (Option<String>, Tags) {
    let media_type = media_type(file, path);
    let audible = media_type.as_deref().is_some_and(|media_type| {
        ["audio/", "video/", "application/ogg"].iter().any(|kind| media_type.starts_with(kind))
    });
    // Anything may look like MPEG audio after a bit of junk; only likely files are tried.
    if !audible && FileType::from_path(path).is_none() {
        return (media_type, Tags::default());
    }
    // A parser of foreign bytes that panics must cost the tags of one file, not the node's tasks.
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(file, path)));
    (media_type, parsed.ok().flatten().map(|parsed| tags_of(&parsed)).unwrap_or_default())
}

fn media_type(file: &File, path: &Path) -> Option<String> {
    let mut head = [0; HEAD];
    let length = file.read_at(&mut head, 0).unwrap_or(0);
    let by_content = infer::get(&head[..length]).map(|kind| kind.mime_type());
    let name = by_content.or_else(|| mime_guess::from_path(path).first_raw())?;
    let better = BETTER_NAMES.iter().find(|(known, _)| *known == name);
    Some(better.map_or(name, |(_, better)| better).to_owned())
}

fn parse(file: &File, path: &Path) -> Option<TaggedFile> {
    // These options are the thread's own.
    apply_global_options(GlobalOptions::new().allocation_limit(MAX_ITEM));
    let mut reader = BufReader::new(Bounded { file, left: MAX_READ });
    reader.rewind().ok()?;
    let probe = match FileType::from_path(path) {
        Some(kind) => Probe::with_file_type(reader, kind),
        None => Probe::new(reader),
    };
    let options = ParseOptions::new().read_cover_art(false);
    probe.options(options).guess_file_type().ok()?.read().ok()
}

/// The first value of each field; a file may have several kinds of tags, the usual one first.
fn tags_of(parsed: &TaggedFile) -> Tags {
    let first = |field: fn(&lofty::tag::Tag) -> Option<std::borrow::Cow<'_, str>>| {
        let tags = parsed.primary_tag().into_iter().chain(parsed.tags());
        tags.filter_map(field).find_map(|value| clean(&value))
    };
    let milliseconds = u64::try_from(parsed.properties().duration().as_millis()).ok();
    Tags {
        artist: first(Accessor::artist),
        title: first(Accessor::title),
        album: first(Accessor::album),
        duration_ms: milliseconds.filter(|&duration| duration > 0),
    }
}

/// A value without padding, cut to its bound; nothing where nothing is left.
fn clean(value: &str) -> Option<String> {
    let padding = |c: char| c.is_whitespace() || c == '\0';
    let value = value.trim_matches(padding);
    let value = value[..value.floor_char_boundary(tag::MAX_VALUE)].trim_end_matches(padding);
    (!value.is_empty()).then(|| value.to_owned())
}

/// A file of which only so much can be read.
struct Bounded<'a> {
    file: &'a File,
    left: u64,
}

impl Bounded<'_> {
    fn spend(&mut self, cost: u64) -> io::Result<()> {
        let left = self.left.checked_sub(cost.max(MIN_COST));
        self.left = left.ok_or_else(|| io::Error::other("too much to read for tags"))?;
        Ok(())
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.spend(n as u64)?;
        Ok(n)
    }
}

impl Seek for Bounded<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.spend(0)?;
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests;
