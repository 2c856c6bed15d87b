//! Files that are shared, and whether what arrived is the same.

use std::{
    env, fs,
    fs::File,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use color_eyre::eyre::{Result, WrapErr, bail, ensure};
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::contender::Task;

/// Where everything lies, unless this says otherwise: a tmpfs, so that no disk is measured.
const PLACE: &str = "/dev/shm";
const PLACE_FROM: &str = "P2PFS_BENCH_WORK";

/// Bytes of a small file.
const SMALL: u64 = 4096;
/// Small files in one folder, as people keep them.
const PER_FOLDER: u32 = 100;

/// Bytes of a MiB.
pub(crate) const MIB: u64 = 1 << 20;

/// The folder of a run; gone when dropped.
#[derive(Debug)]
pub(crate) struct Work {
    folder: TempDir,
}

impl Work {
    /// Makes the folder, where there is room for so many bytes.
    pub(crate) fn create(wanted: u64) -> Result<Self> {
        let place = env::var_os(PLACE_FROM).map_or_else(|| PathBuf::from(PLACE), PathBuf::from);
        let folder = tempfile::Builder::new().prefix("p2pfs-bench-").tempdir_in(&place);
        let folder = folder.wrap_err_with(|| {
            format!("cannot work in {}; {PLACE_FROM} names another place", place.display())
        })?;
        let space = rustix::fs::statvfs(folder.path())?;
        let free = space.f_bavail * space.f_frsize;
        ensure!(
            free >= wanted,
            "{} has {} MiB free, and {} MiB may be needed: see --size and --memory-size",
            place.display(),
            free / MIB,
            wanted / MIB,
        );
        Ok(Self { folder })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// One file of so many MiB that no compressor makes smaller.
    pub(crate) fn large(&self, mib: u64) -> Result<Task> {
        let source = self.fresh(&self.path().join("source"))?.join("large.bin");
        let bytes = mib * MIB;
        let mut out = File::create(&source)?;
        let mut noise = noise(0);
        let mut piece = vec![0; MIB as usize];
        for _ in 0..mib {
            noise.fill(&mut piece);
            out.write_all(&piece)?;
        }
        self.task(source, 1, bytes)
    }

    /// A folder of so many small files.
    pub(crate) fn small(&self, files: u32) -> Result<Task> {
        let source = self.fresh(&self.path().join("source"))?.join("many");
        let mut piece = vec![0; SMALL as usize];
        for number in 0..files {
            let folder = source.join(format!("part {:03}", number / PER_FOLDER));
            if number % PER_FOLDER == 0 {
                fs::create_dir_all(&folder)?;
            }
            noise(u64::from(number) + 1).fill(&mut piece);
            fs::write(folder.join(format!("piece {number:05}.bin")), &piece)?;
        }
        self.task(source, u64::from(files), u64::from(files) * SMALL)
    }

    fn task(&self, source: PathBuf, files: u64, bytes: u64) -> Result<Task> {
        let home = self.path().to_owned();
        Ok(Task { source, files, bytes, sources: 1, limit: None, is_fetched: true, home })
    }

    /// An empty folder of the run, whatever was there before.
    pub(crate) fn fresh(&self, folder: &Path) -> Result<PathBuf> {
        ensure!(folder.starts_with(self.path()), "not of this run: {}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir(folder)?;
        Ok(folder.to_owned())
    }
}

/// Bytes that are the same in every run.
fn noise(seed: u64) -> blake3::OutputReader {
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof()
}

/// Copies what is shared into another folder and returns the copy's place.
pub(crate) fn copy(source: &Path, folder: &Path) -> Result<PathBuf> {
    let Some(name) = source.file_name() else { bail!("the source has no name") };
    let copy = folder.join(name);
    for entry in WalkDir::new(source) {
        let entry = entry?;
        let place = entry.path().strip_prefix(source)?;
        // A file is the root of its own walk, and joining nothing would add a separator.
        let to = if place.as_os_str().is_empty() { copy.clone() } else { copy.join(place) };
        if entry.file_type().is_dir() {
            fs::create_dir(&to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(copy)
}

/// Whether the folder holds exactly what was shared.
pub(crate) fn compare(task: &Task, into: &Path) -> Result<()> {
    let Some(name) = task.source.file_name() else { bail!("the source has no name") };
    let arrived = into.join(name);
    if task.source.is_file() {
        return same_file(&task.source, &arrived);
    }
    let mut files = 0;
    for entry in WalkDir::new(&task.source) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let place = entry.path().strip_prefix(&task.source)?;
            same_file(entry.path(), &arrived.join(place))?;
            files += 1;
        }
    }
    ensure!(files == task.files, "there were {files} files to compare, not {}", task.files);
    let others = WalkDir::new(&arrived).into_iter().filter_map(Result::ok);
    let others = others.filter(|entry| entry.file_type().is_file()).count() as u64;
    ensure!(others == files, "{others} files arrived, not {files}");
    Ok(())
}

fn same_file(source: &Path, arrived: &Path) -> Result<()> {
    let missing = || format!("did not arrive: {}", arrived.display());
    let mut copy = File::open(arrived).wrap_err_with(missing)?;
    let mut original = File::open(source)?;
    let (wanted, there) = (original.metadata()?.len(), copy.metadata()?.len());
    ensure!(wanted == there, "{there} bytes instead of {wanted}: {}", arrived.display());
    let (mut one, mut other) = (vec![0; MIB as usize], vec![0; MIB as usize]);
    let mut left = wanted;
    while left > 0 {
        let length = left.min(MIB) as usize;
        original.read_exact(&mut one[..length])?;
        copy.read_exact(&mut other[..length])?;
        let place = wanted - left;
        ensure!(one[..length] == other[..length], "wrong after {place}: {}", arrived.display());
        left -= length as u64;
    }
    Ok(())
}

/// Writes a small file of a contender's own, such as its configuration.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
