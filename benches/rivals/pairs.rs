//! [`Comparison`]: the same work by ours and by each rival, in alternating pairs.
//!
//! A ratio compares two runs that stood beside each other, so that a machine which slows down
//! in between does not speak for or against anybody; who begins a pair changes with every round.
//! Invariant: what is counted has arrived and is right.

use color_eyre::eyre::Result;

use crate::{
    contender::{Contender, NotYet, Task},
    files::{self, Work},
    measure::Measured,
    options::Options,
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Fetching what one or more sources share already.
    Fetch,
    /// Sharing, from nothing.
    Share,
    /// Sharing from nothing, then fetching.
    ShareAndFetch,
    /// Fetching to stdout, up to the first byte.
    FirstByte,
}

/// One who takes part.
pub(crate) struct Entry {
    contender: Box<dyn Contender>,
    /// What is installed.
    pub(crate) version: String,
    /// Its runs.
    pub(crate) runs: Vec<Measured>,
    /// Ours beside each of them.
    pub(crate) beside: Vec<Measured>,
    /// Why it has no more of them.
    pub(crate) failure: Option<String>,
}

impl Entry {
    /// As it stands in the table.
    pub(crate) fn name(&self) -> &'static str {
        self.contender.name()
    }
}

/// Who does what.
pub(crate) struct Comparison<'a> {
    /// As it is named on the command line.
    pub(crate) name: &'a str,
    /// What is measured.
    pub(crate) kind: Kind,
    /// What is shared.
    pub(crate) task: Task,
    /// Pairs with each rival.
    pub(crate) rounds: u32,
    /// This program.
    pub(crate) ours: Entry,
    /// The others that are installed.
    pub(crate) rivals: Vec<Entry>,
}

/// Those that are wanted and installed; says of the others how to get them.
pub(crate) fn present(rivals: Vec<Box<dyn Contender>>, options: &Options) -> Vec<Entry> {
    let wanted = rivals.into_iter().filter(|rival| options.wants(rival.name()));
    wanted
        .filter_map(|rival| match rival.version() {
            Ok(version) => Some(entry(rival, version)),
            Err(error) => {
                println!("without {}: {error}", rival.name());
                None
            }
        })
        .collect()
}

/// One who takes part, before it has.
pub(crate) fn entry(contender: Box<dyn Contender>, version: String) -> Entry {
    Entry { contender, version, runs: Vec::new(), beside: Vec::new(), failure: None }
}

impl Comparison<'_> {
    /// Measures everything. A rival that fails drops out; ours is what it is all about.
    ///
    /// # Errors
    /// When ours fails: [`NotYet`] if it cannot do such a thing at all.
    pub(crate) fn measure(&mut self, work: &Work) -> Result<()> {
        let ended = self.begin(work).and_then(|()| self.rounds(work));
        for entry in std::iter::once(&mut self.ours).chain(&mut self.rivals) {
            entry.contender.clean_up();
            // The next comparison may need the room.
            work.fresh(&at_home(entry, &self.task, work).home)?;
        }
        ended
    }

    /// Everybody shares, where that is not part of what is measured.
    fn begin(&mut self, work: &Work) -> Result<()> {
        if matches!(self.kind, Kind::Share | Kind::ShareAndFetch) {
            return Ok(());
        }
        prepare(&mut self.ours, &self.task, work)?;
        for rival in &mut self.rivals {
            let prepared = prepare(rival, &self.task, work);
            rival.failure = prepared.err().map(|error| format!("{error:#}"));
        }
        Ok(())
    }

    fn rounds(&mut self, work: &Work) -> Result<()> {
        for round in 0..self.rounds {
            if self.rivals.iter().all(|rival| rival.failure.is_some()) {
                let run = once(&mut self.ours, self.kind, &self.task, work)?;
                self.tell(round, &run, None);
                self.ours.runs.push(run);
            }
            for number in 0..self.rivals.len() {
                if self.rivals[number].failure.is_none() {
                    self.pair(round, number, work)?;
                }
            }
        }
        Ok(())
    }

    fn pair(&mut self, round: u32, number: usize, work: &Work) -> Result<()> {
        let (kind, task) = (self.kind, &self.task);
        let rival = &mut self.rivals[number];
        let ours_first = round.is_multiple_of(2);
        let before = if ours_first { Some(once(&mut self.ours, kind, task, work)?) } else { None };
        let theirs = once(rival, kind, task, work);
        let ours = match before {
            Some(run) => run,
            None => once(&mut self.ours, kind, task, work)?,
        };
        self.ours.runs.push(ours);
        match theirs {
            Ok(run) => {
                rival.runs.push(run);
                rival.beside.push(ours);
                self.tell(round, &ours, Some((number, &run)));
            }
            Err(error) => rival.failure = Some(format!("{error:#}")),
        }
        Ok(())
    }

    fn tell(&self, round: u32, ours: &Measured, theirs: Option<(usize, &Measured)>) {
        let rival = theirs.map_or(String::new(), |(number, run)| {
            format!(", {} {:.2} s", self.rivals[number].name(), run.elapsed.as_secs_f64())
        });
        let (name, of, seconds) = (self.name, self.rounds, ours.elapsed.as_secs_f64());
        eprintln!("{name}: round {} of {of}: ours {seconds:.2} s{rival}", round + 1);
    }
}

/// The task as this contender has it.
fn at_home(entry: &Entry, task: &Task, work: &Work) -> Task {
    Task { home: work.path().join(format!("home of {}", entry.name())), ..task.clone() }
}

fn prepare(entry: &mut Entry, task: &Task, work: &Work) -> Result<Measured> {
    let mut task = at_home(entry, task, work);
    work.fresh(&task.home)?;
    if entry.contender.touches_source() {
        let copies = task.home.join("copy");
        std::fs::create_dir(&copies)?;
        task.source = files::copy(&task.source, &copies)?;
    }
    entry.contender.prepare(&task)
}

/// One run, compared.
fn once(entry: &mut Entry, kind: Kind, task: &Task, work: &Work) -> Result<Measured> {
    match kind {
        Kind::Fetch => fetch(entry, task, work),
        Kind::FirstByte => {
            let task = at_home(entry, task, work);
            entry.contender.first_byte(&task)
        }
        Kind::Share => {
            let shared = prepare(entry, task, work);
            entry.contender.clean_up();
            shared
        }
        Kind::ShareAndFetch => {
            let both = prepare(entry, task, work)
                .and_then(|shared| Ok(fetch(entry, task, work)?.after(shared)));
            entry.contender.clean_up();
            both
        }
    }
}

fn fetch(entry: &mut Entry, task: &Task, work: &Work) -> Result<Measured> {
    let into = work.fresh(&work.path().join("into"))?;
    let task = at_home(entry, task, work);
    let run = entry.contender.run(&task, &into)?;
    files::compare(&task, &into)?;
    // Not kept until the next: two of the largest may not fit.
    std::fs::remove_dir_all(&into)?;
    Ok(run)
}

/// Whether an error only says that there is no such thing yet.
pub(crate) fn not_yet(error: &color_eyre::Report) -> bool {
    error.downcast_ref::<NotYet>().is_some()
}
