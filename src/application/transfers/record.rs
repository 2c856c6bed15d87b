//! What is remembered of a transfer between runs: a small file in its own folder, replaced whole.

use std::{
    fs, io,
    io::Write,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    application::message::TransferId,
    domain::{Link, Manifest},
};

/// The version of the format.
const VERSION: u8 = 1;
/// The largest file that is read, in bytes: a link and two paths, with room to spare.
const MAX_FILE: u64 = 1 << 20;
/// The file's name in the transfer's folder.
const NAME: &str = "transfer";
/// What a transfer's folder is called once it is forgotten, after its number.
const FORGOTTEN: &str = ".forgotten";

/// What is remembered of a transfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    version: u8,
    /// What was asked for.
    pub link: Link,
    /// Where it was asked to go.
    pub destination: Option<PathBytes>,
    /// Of a collection, what of it.
    pub select: Vec<String>,
    /// What it turned out to be, once its size is proven.
    pub target: Option<Manifest>,
    /// Where it will be.
    pub path: Option<PathBytes>,
    /// Where it is meanwhile.
    pub part: Option<PathBytes>,
    /// Complete and right; about to get this name.
    pub finishing: Option<PathBytes>,
    /// A person paused it.
    pub paused: bool,
    /// It is for a reader only, and is not kept.
    pub temporary: bool,
    /// Why it ended without the file, if it did.
    pub failed: Option<String>,
    /// The higher, the sooner.
    pub priority: i8,
    /// Its place among those of one priority.
    pub order: i64,
    /// The most that it may receive, in bytes per second.
    pub limit: Option<u64>,
    /// When it was asked for, in Unix seconds.
    pub added: u64,
    /// Bytes of it that were given to others.
    pub uploaded: u64,
}

/// A path of any bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathBytes(pub PathBuf);

impl Serialize for PathBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_os_str().as_bytes())
    }
}

impl<'de> Deserialize<'de> for PathBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?.into_vec();
        Ok(Self(std::ffi::OsString::from_vec(bytes).into()))
    }
}

impl Record {
    /// A transfer that has just been asked for.
    pub fn new(link: Link, destination: Option<PathBuf>, select: Vec<String>, added: u64) -> Self {
        Self {
            version: VERSION,
            link,
            destination: destination.map(PathBytes),
            select,
            target: None,
            path: None,
            part: None,
            finishing: None,
            paused: false,
            temporary: false,
            failed: None,
            priority: 0,
            order: 0,
            limit: None,
            added,
            uploaded: 0,
        }
    }

    /// Where it was asked to go.
    pub fn destination(&self) -> Option<&Path> {
        self.destination.as_ref().map(|path| path.0.as_path())
    }

    /// Writes it into the transfer's folder, durably.
    ///
    /// # Errors
    /// When the disk fails; what was there before still is.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            // The folder's own name, and that of the one around it, which may be new as well.
            for above in folder.ancestors().skip(1).take(2) {
                fs::File::open(above)?.sync_all()?;
            }
        }
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&self.encode()?)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(NAME)).map_err(|error| error.error)?;
        fs::File::open(folder)?.sync_all()
    }

    /// Reads it from a transfer's folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        if fs::metadata(&path)?.len() > MAX_FILE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is far too long"));
        }
        Self::decode(&fs::read(path)?)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Never for what can be in it.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        serde_ipld_dagcbor::to_vec(self).map_err(io::Error::other)
    }

    /// Reads the bytes of the file.
    ///
    /// # Errors
    /// When they are not those of a record of this version.
    pub fn decode(bytes: &[u8]) -> io::Result<Self> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
        let record: Self =
            serde_ipld_dagcbor::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        if record.version != VERSION {
            return Err(invalid(format!("version {} is not known here", record.version)));
        }
        if let Some(target) = &record.target {
            target.check().map_err(|error| invalid(error.to_string()))?;
        }
        Ok(record)
    }
}

/// Where transfers are remembered.
pub(super) fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("transfers")
}

/// The folder of one transfer.
pub(super) fn folder(data_dir: &Path, id: TransferId) -> PathBuf {
    home(data_dir).join(id.to_string())
}

/// Forgets a transfer: in one step, so that no crash leaves half of what is known of it, and then
/// deletes what that was.
pub(super) fn forget(data_dir: &Path, id: TransferId) -> io::Result<()> {
    let (folder, forgotten) =
        (folder(data_dir, id), home(data_dir).join(format!("{id}{FORGOTTEN}")));
    match fs::rename(&folder, &forgotten) {
        Ok(()) => fs::remove_dir_all(forgotten),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => fs::remove_dir_all(folder),
    }
}

/// Deletes what a crash left of transfers that were forgotten.
fn sweep(folder: &Path) {
    let name = folder.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| name.ends_with(FORGOTTEN))
        && let Err(error) = fs::remove_dir_all(folder)
    {
        tracing::warn!(?folder, %error, "what is left of a transfer cannot be deleted");
    }
}

/// Every transfer that is remembered, and the folders that cannot be read.
type Remembered = (Vec<(TransferId, Record)>, Vec<PathBuf>);

/// Reads every transfer.
pub(super) fn all(data_dir: &Path) -> io::Result<Remembered> {
    let entries = match fs::read_dir(home(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((vec![], vec![])),
        entries => entries?,
    };
    let (mut records, mut damaged) = (Vec::new(), Vec::new());
    for entry in entries {
        let folder = entry?.path();
        let id = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
        let Some(id) = id else {
            sweep(&folder);
            continue;
        };
        match Record::read(&folder) {
            Ok(record) => records.push((id, record)),
            Err(error) => {
                tracing::warn!(?folder, %error, "a transfer cannot be read");
                damaged.push(folder);
            }
        }
    }
    records.sort_by_key(|(id, _)| *id);
    Ok((records, damaged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_of_a_forgotten_one_is_swept() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let left = home(folder.path()).join(format!("3{FORGOTTEN}"));
        fs::create_dir_all(&left).expect("made");
        fs::write(left.join("progress"), "half").expect("written");
        assert_eq!(all(folder.path()).expect("readable"), (vec![], vec![]));
        assert!(!left.exists());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let link: Link =
            "p2pfs:frblpxulzivlxd3sjnhobkoxpeawy7grd2m3vc5z7d5dfryjyotq".parse().expect("a link");
        let odd = std::ffi::OsString::from_vec(b"/tmp/\xff".to_vec());
        let mut record = Record::new(link, Some(odd.into()), vec!["a/b".into()], 7);
        record.priority = -3;
        let home = super::folder(folder.path(), 12);
        record.write(&home).expect("written");
        record.order = 9;
        record.write(&home).expect("written again");
        fs::create_dir_all(super::folder(folder.path(), 13)).expect("a folder");
        let (records, damaged) = all(folder.path()).expect("readable");
        assert_eq!(records, [(12, record)]);
        assert_eq!(damaged, [super::folder(folder.path(), 13)]);
        for _ in 0..2 {
            forget(folder.path(), 12).expect("forgotten");
            forget(folder.path(), 13).expect("forgotten");
        }
        assert_eq!(fs::read_dir(super::home(folder.path())).expect("readable").count(), 0);
    }
}
