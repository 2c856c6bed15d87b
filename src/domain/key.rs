//! [`Key`]: a point in the 160-bit identifier space that nodes, files and words share.

use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::{Field, Root, Sha1Hash, words};

/// 160 bits, the SHA-1 of whatever is put into the DHT under it.
///
/// Closeness is the XOR metric of Kademlia (Maymounkov and Mazières, section 2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key([u8; Self::LEN]);

impl Key {
    /// Bytes in a key.
    pub const LEN: usize = 20;

    /// A key from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Where a content is announced: its SHA-1 as it is, the prototype's content ID.
    #[must_use]
    pub fn of_content(sha1: &Sha1Hash) -> Self {
        Self(*sha1.as_bytes())
    }

    /// Where a content is announced by its BLAKE3 root, for links that carry nothing else.
    #[must_use]
    pub fn of_root(root: &Root) -> Self {
        Self::hash(&[b"root1|", root.as_bytes()])
    }

    /// Where a tag is announced letter by letter, as in the prototype: `SHA-1("field|value")`.
    #[must_use]
    pub fn of_exact_tag(field: Field, value: &str) -> Self {
        Self::hash(&[field.name().as_bytes(), b"|", value.as_bytes()])
    }

    /// Where a tag is announced with its value folded, so that case and accents do not matter.
    #[must_use]
    pub fn of_folded_tag(field: Field, value: &str) -> Self {
        Self::of_exact_tag(field, &words::fold(value))
    }

    /// Where a word is announced: `SHA-1("word1|" + token)`; the 1 is the version of the word rule.
    #[must_use]
    pub fn of_word(token: &str) -> Self {
        Self::hash(&[format!("word{}|", words::RULE_VERSION).as_bytes(), token.as_bytes()])
    }

    fn hash(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha1::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_tag_keys_are_those_of_the_prototype() {
        // printf 'artist|Pyotr Tchaikovsky' | sha1sum
        let key = Key::of_exact_tag(Field::Artist, "Pyotr Tchaikovsky");
        assert_eq!(key.to_string(), "280f9c4dd07319aa4edac7703f46b02770d1adc5");
    }

    #[test]
    fn folded_tag_keys_forgive_case_and_accents() {
        assert_eq!(
            Key::of_folded_tag(Field::Artist, "Dvořák"),
            Key::of_folded_tag(Field::Artist, "DVORAK")
        );
    }
}
