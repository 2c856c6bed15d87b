//! Compares this program with what a person would use instead: `cargo bench --bench rivals`.
//!
//! Every contender does the same work on this machine in this run, in pairs with ours, and each
//! result is compared byte for byte. Nothing here decides who is better: medians, ratios and what
//! they cost are printed, and where a goal is missed, by how much.
//!
//! Invariant: no traffic leaves this machine, and no process or file outlives the run.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::print_stderr, reason = "what is being waited for is told apart from the table")]

mod alone;
mod contender;
mod files;
mod http;
mod interrupt;
mod libtorrent;
mod machine;
mod measure;
mod nginx;
mod node;
mod options;
mod ours;
mod pairs;
mod process;
mod report;
mod rqbit;
mod scenarios;
mod sendme;
mod summary;
mod sums;
mod table;
mod tools;

use std::process::ExitCode;

use clap::Parser;
use color_eyre::eyre::Result;

use crate::options::Options;

fn main() -> Result<ExitCode> {
    color_eyre::install()?;
    let options = Options::parse();
    let Some(scenarios) = options.scenarios() else {
        println!("{}", options::WITHOUT_BENCH);
        return Ok(ExitCode::SUCCESS);
    };
    let alone = alone::enter();
    let work = files::Work::create(options.room(&scenarios))?;
    interrupt::end_everything_on_signals(work.path());
    machine::describe(&work, alone);
    let mut failed = false;
    for scenario in scenarios {
        failed |= !scenarios::run(scenario, &options, &work)?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
