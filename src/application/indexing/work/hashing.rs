//! What the hash workers do.

use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
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
    network::content::hash::{HashError, Hashed, hash_file, open_regular},
};

/// How often the progress of a file is noted: whoever watches hears of each time.
const PROGRESS: Duration = Duration::from_millis(300);

impl Work {
    /// Hashes files until the service stops.
    pub(in super::super) fn hash_all(&self) {
        while let Some(jobs) = self.library.wait_for_jobs() {
            let read: Vec<_> = jobs.iter().map(|job| self.read(job)).collect();
            self.keep(jobs.into_iter().zip(read).collect());
        }
    }

    fn read(&self, job: &Job) -> Result<Described, HashError> {
        let (file, stamp) = open_regular(&job.path)?;
        let mut noted = Instant::now();
        let mut progress = |read: u64| {
            let mut wanted = !self.library.is_stopping();
            if noted.elapsed() >= PROGRESS {
                noted = Instant::now();
                wanted &= self.library.with(|library| library.progress(job, read));
            }
            if wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let (media_type, tags) = tags::read(&file, &job.path);
        let Hashed { content, stamp: hashed } = hash_file(&file, &self.data_dir, &mut progress)?;
        self.hashed.fetch_add(1, Ordering::Relaxed);
        // What it says of itself was read before what it is; the stamp spans both.
        if hashed != stamp {
            return Err(HashError::Changed);
        }
        let manifest = Manifest { name: name::of(&job.path), content, media_type, tags };
        let path = Arc::clone(&job.path);
        Ok(Described::new(&self.catalog, SharedFile { path, stamp, manifest }))
    }

    fn keep(&self, read: Vec<(Job, Result<Described, HashError>)>) {
        let (mut well, mut badly) = (Vec::with_capacity(read.len()), Vec::new());
        for (job, result) in read {
            match result {
                Ok(described) => well.push((job, described)),
                // The service stops, or the file is not shared any more.
                Err(HashError::Stopped) => {}
                Err(error) => badly.push((job, error)),
            }
        }
        let files: Vec<Arc<SharedFile>> =
            well.iter().map(|(_, described)| Arc::new(described.file().clone())).collect();
        let unwanted = self.library.with(|library| {
            let (mut kept, mut unwanted) = (Vec::with_capacity(files.len()), Vec::new());
            for ((job, described), file) in well.into_iter().zip(files) {
                let wanted = library.hashed(&job, described);
                if wanted { &mut kept } else { &mut unwanted }.push(file);
            }
            // Under the lock, so that a file is forgotten after this, if it is.
            self.index.put(kept);
            unwanted
        });
        unwanted.iter().for_each(|file| self.drop_outboard(&file.manifest.content));
        badly.into_iter().for_each(|(job, error)| self.give_up(&job, error));
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
