//! Programs that only hash: sha1sum, openssl, b3sum.

use std::path::PathBuf;

use color_eyre::eyre::Result;
use walkdir::WalkDir;

use crate::{
    contender::{Contender, Task},
    measure::{Measured, Meter, Side},
    process::Process,
    tools,
};

/// One such program. To be ready to share is to have printed the hashes.
#[derive(Debug)]
pub(crate) struct Sum {
    name: &'static str,
    program: &'static str,
    part: &'static str,
    flags: &'static [&'static str],
}

/// SHA-1 as Debian's coreutils have it.
pub(crate) const SHA1SUM: Sum =
    Sum { name: "sha1sum", program: "sha1sum", part: "debian", flags: &[] };

/// SHA-1 with the processor's instructions for it.
pub(crate) const OPENSSL: Sum =
    Sum { name: "openssl sha1", program: "openssl", part: "debian", flags: &["dgst", "-sha1"] };

/// BLAKE3 on one core.
pub(crate) const B3SUM_ONE: Sum = Sum {
    name: "b3sum, one thread",
    program: "b3sum",
    part: "b3sum",
    flags: &["--num-threads", "1"],
};

/// BLAKE3 on all cores, from a mapped file.
pub(crate) const B3SUM: Sum =
    Sum { name: "b3sum, all threads", program: "b3sum", part: "b3sum", flags: &[] };

impl Contender for Sum {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String> {
        let flag = if self.program == "openssl" { "version" } else { "--version" };
        tools::version(&tools::find(self.program, self.part)?, flag)
    }

    fn prepare(&mut self, task: &Task) -> Result<Measured> {
        let files: Result<Vec<PathBuf>, _> = WalkDir::new(&task.source)
            .into_iter()
            .filter(|entry| entry.as_ref().map_or(true, |it| it.file_type().is_file()))
            .map(|entry| Ok::<_, walkdir::Error>(entry?.into_path()))
            .collect();
        let mut command = tools::command(&tools::find(self.program, self.part)?, &task.home);
        command.args(self.flags).args(files?);
        let meter = Meter::start(&[], &[])?;
        let mut process = Process::start(&mut command)?;
        meter.add(Side::Sending, process.pid());
        process.wait_for_end()?;
        let measured = meter.stop()?;
        process.succeed()?;
        Ok(measured)
    }

    fn clean_up(&mut self) {}
}
