//! What a media file says of itself: the fields of the prototype, and what we add.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest value of a tag that is published or accepted, in bytes.
pub const MAX_VALUE: usize = 1024;

/// A field one can search by, exactly as in the prototype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The file's name, with its ending.
    Filename,
    /// Who plays it.
    Artist,
    /// What it is called.
    Title,
    /// What it was published on.
    Album,
}

impl Field {
    /// Every field, in the order of the prototype's menu.
    pub const ALL: [Self; 4] = [Self::Filename, Self::Artist, Self::Title, Self::Album];

    /// The name in keys (`artist|…`), on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filename => "filename",
            Self::Artist => "artist",
            Self::Title => "title",
            Self::Album => "album",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no field is called {0:?}; the fields are filename, artist, title and album")]
pub struct UnknownField(String);

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, UnknownField> {
        Self::ALL
            .into_iter()
            .find(|field| field.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownField(text.to_owned()))
    }
}

/// The tags of one file. What a file does not have is absent, never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// Who plays it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it was published on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// How long it plays, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

impl Tags {
    /// The value of a field; the file name is not a tag and is `None` here.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        match field {
            Field::Filename => None,
            Field::Artist => self.artist.as_deref(),
            Field::Title => self.title.as_deref(),
            Field::Album => self.album.as_deref(),
        }
    }
}
