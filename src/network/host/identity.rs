//! Who this node is: an Ed25519 key, made once and kept readable for its owner alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use libp2p::identity::Keypair;

/// The key's file in the data directory: libp2p's protobuf encoding, mode 0600.
const FILE: &str = "identity.key";

/// The identity could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("cannot read or write the identity in {path}: {source}")]
    Io {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a key.
    #[error("{0} is damaged: it does not hold an Ed25519 key")]
    Damaged(PathBuf),
}

/// Whether a data directory has an identity.
#[must_use]
pub fn exists(data_dir: &Path) -> bool {
    data_dir.join(FILE).exists()
}

/// Reads the identity of a data directory, or makes one.
///
/// # Errors
/// When the file cannot be read or written, or is damaged: a new identity is never made in place
/// of one that is there.
pub fn load_or_create(data_dir: &Path) -> Result<Keypair, IdentityError> {
    let path = data_dir.join(FILE);
    let io = |source| IdentityError::Io { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => Keypair::from_protobuf_encoding(&bytes)
            .map_err(|_| IdentityError::Damaged(path.clone())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Keypair::generate_ed25519();
            // An Ed25519 key that was just made always encodes.
            let bytes = key.to_protobuf_encoding().map_err(|e| io(io::Error::other(e)))?;
            // Written aside and moved, so that a crash leaves no half of a key.
            let aside = path.with_extension("new");
            let _ = fs::remove_file(&aside);
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&aside)
                .map_err(io)?;
            file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(io)?;
            fs::rename(&aside, &path).map_err(io)?;
            Ok(key)
        }
        Err(error) => Err(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_identity_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let made = load_or_create(dir.path()).expect("made").public();
        assert_eq!(load_or_create(dir.path()).expect("read").public(), made);
        let mode = fs::metadata(dir.path().join(FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_identity_is_not_replaced() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join(FILE), b"not a key").expect("written");
        assert!(matches!(load_or_create(dir.path()), Err(IdentityError::Damaged(_))));
        assert_eq!(fs::read(dir.path().join(FILE)).expect("there"), b"not a key");
    }
}
