//! Hashing and sharing against `sha1sum` and `b3sum`: one large file, and many small ones.
//!
//! Everything is a process of its own, in turns, in one run on one machine, five times each. Files
//! are in memory (`/dev/shm` where it is there), so that no disk is measured.
//!
//! ```sh
//! cargo install b3sum                  # once; without it that column is left out
//! cargo bench --bench hashing
//! cargo bench --bench hashing -- --rounds 3 --mib 4096 --files 100000
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::{
    env, fs,
    io::Read,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use p2pfs_tui::{
    application::{
        config::{NodeConfig, Overlay, Seeding},
        indexing::IndexingService,
        limits,
    },
    network::content::hash::{hash_file, open_regular},
};
use sha1::{Digest, Sha1};

/// Clock ticks in a second, in which Linux tells processor time.
const TICKS: f64 = 100.0;
/// Bytes of a small file.
const SMALL: usize = 4096;

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["hash", file, data] => hash(Path::new(file), Path::new(data)),
        ["sha1", file] => sha1_alone(Path::new(file)),
        ["share", folder, data] => share(Path::new(folder), Path::new(data)),
        _ => compare(&Options::of(&words)),
    }
}

/// What is measured.
struct Options {
    rounds: usize,
    mib: u64,
    files: u64,
}

impl Options {
    fn of(words: &[&str]) -> Self {
        let mut options = Self { rounds: 5, mib: 1024, files: 10_000 };
        for pair in words.chunks(2) {
            match *pair {
                ["--rounds", n] => options.rounds = n.parse().unwrap(),
                ["--mib", n] => options.mib = n.parse().unwrap(),
                ["--files", n] => options.files = n.parse().unwrap(),
                _ => panic!("unknown: {pair:?}; there are --rounds N, --mib N and --files N"),
            }
        }
        options
    }
}

/// As a process of its own: hashes one file as the node does, and tells the most memory it had.
fn hash(file: &Path, data: &Path) {
    let (file, _) = open_regular(file).unwrap();
    let mut peak = 0;
    let hashed = hash_file(&file, data, &mut |read| {
        if read.trailing_zeros() >= 25 {
            peak = peak.max(own_pages());
        }
        ControlFlow::Continue(())
    });
    println!("{peak} {}", hashed.unwrap().content.root);
}

/// As a process of its own: what hashing cannot be faster than, as the same code does it alone.
fn sha1_alone(file: &Path) {
    let (mut file, mut sha1) = (fs::File::open(file).unwrap(), Sha1::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).unwrap() {
            0 => break,
            length => sha1.update(&piece[..length]),
        }
    }
    println!("{:x?}", sha1.finalize());
}

/// As a process of its own: a service that begins with nothing shares a folder, and is stopped once
/// all of it is served; then everything is in the index, too.
fn share(folder: &Path, data: &Path) {
    let config = NodeConfig {
        data_dir: data.to_owned(),
        download_dir: data.join("downloads"),
        network: "bench".parse().unwrap(),
        overlay: Overlay::Libp2p,
        listen: Vec::new(),
        bootstrap: Vec::new(),
        mdns: false,
        shares: Vec::new(),
        serve_remembered: true,
        limits: limits::Settings::default(),
        seeding: Seeding::No,
        connections: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let begun = Instant::now();
        let (service, mut changes) = IndexingService::start(&config).await.unwrap();
        let taker = tokio::spawn(async move { while changes.recv().await.is_some() {} });
        let mut generation = service.generation();
        if service.roots().is_empty() {
            service.share(folder.to_owned(), true).await.unwrap();
        }
        let expected = fs::read_dir(folder).unwrap().count() as u64;
        loop {
            generation.borrow_and_update();
            if service.totals().files == expected {
                break;
            }
            generation.changed().await.unwrap();
        }
        let served = begun.elapsed();
        let hashed = service.files_hashed();
        service.stop().await;
        let pages = own_pages();
        println!("{pages} {hashed} {} {}", served.as_micros(), begun.elapsed().as_micros());
        drop(service);
        taker.await.unwrap();
    });
}

/// Bytes of this process's memory that no file is behind.
fn own_pages() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// One run of a process.
struct Run {
    wall: Duration,
    /// Processor seconds, of all its threads.
    cpu: f64,
    output: String,
}

fn run(command: &mut Command) -> Run {
    let (cpu, begun) = (cpu_of_children(), Instant::now());
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let wall = begun.elapsed();
    assert!(output.status.success(), "{command:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    Run { wall, cpu: cpu_of_children() - cpu, output }
}

/// Processor seconds of all processes that were waited for.
fn cpu_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Fields 16 and 17 of proc(5); the third is the first after the name.
    (13..15).map(|at| fields[at].parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Somebody who hashes, and how they are called.
struct Contender {
    name: &'static str,
    command: Box<dyn Fn() -> Command>,
    runs: Vec<Run>,
}

impl Contender {
    fn new(name: &'static str, command: impl Fn() -> Command + 'static) -> Self {
        Self { name, command: Box::new(command), runs: Vec::new() }
    }

    fn wall(&self) -> f64 {
        median(self.runs.iter().map(|run| run.wall.as_secs_f64()).collect())
    }

    fn cpu(&self) -> f64 {
        median(self.runs.iter().map(|run| run.cpu).collect())
    }

    /// The median of a number in what it wrote.
    fn told(&self, at: usize) -> f64 {
        let number =
            |run: &Run| run.output.split_whitespace().nth(at).unwrap().parse::<f64>().unwrap();
        median(self.runs.iter().map(number).collect())
    }
}

/// Ourselves in another process. Each time with an empty data directory, or with that of before.
fn ourselves(what: &'static str, subject: &Path, data: &Path, afresh: bool) -> Contender {
    let (subject, data) = (subject.to_owned(), data.to_owned());
    let name = if afresh { "p2pfs-tui" } else { "p2pfs-tui, restarted" };
    Contender::new(name, move || {
        if afresh {
            let _ = fs::remove_dir_all(&data);
            fs::create_dir_all(&data).unwrap();
        }
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg(what).args([&subject, &data]);
        command
    })
}

fn rivals(files: &[PathBuf]) -> Vec<Contender> {
    let there = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let mut rivals = Vec::new();
    for name in ["sha1sum", "b3sum"] {
        if !there(&name) {
            println!("{name} is not installed: it is left out");
            continue;
        }
        let files = files.to_vec();
        rivals.push(Contender::new(name, move || {
            let mut command = Command::new(name);
            command.args(&files);
            command
        }));
    }
    rivals
}

fn take_turns(contenders: &mut [Contender], rounds: usize) {
    for _ in 0..rounds {
        for contender in &mut *contenders {
            let mut command = (contender.command)();
            contender.runs.push(run(&mut command));
        }
    }
}

fn compare(options: &Options) {
    let base = Some(Path::new("/dev/shm")).filter(|memory| memory.is_dir());
    let base = base.map_or_else(env::temp_dir, Path::to_owned);
    let folder = tempfile::Builder::new().prefix("hashing").tempdir_in(base).unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    println!("{cores} cores, {} rounds, in {}\n", options.rounds, folder.path().display());
    large_file(options, folder.path());
    small_files(options, folder.path());
}

fn large_file(options: &Options, folder: &Path) {
    let (file, data) = (folder.join("large"), folder.join("data"));
    let mut source = blake3::Hasher::new().update(b"bench").finalize_xof();
    let mut target = fs::File::create(&file).unwrap();
    let mut piece = vec![0; 1 << 20];
    for _ in 0..options.mib {
        source.fill(&mut piece);
        std::io::Write::write_all(&mut target, &piece).unwrap();
    }
    let alone = file.clone();
    let mut contenders = vec![
        ourselves("hash", &file, &data, true),
        Contender::new("SHA-1 alone, same code", move || {
            let mut command = Command::new(env::current_exe().unwrap());
            command.arg("sha1").arg(&alone);
            command
        }),
    ];
    contenders.extend(rivals(std::slice::from_ref(&file)));
    take_turns(&mut contenders, options.rounds);
    println!("One file of {} MiB; ours gives SHA-1, BLAKE3 and the outboard.\n", options.mib);
    println!("| | s | MiB/s | of ours | CPU s/GiB | own pages, MiB |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let (gib, ours) = (options.mib as f64 / 1024.0, contenders[0].wall());
    for (at, contender) in contenders.iter().enumerate() {
        let wall = contender.wall();
        let pages = if at == 0 { format!("{:.1}", mib(contender.told(0))) } else { String::new() };
        println!(
            "| {} | {wall:.3} | {:.0} | {:.2} | {:.2} | {pages} |",
            contender.name,
            options.mib as f64 / wall,
            wall / ours,
            contender.cpu() / gib,
        );
    }
    println!();
    fs::remove_file(file).unwrap();
}

fn small_files(options: &Options, folder: &Path) {
    let (shared, data) = (folder.join("small"), folder.join("index"));
    fs::create_dir(&shared).unwrap();
    let files: Vec<PathBuf> =
        (0..options.files).map(|n| shared.join(format!("item number {n}.bin"))).collect();
    for (n, file) in files.iter().enumerate() {
        let mut bytes = [0; SMALL];
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
        fs::write(file, bytes).unwrap();
    }
    let mut contenders =
        vec![ourselves("share", &shared, &data, true), ourselves("share", &shared, &data, false)];
    // More do not fit on a command line.
    contenders.extend(rivals(&files[..files.len().min(20_000)]));
    take_turns(&mut contenders, options.rounds);
    println!(
        "{} files of {SMALL} bytes; ours are scanned, served, and in the index.\n",
        files.len()
    );
    println!("| | s | until served, s | CPU s | hashed | own pages, MiB |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (at, contender) in contenders.iter().enumerate() {
        let (wall, cpu) = (contender.wall(), contender.cpu());
        print!("| {} | {wall:.3} |", contender.name);
        if at < 2 {
            let (served, pages) = (contender.told(2) / 1e6, mib(contender.told(0)));
            println!(" {served:.3} | {cpu:.2} | {} | {pages:.1} |", contender.told(1));
        } else {
            println!(" | {cpu:.2} | {} | |", files.len().min(20_000));
        }
    }
}

fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
