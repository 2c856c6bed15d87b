//! [`ContentId`]: what a file is, whatever its name.

use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Generates a fixed-size hash: hex in JSON and on the screen, bytes on the wire.
macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Bytes in the hash.
            pub const LEN: usize = $len;

            /// The hash from its bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes of the hash.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// RFC 4648 base32, lower case, without padding.
            #[must_use]
            pub fn to_base32(&self) -> String {
                BASE32_NOPAD.encode(&self.0).to_ascii_lowercase()
            }

            /// Reads base32 in either case; `None` unless it is exactly one hash.
            #[must_use]
            pub fn from_base32(text: &str) -> Option<Self> {
                let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
                Some(Self(bytes.try_into().ok()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = NotAHash;

            fn from_str(text: &str) -> Result<Self, NotAHash> {
                HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or(NotAHash { digits: $len * 2 })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
                } else {
                    serde_bytes::ByteArray::<$len>::deserialize(deserializer)
                        .map(|bytes| Self(bytes.into_array()))
                }
            }
        }
    };
}

hash_type! {
    /// The SHA-1 of a file: its *address* in the DHT, and all that the prototype knows of it.
    ///
    /// Collisions can be made today, so it never stands for identity alone.
    Sha1Hash, 20
}

hash_type! {
    /// The root of a file's BLAKE3 tree: with the size, its *identity*.
    ///
    /// Every block is verified against it before it counts.
    Root, 32
}

/// The text is not a hash in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} hexadecimal digits")]
pub struct NotAHash {
    digits: usize,
}

/// A file's content: where to look for it and what it must be.
///
/// Two files with one SHA-1 and different roots are two contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContentId {
    /// The address.
    pub sha1: Sha1Hash,
    /// The identity.
    pub root: Root,
    /// Bytes in the file; part of the identity.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_read_what_they_write() {
        let root = Root::from_bytes([7; 32]);
        assert_eq!(root.to_string().parse(), Ok(root));
        assert_eq!(Root::from_base32(&root.to_base32()), Some(root));
        assert_eq!("07".parse::<Root>(), Err(NotAHash { digits: 64 }));
        assert_eq!(Root::from_base32(&Sha1Hash::from_bytes([7; 20]).to_base32()), None);
    }

    #[test]
    fn json_has_hex_and_cbor_has_bytes() {
        let sha1 = Sha1Hash::from_bytes([0xab; 20]);
        let json = serde_json::to_string(&sha1).expect("json");
        assert_eq!(json, format!("\"{}\"", "ab".repeat(20)));
        let cbor = serde_ipld_dagcbor::to_vec(&sha1).expect("cbor");
        assert_eq!(cbor.len(), 21);
        assert_eq!(serde_ipld_dagcbor::from_slice::<Sha1Hash>(&cbor).expect("back"), sha1);
    }
}
