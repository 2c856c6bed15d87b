//! [`Manifest`]: what one provider says of one file.

use serde::{Deserialize, Serialize};

use super::{ContentId, Field, Key, Tags, blocks, tag, words};

/// The longest file name, in bytes: the limit of common file systems.
pub const MAX_NAME: usize = 255;
/// The longest media type, in bytes.
const MAX_MEDIA_TYPE: usize = 127;

/// A provider's claim about a file. Only the hashes can be proven; the rest is what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The file's name, one component, as the provider has it.
    pub name: String,
    /// What the file is.
    pub content: ContentId,
    /// The media type, `audio/flac` for instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What the file says of itself.
    #[serde(default)]
    pub tags: Tags,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// The name is empty or over [`MAX_NAME`].
    #[error("the file name is empty or longer than {MAX_NAME} bytes")]
    Name,
    /// The size is over [`blocks::MAX_FILE`].
    #[error("the size is impossible")]
    Size,
    /// A tag is over its limit.
    #[error("a tag is longer than {} bytes", tag::MAX_VALUE)]
    Tag,
    /// The media type is over its limit.
    #[error("the media type is longer than {MAX_MEDIA_TYPE} bytes")]
    MediaType,
}

impl Manifest {
    /// The value of a field, the file name included.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<&str> {
        match field {
            Field::Filename => Some(&self.name),
            other => self.tags.get(other),
        }
    }

    /// Checks the bounds that a manifest from a peer must keep.
    ///
    /// # Errors
    /// Names the first bound that is broken.
    pub fn check(&self) -> Result<(), BadManifest> {
        if self.name.is_empty() || self.name.len() > MAX_NAME {
            return Err(BadManifest::Name);
        }
        if self.content.size > blocks::MAX_FILE {
            return Err(BadManifest::Size);
        }
        let too_long =
            |field: Field| self.tags.get(field).is_some_and(|v| v.len() > tag::MAX_VALUE);
        if Field::ALL.into_iter().any(too_long) {
            return Err(BadManifest::Tag);
        }
        if self.media_type.as_ref().is_some_and(|m| m.len() > MAX_MEDIA_TYPE) {
            return Err(BadManifest::MediaType);
        }
        Ok(())
    }

    /// The words of the name and of every tag, each once, in order.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = Field::ALL
            .into_iter()
            .filter_map(|field| self.field(field))
            .flat_map(words::tokens)
            .collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Every key under which a provider of this file announces itself, most important first:
    /// the content, its root, the tags (exact and folded), then the words.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let mut keys = vec![Key::of_content(&self.content.sha1), Key::of_root(&self.content.root)];
        for field in Field::ALL {
            if let Some(value) = self.field(field) {
                keys.push(Key::of_exact_tag(field, value));
                keys.push(Key::of_folded_tag(field, value));
            }
        }
        let published = self.words().into_iter().filter(|word| words::is_published(word));
        keys.extend(published.take(words::MAX_PER_FILE).map(|word| Key::of_word(&word)));
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(*key));
        keys
    }
}
