//! When a process is killed: at a moment that is seen in the files it writes.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, rngs::StdRng};

use super::{DEADLINE, NAME};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_millis(2);

/// A moment in the life of a transfer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// So long after the process began, whatever it does.
    After(Duration),
    /// When it was written down that there is a transfer.
    Recorded,
    /// When the part was seen to change so often.
    Written(u32),
    /// When it was seen to be written down so often what is durable.
    Checkpoint(u32),
    /// When the file has its name.
    Named,
}

impl Moment {
    pub(super) fn random(rng: &mut StdRng) -> Self {
        match rng.random_range(0..10_u8) {
            0 | 1 => Self::After(Duration::from_millis(rng.random_range(0..1_500))),
            2 => Self::Recorded,
            3..=6 => Self::Written(rng.random_range(1..60)),
            7 | 8 => Self::Checkpoint(rng.random_range(1..4)),
            _ => Self::Named,
        }
    }
}

/// Kills a process at a moment, or a little later; `false` if it ended before.
pub(super) fn kill_at(child: &mut Child, moment: Moment, place: &Path, transfers: &Path) -> bool {
    let began = Instant::now();
    let mut part = Changes::default();
    let mut progress = Changes::default();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(began.elapsed() < DEADLINE, "waited too long for {moment:?}");
        let is_now = match moment {
            Moment::After(time) => began.elapsed() >= time,
            Moment::Recorded => first_below(transfers).is_some(),
            Moment::Written(times) => part.seen(&place.join(format!("{NAME}.part"))) >= times,
            Moment::Checkpoint(times) => {
                let file = first_below(transfers).map(|folder| folder.join("progress"));
                file.is_some_and(|file| progress.seen(&file) >= times)
            }
            Moment::Named => place.join(NAME).exists(),
        };
        if is_now {
            // The process may end in this very moment, which is no kill.
            child.kill().unwrap();
            return child.wait().unwrap().code().is_none();
        }
        thread::sleep(LOOK);
    }
}

fn first_below(folder: &Path) -> Option<PathBuf> {
    Some(fs::read_dir(folder).ok()?.next()?.ok()?.path())
}

/// How often a file was seen to be another than before.
#[derive(Debug, Default)]
struct Changes {
    last: Option<(i64, i64)>,
    count: u32,
}

impl Changes {
    fn seen(&mut self, path: &Path) -> u32 {
        let Ok(metadata) = fs::metadata(path) else { return self.count };
        let now = Some((metadata.mtime(), metadata.mtime_nsec()));
        if self.last.is_some() && self.last != now {
            self.count += 1;
        }
        self.last = now;
        self.count
    }
}
