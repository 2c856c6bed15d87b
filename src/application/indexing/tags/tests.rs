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
