//! What the hash workers do.

use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

use super::{
    super::{
        file::Described,
        library::{Job, NotHashed},
        name,
        scan::shown,
        tags,
    },
    Work,
};
use crate::{
    application::{
        catalog::SharedFile,
        message::{Notice, NoticeLevel},
    },
    domain::Manifest,
    network::content::hash::{HashError, Stamp, hash_file, open_regular},
};

/// Bytes of a file after which its progress is noted again.
const PROGRESS: u64 = 4 << 20;

impl Work {
    /// Hashes files until the service stops.
    pub(in super::super) fn hash_all(&self) {
        while let Some(job) = self.library.wait_for_job() {
            match self.read(&job) {
                Ok(described) => self.keep(&job, described),
                // The service stops, or the file is not shared any more.
                Err(HashError::Stopped) => {}
                Err(error) => self.give_up(&job, error),
            }
        }
    }

    fn read(&self, job: &Job) -> Result<Described, HashError> {
        let (file, _) = open_regular(&job.path)?;
        let mut noted = 0;
        let mut progress = |read: u64| {
            let mut wanted = !self.library.is_stopping();
            if read - noted >= PROGRESS {
                noted = read;
                wanted &= self.library.with(|library| library.progress(job, read));
            }
            if wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let hashed = hash_file(&file, &self.data_dir, &mut progress)?;
        self.hashed.fetch_add(1, Ordering::Relaxed);
        let (media_type, tags) = tags::read(&file, &job.path);
        if Stamp::of(&file.metadata()?) != hashed.stamp {
            return Err(HashError::Changed);
        }
        let name = name::of(&job.path);
        let manifest = Manifest { name, content: hashed.content, media_type, tags };
        let path = Arc::clone(&job.path);
        Ok(Described::new(SharedFile { path, stamp: hashed.stamp, manifest }))
    }

    fn keep(&self, job: &Job, described: Described) {
        let file = Arc::clone(&described.file);
        let wanted = self.library.with(|library| {
            let wanted = library.hashed(job, described);
            if wanted {
                // Under the lock, so that the file is forgotten after this, if it is.
                self.index.put(Arc::clone(&file));
            }
            wanted
        });
        if !wanted {
            self.drop_outboard(&file.manifest.content);
        }
    }

    fn give_up(&self, job: &Job, error: HashError) {
        let why = match error {
            HashError::Io(error) if error.kind() != io::ErrorKind::NotFound => {
                NotHashed::Failed(error.to_string())
            }
            // It changed, or is gone; whatever is there now is read, unless that is no file.
            _ => open_regular(&job.path)
                .map_or(NotHashed::Gone, |(_, stamp)| NotHashed::Changed(stamp)),
        };
        self.library.with(|library| {
            if let NotHashed::Failed(reason) = &why {
                tracing::warn!(path = shown(&job.path), reason, "cannot share a file");
            }
            if library.not_hashed(job, why) {
                library.notify(Notice {
                    level: NoticeLevel::Warning,
                    text: format!("{} could not be read", shown(&job.path)).into(),
                    hint: Some("the list of shared files says why, and of others too".to_owned()),
                });
            }
        });
    }
}
