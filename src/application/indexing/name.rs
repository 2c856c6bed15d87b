//! The name under which others see a file.

use std::{os::unix::ffi::OsStrExt, path::Path};

use crate::domain::manifest;

/// The last part of a path. A name that is not UTF-8 is escaped as in a URL (`%FF`, and `%25` for
/// its percent signs), so that the bytes can be had back; a name over the bound of manifests
/// loses its middle and keeps its ending.
pub(super) fn of(path: &Path) -> String {
    let bytes = path.file_name().unwrap_or(path.as_os_str()).as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(name) => bounded(name),
        Err(_) => bounded(&escape(bytes)),
    }
}

fn escape(bytes: &[u8]) -> String {
    let mut name = String::new();
    for chunk in bytes.utf8_chunks() {
        name.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

fn bounded(name: &str) -> String {
    if name.len() <= manifest::MAX_NAME {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]);
    let ending = if ending.len() <= 16 { ending } else { "" };
    let start = name.floor_char_boundary(manifest::MAX_NAME - ending.len());
    format!("{}{ending}", &name[..start])
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use std::ffi::OsStr;

    #[test]
    fn names_stay_as_they_are_where_they_can() {
        assert_eq!(of(Path::new("/a/Füße 100%.txt")), "Füße 100%.txt");
        assert_eq!(of(Path::new(OsStr::from_bytes(b"/a/caf\xe9 5%.txt"))), "caf%E9 5%25.txt");
    }

    proptest! {
        #[test]
        fn names_that_are_not_utf8_can_be_had_back(mut bytes in prop::collection::vec(1_u8.., 1..60)) {
            bytes.retain(|byte| *byte != b'/');
            bytes.push(0xFF);
            let name = of(Path::new(OsStr::from_bytes(&bytes)));
            prop_assert_eq!(percent_decode_str(&name).collect::<Vec<u8>>(), bytes);
        }

        #[test]
        fn names_keep_the_bound_and_their_ending(byte in 0x80_u8..) {
            let mut bytes = vec![byte; 200];
            bytes.extend(b".flac");
            let name = of(Path::new(OsStr::from_bytes(&bytes)));
            prop_assert!(name.len() <= manifest::MAX_NAME && name.ends_with(".flac"));
        }
    }
}
