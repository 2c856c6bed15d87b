//! Where the bytes of a URL come from: a transfer, or a file that this node shares.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use tokio::task::spawn_blocking;

use crate::{
    application::{
        catalog::SharedFile,
        indexing::IndexingService,
        message::{Failure, FailureKind, TransferId},
        transfers::Reader,
    },
    domain::Root,
    network::content::hash::Stamp,
};

/// What is offered at a URL.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// What a transfer brings, while it does and afterwards.
    Transfer(TransferId, Reader),
    /// A shared file, and who is to know when it is no longer what was hashed.
    Shared(Arc<SharedFile>, IndexingService),
}

/// What is known of a source before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    /// Its name. Not to be trusted.
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    /// What its bytes are proven by.
    pub(super) root: Root,
    /// Its media type, as somebody says.
    pub(super) media_type: Option<String>,
}

/// A source that is open.
#[derive(Debug, Clone)]
pub(super) enum Opened {
    Transfer(Reader),
    Shared { file: Arc<File>, shared: Arc<SharedFile>, indexing: IndexingService },
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Transfer(one, _), Self::Transfer(other, _)) => one == other,
            (Self::Shared(one, _), Self::Shared(other, _)) => {
                (&one.path, &one.stamp) == (&other.path, &other.stamp)
            }
            _ => false,
        }
    }
}

impl Source {
    /// Opens it; waits until it is known what it is.
    ///
    /// # Errors
    /// When the transfer ends before, or the file has changed.
    pub(super) async fn open(&self) -> Result<(About, Opened), Failure> {
        match self {
            Self::Transfer(_, reader) => {
                let file = reader.file().await?;
                let about = About {
                    name: file.name,
                    size: file.size,
                    root: file.root,
                    media_type: file.media_type,
                };
                Ok((about, Opened::Transfer(reader.clone())))
            }
            Self::Shared(shared, indexing) => {
                let (opened, indexing) = (shared.clone(), indexing.clone());
                let file = spawn_blocking(move || opened.open_unchanged()).await;
                let file = file.map_err(|error| unreadable(&error))?.map_err(|error| {
                    indexing.mark_changed(&shared.path);
                    unreadable(&error)
                })?;
                let manifest = shared.manifest.clone();
                let about = About {
                    name: manifest.name,
                    size: manifest.content.size,
                    root: manifest.content.root,
                    media_type: manifest.media_type,
                };
                Ok((about, Opened::Shared { file: file.into(), shared: shared.clone(), indexing }))
            }
        }
    }
}

impl Opened {
    /// Waits for the byte at an offset, and returns it with those that follow it here, at most so
    /// many; none beyond the end.
    ///
    /// # Errors
    /// When it will not come, or cannot be read.
    pub(super) async fn read(&self, offset: u64, at_most: usize) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Transfer(reader) => reader.read(offset, at_most).await,
            Self::Shared { file, shared, indexing } => {
                let (file, stamp) = (file.clone(), shared.stamp);
                let read = spawn_blocking(move || read_unchanged(&file, stamp, offset, at_most));
                read.await.map_err(|error| unreadable(&error))?.map_err(|error| {
                    indexing.mark_changed(&shared.path);
                    unreadable(&error)
                })
            }
        }
    }
}

/// Reads from a file that still is what was hashed.
fn read_unchanged(file: &File, stamp: Stamp, offset: u64, at_most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; at_most];
    let read = file.read_at(&mut bytes, offset)?;
    bytes.truncate(read);
    // Looked at after the bytes were read: they are those of the file that was hashed.
    if Stamp::of(&file.metadata()?) == stamp {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it changed since it was hashed"))
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Error, format!("the file cannot be read: {error}"))
}
