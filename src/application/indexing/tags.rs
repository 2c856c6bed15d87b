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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{fs, io::Write};

    fn read_bytes(name: &str, bytes: &[u8]) -> (Option<String>, Tags) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("write");
        let mut file = File::open(&path).expect("open");
        // Wherever hashing left it.
        file.seek(SeekFrom::End(0)).expect("seek");
        read(&file, &path)
    }

    fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len()).expect("size").to_le_bytes();
        let pad: &[u8] = if body.len() % 2 == 1 { &[0] } else { &[] };
        [&id[..], &size, body, pad].concat()
    }

    /// One second of silence with a RIFF INFO list.
    fn wav(info: &[(&[u8; 4], &str)]) -> Vec<u8> {
        let mut format = vec![1, 0, 1, 0];
        format.extend(8_000_u32.to_le_bytes());
        format.extend(8_000_u32.to_le_bytes());
        format.extend([1, 0, 8, 0]);
        let mut list = b"INFO".to_vec();
        for (id, value) in info {
            list.extend(chunk(id, format!("{value}\0").as_bytes()));
        }
        let mut body = b"WAVE".to_vec();
        body.extend(chunk(b"fmt ", &format));
        body.extend(chunk(b"data", &[128; 8_000]));
        body.extend(chunk(b"LIST", &list));
        chunk(b"RIFF", &body)
    }

    /// An ID3v2.3 tag with text frames in UTF-16, before a few MPEG frames of silence.
    fn mp3(frames: &[(&[u8; 4], &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (id, value) in frames {
            let mut text = vec![1, 0xFF, 0xFE];
            text.extend(value.encode_utf16().flat_map(u16::to_le_bytes));
            body.extend(*id);
            body.extend(u32::try_from(text.len()).expect("size").to_be_bytes());
            body.extend([0, 0]);
            body.extend(text);
        }
        let size = u32::try_from(body.len()).expect("size");
        let synchsafe: Vec<u8> =
            (0..4).rev().map(|i| u8::try_from(size >> (7 * i) & 0x7F).expect("7 bits")).collect();
        let mut bytes = [b"ID3\x03\0\0", &synchsafe[..], &body].concat();
        // MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes, 26 ms.
        let mut frame = vec![0xFF, 0xFB, 0x90, 0x00];
        frame.resize(417, 0);
        (0..40).for_each(|_| bytes.extend(&frame));
        bytes
    }

    #[test]
    fn wave_files_tell_their_tags_and_length() {
        let bytes = wav(&[(b"IART", "Ada"), (b"INAM", " Öde an die Maschine "), (b"IPRD", "")]);
        let (media_type, tags) = read_bytes("a.wav", &bytes);
        assert_eq!(media_type.as_deref(), Some("audio/wav"));
        assert_eq!(tags.artist.as_deref(), Some("Ada"));
        assert_eq!(tags.title.as_deref(), Some("Öde an die Maschine"));
        assert_eq!(tags.album, None);
        assert_eq!(tags.duration_ms, Some(1_000));
    }

    #[test]
    fn mp3_files_are_read_whatever_they_are_called() {
        let bytes = mp3(&[(b"TPE1", "東京事変"), (b"TIT2", "Title"), (b"TALB", "Album")]);
        for name in ["a.mp3", "noending"] {
            let (media_type, tags) = read_bytes(name, &bytes);
            assert_eq!(media_type.as_deref(), Some("audio/mpeg"), "{name}");
            assert_eq!(tags.artist.as_deref(), Some("東京事変"));
            assert_eq!(tags.album.as_deref(), Some("Album"));
            assert!(tags.duration_ms.is_some_and(|ms| (900..1_200).contains(&ms)), "{tags:?}");
        }
    }

    #[test]
    fn values_are_cut_to_their_bound() {
        let long = "é".repeat(tag::MAX_VALUE);
        let (_, tags) = read_bytes("a.mp3", &mp3(&[(b"TIT2", &long)]));
        let title = tags.title.expect("title");
        assert!(title.len() <= tag::MAX_VALUE && title.len() > tag::MAX_VALUE - 2);
    }

    #[test]
    fn other_files_have_a_media_type_and_no_tags() {
        for (name, bytes, expected) in [
            ("a.txt", &b"hello"[..], Some("text/plain")),
            ("a.bin", b"\x89PNG\r\n\x1a\n....", Some("image/png")),
            ("photo.jpg", b"\xFF\xD8\xFF\xE0\0\x10JFIF", Some("image/jpeg")),
            ("unknown", b"", None),
            ("empty.mp3", b"", Some("audio/mpeg")),
        ] {
            let (media_type, tags) = read_bytes(name, bytes);
            assert_eq!(media_type.as_deref(), expected, "{name}");
            assert_eq!(tags, Tags::default(), "{name}");
        }
    }

    #[test]
    fn a_parser_in_circles_comes_to_an_end() {
        let mut file = tempfile::tempfile().expect("file");
        file.write_all(b"x").expect("write");
        let mut bounded = Bounded { file: &file, left: MAX_READ };
        let reads = (0..=MAX_READ / MIN_COST).take_while(|_| bounded.rewind().is_ok()).count();
        assert_eq!(reads as u64, MAX_READ / MIN_COST);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn broken_files_break_nothing(
            kind in prop::sample::select(vec!["mp3", "wav", "flac", "ogg", "opus", "m4a", "ape", "wv", "mpc", "aiff", "aac", "spx"]),
            cut in 0_usize..9_000,
            noise in prop::collection::vec((0_usize..400, any::<u8>()), 0..20),
        ) {
            let mut bytes = match kind {
                "wav" => wav(&[(b"IART", "Ada")]),
                "flac" => b"fLaC\x80\0\0\x22aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_vec(),
                "ogg" => b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis".to_vec(),
                "m4a" => b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0\x10\0moov\0\0\0\x20udta".to_vec(),
                "aiff" => b"FORM\0\0\0\x40AIFFCOMM\0\0\0\x12\0\x01".to_vec(),
                "ape" => b"MAC \x96\x0f\0\0APETAGEX".to_vec(),
                "wv" => b"wvpk\xff\xff\xff\xff\x07\x04".to_vec(),
                _ => mp3(&[(b"TPE1", "Ada"), (b"APIC", "picture")]),
            };
            bytes.truncate(cut);
            for (at, byte) in noise {
                if let Some(spot) = bytes.get_mut(at) {
                    *spot = byte;
                }
            }
            let (_, tags) = read_bytes(&format!("a.{kind}"), &bytes);
            for value in [tags.artist, tags.title, tags.album].into_iter().flatten() {
                prop_assert!(!value.is_empty() && value.len() <= tag::MAX_VALUE);
            }
        }
    }
}
