//! The comparisons that can be asked for, and their goals.

use color_eyre::eyre::Result;

use crate::{
    contender::{Contender, Task},
    files::Work,
    libtorrent::Libtorrent,
    nginx::Nginx,
    options::{Options, Scenario},
    ours::Ours,
    pairs::{self, Comparison, Kind},
    report::{self, Goal},
    rqbit::Rqbit,
    sendme::Sendme,
    sums,
};

type Rivals = Vec<Box<dyn Contender>>;

/// What each of several sources may send, in MiB per second.
const LIMIT: u64 = 10;

/// How a comparison is told apart from the others, and what it is about.
struct About<'a> {
    name: &'a str,
    kind: Kind,
    rounds: u32,
    text: String,
}

/// Runs one and prints its table; `false` if something failed that should not.
pub(crate) fn run(scenario: Scenario, options: &Options, work: &Work) -> Result<bool> {
    match scenario {
        Scenario::Transfer => transfer(options, work),
        Scenario::Hashing => Ok(hash_large(options, work)? & hash_small(options, work)?),
        Scenario::Many => many(options, work),
        Scenario::FourSources => four_sources(options, work),
        Scenario::FirstByte => first_byte(options, work),
        Scenario::Memory => memory(options, work),
    }
}

fn transfer(options: &Options, work: &Work) -> Result<bool> {
    let text = format!(
        "one source, {} MiB, until the file is complete under its name; ours: `get` beside a \
         running node, with one running at the source",
        options.size
    );
    let about = About { name: "transfer", kind: Kind::Fetch, rounds: options.runs, text };
    let rivals: Rivals = vec![
        Box::new(Nginx::plain()),
        Box::new(Nginx::encrypted()),
        Box::new(Sendme::default()),
        Box::new(Rqbit::default()),
        Box::new(Libtorrent::default()),
    ];
    let goals = [
        Goal::Times(1.0, "nginx + curl, HTTPS"),
        Goal::Times(4.0, "sendme"),
        Goal::Times(2.0, "libtorrent"),
        Goal::Times(2.5, "rqbit"),
        Goal::CpuPerGib(2.9),
        Goal::Memory(64.0),
    ];
    compare(about, work.large(options.size)?, rivals, &goals, options, work)
}

fn hash_large(options: &Options, work: &Work) -> Result<bool> {
    let text = format!("one file of {} MiB, from the start of the program: {READY}", options.size);
    let about = About { name: "hashing", kind: Kind::Share, rounds: options.runs, text };
    let goals = [Goal::Times(1.0, sums::OPENSSL.name()), Goal::Memory(64.0)];
    compare(about, work.large(options.size)?, hashers(), &goals, options, work)
}

fn hash_small(options: &Options, work: &Work) -> Result<bool> {
    let text = format!("{} files of 4 KiB, from the start of the program: {READY}", options.files);
    let about = About { name: "hashing", kind: Kind::Share, rounds: options.runs, text };
    compare(about, work.small(options.files)?, hashers(), &[Goal::Memory(64.0)], options, work)
}

/// What being ready means, for each.
const READY: &str = "ours until `daemon --share` has hashed everything, rqbit until `share` \
                     serves it, the others until they have printed the hashes";

fn hashers() -> Rivals {
    vec![
        Box::new(sums::SHA1SUM),
        Box::new(sums::OPENSSL),
        Box::new(sums::B3SUM_ONE),
        Box::new(sums::B3SUM),
        Box::new(Rqbit::default()),
    ]
}

fn many(options: &Options, work: &Work) -> Result<bool> {
    let text = format!("{} files of 4 KiB as one collection or torrent", options.files);
    let about = About { name: "many", kind: Kind::ShareAndFetch, rounds: options.runs, text };
    let rivals: Rivals = vec![Box::new(Rqbit::default()), Box::new(Sendme::default())];
    let goals = [Goal::Times(1.0, "rqbit"), Goal::Memory(64.0)];
    compare(about, work.small(options.files)?, rivals, &goals, options, work)
}

fn four_sources(options: &Options, work: &Work) -> Result<bool> {
    let text = format!("four sources of {LIMIT} MiB/s each, {} MiB", options.size);
    let about = About { name: "four-sources", kind: Kind::Fetch, rounds: options.runs, text };
    let rivals: Rivals = vec![Box::new(Rqbit::default()), Box::new(Libtorrent::default())];
    let task = Task { sources: 4, limit: Some(LIMIT), ..work.large(options.size)? };
    compare(about, task, rivals, &[Goal::Speed(38.0), Goal::Memory(64.0)], options, work)
}

fn first_byte(options: &Options, work: &Work) -> Result<bool> {
    let text = format!(
        "{} MiB to stdout, from the start of the command to the first byte; ours: `get -o -` \
         beside a node that is connected to the provider, and the link names it",
        options.size
    );
    let about = About { name: "first-byte", kind: Kind::FirstByte, rounds: options.runs, text };
    let rivals: Rivals = vec![Box::new(Nginx::encrypted())];
    compare(about, work.large(options.size)?, rivals, &[Goal::Seconds(0.05)], options, work)
}

fn memory(options: &Options, work: &Work) -> Result<bool> {
    let text = format!("{} MiB shared and fetched, once", options.memory_size);
    let about = About { name: "memory", kind: Kind::ShareAndFetch, rounds: 1, text };
    let task = work.large(options.memory_size)?;
    compare(about, task, Vec::new(), &[Goal::Memory(64.0)], options, work)
}

fn compare(
    about: About,
    task: Task,
    rivals: Rivals,
    goals: &[Goal],
    options: &Options,
    work: &Work,
) -> Result<bool> {
    let About { name, kind, rounds, text } = about;
    let task = Task { is_fetched: kind != Kind::Share, ..task };
    println!("\n## {name}\n\n{text}. Medians of {rounds}; memory: the most.");
    let ours = Ours::default();
    let version = ours.version()?;
    let ours = pairs::entry(Box::new(ours), version);
    let rivals = pairs::present(rivals, options);
    let mut comparison = Comparison { name, kind, task, rounds, ours, rivals };
    match comparison.measure(work) {
        Ok(()) => {}
        Err(error) if pairs::not_yet(&error) => {
            println!("left out: {error}");
            return Ok(true);
        }
        Err(error) => comparison.ours.failure = Some(format!("{error:#}")),
    }
    report::print(&comparison, goals);
    let entries = std::iter::once(&comparison.ours).chain(&comparison.rivals);
    Ok(entries.into_iter().all(|entry| entry.failure.is_none()))
}
