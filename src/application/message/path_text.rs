//! Paths in messages: JSON has only Unicode, file names have any bytes.
//!
//! A path that is Unicode is a string. Any other is `{"bytes": "<hex>"}`, so that a client can
//! name every file that the node can list.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Unicode(String),
    Bytes { bytes: String },
}

impl From<&Path> for Text {
    fn from(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Unicode(text.to_owned()),
            None => Self::Bytes { bytes: HEXLOWER_PERMISSIVE.encode(path.as_os_str().as_bytes()) },
        }
    }
}

impl Text {
    fn into_path<E: serde::de::Error>(self) -> Result<PathBuf, E> {
        match self {
            Self::Unicode(text) => Ok(text.into()),
            Self::Bytes { bytes } => HEXLOWER_PERMISSIVE
                .decode(bytes.as_bytes())
                .map(|bytes| OsString::from_vec(bytes).into())
                .map_err(|_| E::custom("the bytes of a path are not hexadecimal")),
        }
    }
}

/// The path as it stands in messages, for JSON that is put together elsewhere.
pub(crate) fn text(path: &Path) -> impl Serialize {
    Text::from(path)
}

pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Text::from(path).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
    Text::deserialize(d)?.into_path()
}

/// The same for a path that may be absent.
pub(super) mod option {
    use super::{Deserialize, Deserializer, PathBuf, Serialize, Serializer, Text};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(crate) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_deref().map(Text::from).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Option::<Text>::deserialize(d)?.map(Text::into_path).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Command, RootRow};
    use super::*;

    #[test]
    fn paths_of_any_bytes_travel_and_unicode_stays_readable() {
        for (bytes, shown) in [
            (&b"/music/D\xc3\xa4"[..], "\"/music/D\u{e4}\""),
            (&b"/music/bad\xff"[..], "{\"bytes\":\"2f6d757369632f626164ff\"}"),
        ] {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            let row = RootRow { path: path.clone(), remembered: true, files: 1, bytes: 2 };
            let json = serde_json::to_string(&row).expect("json");
            assert!(json.contains(shown), "{json}");
            assert_eq!(serde_json::from_str::<RootRow>(&json).expect("back"), row);
            let link = "p2pfs-join:x".to_owned();
            let unshare = Command::Unshare { path };
            let json = serde_json::to_string(&unshare).expect("json");
            assert_eq!(serde_json::from_str::<Command>(&json).expect("back"), unshare);
            let join = serde_json::to_string(&Command::Join { link }).expect("json");
            assert!(serde_json::from_str::<Command>(&join).is_ok());
        }
        let bad = r#"{"unshare":{"path":{"bytes":"zz"}}}"#;
        assert!(serde_json::from_str::<Command>(bad).is_err());
    }
}
